"""How many requests API keys make, day by day: counted in memory, and written once in a while for all keys at once."""

import asyncio
from typing import Final

import asyncpg
import structlog

from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import ApiError

EVERY_SECONDS: Final = 60.0
TOLD_DAYS: Final = 30
"""Of which requests are told: today, and the days before it."""
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_TODAY: Final = raw("(now() AT TIME ZONE 'UTC')::date")
_ADD: Final = Statement.of(
    raw("INSERT INTO holdfast.key_uses AS u (key_id, day, requests) SELECT n.id, ")
    + _TODAY
    + raw(", n.requests FROM unnest(")
    + named("ids", "text[]")
    + raw(", ")
    + named("requests", "bigint[]")
    + raw(") AS n (id, requests) ON CONFLICT (key_id, day) DO UPDATE SET requests = u.requests + excluded.requests")
)
_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.key_uses WHERE day <= ") + _TODAY + raw(" - ") + value(TOLD_DAYS, "integer")
)
REQUESTS: Final = (
    raw("coalesce((SELECT sum(u.requests) FROM holdfast.key_uses AS u WHERE u.key_id = k.id AND u.day > ")
    + _TODAY
    + raw(" - ")
    + value(TOLD_DAYS, "integer")
    + raw("), 0)::bigint AS requests")
)
"""A column of the key `k`: its requests of the last TOLD_DAYS."""
_log: Final = structlog.get_logger("holdfast.keys")


class KeyUses:
    """What one process counts. A request costs an addition; nothing is written while no key is used."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._waiting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, engine: Engine, key_id: str) -> None:
        """A request came with the key."""
        self._counts[key_id] = self._counts.get(key_id, 0) + 1
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._write_later(engine.pool), name="write how keys are used")
            self._tasks.add(self._waiting)
            self._waiting.add_done_callback(self._tasks.discard)

    async def _write_later(self, pool: Pool) -> None:
        try:
            await asyncio.sleep(EVERY_SECONDS)
        finally:  # also when the server ends
            self._waiting = None
            await self._write(pool)

    async def _write(self, pool: Pool) -> None:
        """Write what was counted. Never raises: what cannot be written waits for the next time."""
        counts, self._counts = self._counts, {}
        ids = sorted(counts)  # in one order, so that two processes cannot wait for each other
        try:
            await pool.execute(_ADD, Inputs(named={"ids": ids, "requests": [counts[id] for id in ids]}))
        except _FAILURES as failure:
            for id, count in counts.items():
                self._counts[id] = self._counts.get(id, 0) + count
            _log.warning("How API keys are used could not be written", reason=type(failure).__name__)

    async def close(self) -> None:
        """Write what is left, and wait for what is being written."""
        if self._waiting is not None:
            self._waiting.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def sweep_key_uses(pool: Pool) -> int:
    """Let days go that are told no more; says how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
