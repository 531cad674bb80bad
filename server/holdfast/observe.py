"""What can be observed of a server, as values. logs.py writes them down."""

from typing import Final, Protocol

import msgspec


class RequestSeen(msgspec.Struct, frozen=True):
    """One request that was answered.

    `route` is the pattern that the path fits, empty when none did; `bytes` is the size of the answer's body.
    """

    time: float  # seconds since 1970, when the request came
    ms: float  # until the answer was handed to the network
    id: str
    method: str
    route: str
    path: str
    status: int
    principal: str
    collection: str
    bytes: int


class Place(msgspec.Struct, frozen=True):
    """Which process this is: the number of a worker, and what no other server is called that uses the same database.

    All workers of one server have the same `server`; it is empty where a process is on its own.
    """

    server: str = ""
    worker: int = 1


ALONE: Final = Place()


class Observer(Protocol):
    """Somebody who is told what happens. Called on the hot path: it must not wait."""

    def request(self, seen: RequestSeen) -> None:
        """A request was answered."""
        ...


class NoObserver:
    """Somebody who does not listen."""

    def request(self, seen: RequestSeen) -> None:
        """Nothing happens."""
