"""Counts the requests of this process: plain numbers, which become metrics when somebody asks. About 1 us each."""

from bisect import bisect_left
from typing import Final

import msgspec

from holdfast.observe import BOUNDS_MS, Observer, RequestSeen

OTHER: Final = "other"
"""The route of what fits none, and a method that is none of METHODS: nobody can make up labels."""
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
MOST_KEPT: Final = 5_000  # combinations of method, route and status; there are a few hundred


class RequestCount(msgspec.Struct, frozen=True, array_like=True):
    """Requests of one method to one route that were answered with one status.

    `ms` is how long they took together; `spread` how many of them took up to each of BOUNDS_MS and longer than the one
    before, and last how many took longer than all.
    """

    method: str
    route: str
    status: int
    ms: float
    spread: tuple[int, ...]


class _Count:
    __slots__ = ("method", "ms", "route", "spread", "status")

    def __init__(self, method: str, route: str, status: int) -> None:
        self.method = method
        self.route = route
        self.status = status
        self.ms = 0.0
        self.spread = [0] * (len(BOUNDS_MS) + 1)


class RequestCounts:
    """An observer that counts, and passes on to another what it is told."""

    def __init__(self, after: Observer) -> None:
        self._after = after
        self._counts: dict[tuple[str, str, int], _Count] = {}

    def request(self, seen: RequestSeen) -> None:
        """Count a request."""
        found = self._counts.get((seen.method, seen.route, seen.status))
        if found is None:
            found = self._bounded(seen)
        found.ms += seen.ms
        found.spread[bisect_left(BOUNDS_MS, seen.ms)] += 1
        self._after.request(seen)

    def _bounded(self, seen: RequestSeen) -> _Count:
        method = seen.method if seen.method in METHODS else OTHER
        key = (method, seen.route, seen.status)
        if key not in self._counts and len(self._counts) >= MOST_KEPT:
            key = (OTHER, OTHER, 0)
        return self._counts.setdefault(key, _Count(*key))

    def now(self) -> tuple[RequestCount, ...]:
        """All counts since the process began."""
        return tuple(
            RequestCount(one.method, one.route or OTHER, one.status, one.ms, tuple(one.spread))
            for one in self._counts.values()
        )
