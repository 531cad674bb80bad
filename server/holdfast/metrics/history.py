"""Writes down each minute what was measured in it, on a connection that no request waits for.

Each process writes a row of its own, of what it has counted anyway: a request costs nothing more for it. What concerns
all of them is written by the one that comes first, which also joins minutes to longer stretches.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import asyncpg
import structlog

from holdfast.db.failures import end_if_cancelled
from holdfast.db.pool import Pool
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.metrics.database_figures import database_figures, is_told
from holdfast.metrics.database_report import report_on
from holdfast.metrics.figures import of_process
from holdfast.metrics.history_store import put, roll_up, sweep
from holdfast.metrics.sizes import keep_sizes, sweep_sizes
from holdfast.metrics.statements import keep_texts, sweep_texts, taken
from holdfast.metrics.worker_report import WorkerReport

Report: TypeAlias = Callable[[Engine], WorkerReport]
"""What a process has counted since it began."""

MINUTE: Final = 60
LOCK: Final = (0x4846000A, 1)  # "HF", advisory lock of whoever tells what concerns all processes
LATEST_SECONDS: Final = 2.0  # after the full minute
_SOONEST_SECONDS: Final = 0.05  # a timer may be a little early, and would tell of the minute before once more
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_log: Final = structlog.get_logger("holdfast.metrics")


class History:
    """Keeps what a process measures. `process` is what no other process is called."""

    def __init__(self, process: str, pool: Pool, report: Report, days: int) -> None:
        self._process = process
        self._pool = pool
        self._report = report
        self._days = days
        self._before: WorkerReport | None = None
        self._failing = False

    @asynccontextmanager
    async def running(self, engine: Engine) -> AsyncGenerator[None]:
        """Write each minute for the block, and at its end what is left."""
        if not self._days:
            yield
            return
        task = asyncio.create_task(self._run(engine), name="keep the metrics")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.write(engine, time.time(), ends=True)

    async def _run(self, engine: Engine) -> None:
        # Not all processes of a server at the same moment, and each always at the same one.
        late = _SOONEST_SECONDS + int(self._process[:4], 16) / 0xFFFF * LATEST_SECONDS
        while True:
            await asyncio.sleep(MINUTE - time.time() % MINUTE + late)
            now = time.time()
            await self.write(engine, now - MINUTE)
            await self.tell_of_all(engine, now)

    async def write(self, engine: Engine, at: float, *, ends: bool = False) -> None:
        """Write a row for the minute of `at`: what was counted since the last one. Never raises."""
        now = self._report(engine)
        if ends and self._before is None and not now.requests:
            return  # it was there for less than a minute, and for nobody
        texts, statements = taken(engine.pool.times)
        figures = of_process(self._before, now, statements, ends=ends)
        try:
            connection = await self._pool.acquire()
            try:
                await keep_texts(connection, {id: texts[id] for id in figures.statements})
                await put(connection, MINUTE, at // MINUTE * MINUTE, self._process, figures)
            finally:
                self._pool.release(connection)
        except _FAILURES as failure:
            end_if_cancelled()
            self._before = now  # a gap is told as one: the next row is of one minute as all others are
            self._fail(failure)
            return
        self._before = now
        self._failing = False

    async def tell_of_all(self, engine: Engine, now: float) -> None:
        """What is done once a minute for all processes, unless another does it. Never raises."""
        at = now // MINUTE * MINUTE - MINUTE
        try:
            async with self._pool.transaction() as tx:
                connection = tx.connection
                if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", *LOCK):
                    return
                if await is_told(connection, at):
                    return
                report = await report_on(connection, engine.host.kinds)
                await put(connection, MINUTE, at, "", await database_figures(connection, report, at))
                await roll_up(connection, now)
                await keep_sizes(connection, engine.catalog, now)
        except _FAILURES as failure:
            end_if_cancelled()
            self._fail(failure)

    def _fail(self, failure: BaseException) -> None:
        if not self._failing:
            _log.warning("what is measured could not be written down", reason=str(failure))
        self._failing = True


class SweepMeasures:
    """Lets old rows of the history go; says how many."""

    def __init__(self, days: int) -> None:
        self._days = days

    async def __call__(self, pool: Pool) -> int:
        """Do it once."""
        swept = await sweep(pool, self._days, time.time()) + await sweep_sizes(pool)
        return swept + await sweep_texts(pool, self._days)
