"""Counts what happens too often to be written down each time: the first at once, those that follow in one entry.

So whoever uses an expired key in a loop makes two entries in WINDOW_SECONDS and process, and the numbers are right.
"""

import asyncio
from collections.abc import Hashable
from typing import Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry
from holdfast.audit.write import write_after
from holdfast.db.pool import Pool

WINDOW_SECONDS: Final = 300.0
MOST_KEPT: Final = 10_000  # things that are counted apart; those beyond are counted together


class _Count:
    """What is counted of one thing. `more` have come since the last entry about it."""

    __slots__ = ("author", "entry", "more", "pool", "timer")

    def __init__(self, pool: Pool, author: Author, entry: Entry, timer: asyncio.TimerHandle) -> None:
        self.pool = pool
        self.author = author
        self.entry = entry
        self.timer = timer
        self.more = 0


class Tally:
    """What one process counts."""

    def __init__(self, window: float = WINDOW_SECONDS, most: int = MOST_KEPT) -> None:
        self._window = window
        self._most = most
        self._counts: dict[Hashable, _Count] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def add(self, pool: Pool, key: Hashable, author: Author, entry: Entry) -> None:
        """Count that this has happened. Nobody waits for the entry."""
        if key not in self._counts and len(self._counts) >= self._most:
            key = entry.action
        count = self._counts.get(key)
        if count is not None:
            count.author, count.entry = author, entry
            count.more += 1
            return
        timer = asyncio.get_running_loop().call_later(self._window, self._end, key)
        self._counts[key] = _Count(pool, author, entry, timer)
        self._write(self._counts[key], 1)

    def _end(self, key: Hashable) -> None:
        """A window is over: write what has come in it, and open another one if that was anything."""
        count = self._counts[key]
        if not count.more:
            del self._counts[key]
            return
        self._write(count, count.more)
        count.more = 0
        count.timer = asyncio.get_running_loop().call_later(self._window, self._end, key)

    def _write(self, count: _Count, times: int) -> None:
        entry = msgspec.structs.replace(count.entry, details={**(count.entry.details or {}), "count": times})
        task = asyncio.create_task(write_after(count.pool, count.author, entry))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Write what is counted and not written yet."""
        for count in self._counts.values():
            count.timer.cancel()
            if count.more:
                self._write(count, count.more)
        self._counts.clear()
        await asyncio.gather(*self._writing)
