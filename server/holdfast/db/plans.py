"""Compiled statements, kept so that a request that looks like an earlier one is not planned again."""

from collections.abc import Hashable
from typing import Final

PLANS_KEPT: Final = 2048  # about 10 kB each with everything that hangs on it: 20 MB when full


class Plans:
    """The plans used last, by whatever makes two requests alike.

    A key begins with the catalog's version: plans of an old version are never found again and drop out at the
    end. Lookups cost about 0.2 us. One process, one event loop: there is nothing to lock.
    """

    __slots__ = ("_kept", "_limit", "hits", "misses")

    def __init__(self, limit: int = PLANS_KEPT) -> None:
        self._kept: dict[Hashable, object] = {}
        self._limit = limit
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> object | None:
        """The plan under this key, which is then the one used last; None if there is none."""
        plan = self._kept.pop(key, None)
        if plan is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept[key] = plan
        return plan

    def put(self, key: Hashable, plan: object) -> None:
        """Keep a plan, at the cost of the one that was not used for longest."""
        self._kept.pop(key, None)
        self._kept[key] = plan
        if len(self._kept) > self._limit:
            del self._kept[next(iter(self._kept))]
