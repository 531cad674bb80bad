"""What processes ask each other about a client, as one holds its line and another got its request."""

from typing import Literal, TypeAlias

import msgspec

from holdfast.auth.standing import Standing
from holdfast.realtime.topic import Topic

Outcome: TypeAlias = Literal["done", "unknown", "another", "away", "full"]
"""`unknown`: there is no such client (or it did not subscribe to that); `another`: the line is somebody else's;
`away`: the database does not answer; `full`: all clients together have too many topics."""


class Subscribe(msgspec.Struct, frozen=True, tag=True):
    """From now on the client hears these topics with these rights, and before that what came after `since`."""

    client_id: str
    topics: tuple[Topic, ...]
    standing: Standing
    since: str = ""


class Send(msgspec.Struct, frozen=True, tag=True):
    """A message under a name that the client subscribed to; `once` ends that subscription."""

    client_id: str
    name: str
    data: str  # JSON
    once: bool


class Report(msgspec.Struct, frozen=True, tag=True):
    """What the process has counted, if it is one of this server."""

    server: str


class Look(msgspec.Struct, frozen=True, tag=True):
    """Which clients there are."""


class HangUp(msgspec.Struct, frozen=True, tag=True):
    """The line of a client is to be closed."""

    client_id: str


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A client as an operator sees it. `opened` is in seconds since 1970, `sent` counts messages."""

    id: str
    who: str
    kind: str
    opened: float
    topics: tuple[str, ...]
    count: int
    sent: int
    waiting: int
    live: bool
    address: str
    agent: str
    socket: bool


Question: TypeAlias = Subscribe | Send | Report | Look | HangUp


class Answer(msgspec.Struct, frozen=True):
    """What came of a question."""

    outcome: Outcome


def read_question(content: bytes) -> Question:
    """A question as it came from another process."""
    return msgspec.json.decode(content, type=Question)


def read_answer(content: bytes) -> Answer:
    """An answer as it came from another process."""
    return msgspec.json.decode(content, type=Answer)
