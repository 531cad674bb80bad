"""What can be observed of a server, as values. logs.py writes them down."""

from typing import Final, Protocol, TypeAlias

import msgspec

BOUNDS_MS: Final = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0)
"""The upper bounds of histograms, in milliseconds. What takes longer than the last has a place of its own."""
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
