"""An engine with an empty queue of jobs, and workers that are stopped at the end of a test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio

from holdfast.catalog.live import LiveCatalog
from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine
from holdfast.jobs.job import Handler, JobKind
from holdfast.jobs.worker import Worker
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

StartWorker = Callable[..., "asyncio.Task[None]"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def job_database(cluster: Cluster) -> AsyncIterator[str]:
    """A database for all tests of a module: making one takes longer than most of them."""
    dsn = await make_database(cluster, PROJECT)
    yield dsn
    await drop_database(cluster, dsn)


@pytest.fixture
async def engine(job_database: str) -> AsyncIterator[Engine]:
    """The parts of a server process, without its tasks."""
    settings = Settings()
    pool = Pool(job_database, size=5, settings=session_settings(settings))
    for table in (raw("holdfast.jobs"), raw("holdfast.jobs_done"), raw("holdfast.schedules")):
        await pool.execute(Statement.of(raw("DELETE FROM ") + table))
    yield Engine(settings=settings, pool=pool, live=await LiveCatalog.open(pool), secret=b"0" * 32)
    await pool.close()


@pytest.fixture
async def start_worker(engine: Engine) -> AsyncIterator[StartWorker]:
    """Starts a worker as a server process has one: `start_worker(handler, attempts=3)` does the jobs called "it"."""
    tasks: list[asyncio.Task[None]] = []

    def start(run: Handler, name: str = "it", **kind: Any) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(Worker(engine, [JobKind(name=name, run=run, **kind)]).run()))
        return tasks[-1]

    yield start
    for task in tasks:
        await stopped(task)


async def stopped(task: "asyncio.Task[None]") -> None:
    """Stop a worker in order."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def jobs(engine: Engine) -> list[dict[str, Any]]:
    """The rows of the queue, oldest first."""
    rows = await engine.pool.fetch(Statement.of(raw("SELECT *, payload::text AS p FROM holdfast.jobs ORDER BY id")))
    return [dict(row) for row in rows]


async def until(condition: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait until something, or a coroutine's result, is true."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.01)
