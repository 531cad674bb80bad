"""One process of many does something: the one that holds an advisory lock, for as long as its connection lives."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import asyncpg

from holdfast.db.pool import Connection, Pool

Lock: TypeAlias = tuple[int, int]
BEAT_SECONDS: Final = 2.0  # between two looks whether the connection is still there
ANSWER_SECONDS: Final = 3.0
PAUSED_SECONDS: Final = 10  # PostgreSQL ends the connection of a leader that is stopped for longer: another takes over


@asynccontextmanager
async def leadership(pool: Pool, lock: Lock) -> AsyncGenerator[Connection | None]:
    """The connection that holds the lock; None if another process leads.

    Who works on it notices by a failure that it is lost. Raises Unavailable or asyncpg's errors while the database is
    away.
    """
    connection = await pool.connect()
    try:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *lock):
            # Not at the connect: PgBouncer refuses settings there that it does not know.
            await connection.execute(f"SET idle_session_timeout = '{PAUSED_SECONDS}s'")
            yield connection
        else:
            yield None
    finally:
        connection.terminate()  # a close would wait for an answer that may never come


async def lead(pool: Pool, lock: Lock, work: Callable[[], Awaitable[None]]) -> bool:
    """Do the work while this process leads; False, at once, if another does.

    The work is cancelled when the connection that holds the lock is lost. Raises what the work raises, and what
    `leadership` raises.
    """
    async with leadership(pool, lock) as connection:
        if connection is None:
            return False
        tasks: set[asyncio.Future[None]] = {asyncio.ensure_future(work()), asyncio.ensure_future(_beat(connection))}
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(tasks)
        for task in ended:
            task.result()
        return True


async def _beat(connection: Connection) -> None:
    """Return when the connection is lost."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            async with asyncio.timeout(ANSWER_SECONDS):  # a TimeoutError is an OSError
                await connection.fetchval("SELECT 1")


async def _cancel(tasks: "set[asyncio.Future[None]]") -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
