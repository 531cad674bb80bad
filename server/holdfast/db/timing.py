"""How long the statements of a process took, by their text: plain numbers, about half a microsecond each."""

from bisect import bisect_left
from typing import Final

import msgspec

from holdfast.observe import BOUNDS_MS

MOST_KEPT: Final = 400
"""Statements that are told apart. Beyond that the half that took less time is forgotten: no more than 2 MB of texts."""


class StatementTime(msgspec.Struct):
    """The runs of a statement, also those that failed: how many took up to each of BOUNDS_MS, all, and the longest."""

    spread: list[int]
    ms: float = 0.0
    most: float = 0.0


class StatementTimes:
    """Counts what it is told, until somebody takes it. Values are no part of a text: they are bound."""

    def __init__(self) -> None:
        self._times: dict[str, StatementTime] = {}

    def note(self, text: str, seconds: float) -> None:
        """A statement has ended. This is on every request's way."""
        ms = seconds * 1000
        found = self._times.get(text)
        if found is None:
            found = self._begin(text)
        found.spread[bisect_left(BOUNDS_MS, ms)] += 1
        found.ms += ms
        if ms > found.most:
            found.most = ms

    def _begin(self, text: str) -> StatementTime:
        if len(self._times) >= MOST_KEPT:
            longest = sorted(self._times.items(), key=lambda one: one[1].ms, reverse=True)
            self._times = dict(longest[: MOST_KEPT // 2])
        made = self._times[text] = StatementTime([0] * (len(BOUNDS_MS) + 1))
        return made

    def take(self) -> dict[str, StatementTime]:
        """All that was counted since the last time."""
        found, self._times = self._times, {}
        return found
