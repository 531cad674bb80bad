"""What is cleared away every hour, by one process of all."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import structlog

from holdfast.db.pool import Pool

Sweep: TypeAlias = Callable[[Pool], Awaitable[int]]
"""Clears away a bounded part of what is due, and says how much that was: it is called again until that is nothing."""

LOCK: Final = (0x48460004, 1)  # "HF", advisory lock of the process that sweeps
EVERY_SECONDS: Final = 3600.0
MOST_ROUNDS: Final = 1000  # calls of one sweep in a row
FIRST_AFTER_SECONDS: Final = 60.0  # a start has better things to do
_log: Final = structlog.get_logger("holdfast.sweeps")


async def sweep_forever(pool: Pool, sweeps: Mapping[str, Sweep]) -> None:
    """Sweep until cancelled. A sweep that fails is logged and tried again the next time."""
    await asyncio.sleep(FIRST_AFTER_SECONDS)
    while True:
        try:
            await sweep_once(pool, sweeps)
        except Exception as failure:  # the task must outlive a database that is away
            _log.warning("clearing away was not possible", reason=str(failure))
        await asyncio.sleep(EVERY_SECONDS - time.time() % EVERY_SECONDS)  # at the full hour, as /api/crons says


async def sweep_once(pool: Pool, sweeps: Mapping[str, Sweep]) -> bool:
    """Run every sweep; False when another process is at it.

    The lock lives on a connection of its own, so it goes away with this process, however that ends.
    """
    connection = await pool.connect()
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *LOCK):
            return False
        for name, sweep in sweeps.items():
            await _run(name, sweep, pool)
        return True
    finally:
        await connection.close()


async def _run(name: str, sweep: Sweep, pool: Pool) -> None:
    try:
        for _ in range(MOST_ROUNDS):
            if not await sweep(pool):
                return
    except Exception as failure:  # one that fails must not keep the others from their turn
        _log.error("a sweep failed", sweep=name, exc_info=failure)
