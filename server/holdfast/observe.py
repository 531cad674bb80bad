"""What can be observed of a server, as values. logs.py writes them down."""

from typing import Final, Protocol, TypeAlias

import msgspec

Header: TypeAlias = bytes
"""What a header holds, as it came."""


class RequestSeen(msgspec.Struct, frozen=True):
    """One request that was answered.

    `route` is the pattern that the path fits, empty when none did; `bytes` is the size of the answer's body.
    `database_ms` is the part of `ms` in which records were waited for. `is_console` says that the console's page asked.
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
    database_ms: float = 0.0
    address: str = ""
    agent: Header = b""
    is_console: bool = False


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
