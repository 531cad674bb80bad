"""Answers of other servers that are kept for a while, so that they are not asked for at every request."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

MOST_KEPT: Final = 200  # answers
Answer: TypeAlias = Mapping[str, Any]


class _Kept(msgspec.Struct, frozen=True):
    answer: Answer
    since: float


class Keeping:
    """What this process has asked for lately, by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(self, address: str, ask: Callable[[], Awaitable[Answer]], *, seconds: float) -> Answer:
        """The answer that is kept, if it is no older than so many seconds; else a new one.

        Many who want the same at once ask once. Raises what `ask` raises, and keeps nothing then.
        """
        found = self._fresh(address, seconds)
        if found is not None:
            return found
        lock = self._asking.setdefault(address, asyncio.Lock())
        async with lock:
            found = self._fresh(address, seconds)
            if found is None:
                found = await ask()
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                    self._asking = {address: lock}
                self._kept[address] = _Kept(found, self._clock())
            return found

    def _fresh(self, address: str, seconds: float) -> Answer | None:
        kept = self._kept.get(address)
        return kept.answer if kept is not None and self._clock() - kept.since <= seconds else None
