"""A process says every few seconds that it lives, and what it does: who stops saying so is dead."""

import asyncio
import os
import secrets
import shutil
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import asyncpg
import msgspec
import structlog

from holdfast import __version__
from holdfast.db.failures import end_if_cancelled
from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.jobs.doing import JobNow

FIRST_SECONDS: Final = 1.0  # a start has better things to do
BEAT_SECONDS: Final = 15.0
MOST_JOBS: Final = 50  # that are told of
MAX_HOST_CHARS: Final = 255
Role: TypeAlias = Literal["serve", "worker"]
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_log: Final = structlog.get_logger("holdfast.heartbeat")
_BEAT: Final = Statement.of(
    raw("INSERT INTO holdfast.processes AS p")
    + raw(" (id, role, host, pid, worker, version, background, started, seen, ended, doing) VALUES (")
    + named("id", "text")
    + raw(", ")
    + named("role", "text")
    + raw(", ")
    + named("host", "text")
    + raw(", ")
    + named("pid", "integer")
    + raw(", ")
    + named("worker", "integer")
    + raw(", ")
    + named("version", "text")
    + raw(", ")
    + named("background", "boolean")
    + raw(", ")
    + named("started", "timestamptz")
    + raw(", now(), CASE WHEN ")
    + named("ends", "boolean")
    + raw(" THEN now() END, ")
    + named("doing", "text")
    + raw(") ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, ended = excluded.ended, doing = excluded.doing")
)


class Doing(msgspec.Struct, frozen=True, kw_only=True):
    """What a process does: its jobs, and of what it has to do with. None is what nobody knows."""

    jobs: tuple[JobNow, ...] = ()
    job_count: int = 0
    memory: int | None = None
    lines: int = 0
    connections: int = 0
    disk_free: int | None = None
    disk_size: int | None = None


Measure: TypeAlias = Callable[[Engine], tuple[int | None, int]]
"""How much memory the process holds, and how many realtime lines."""


class Heartbeat:
    """Tells of a process for as long as it runs. `measure` is asked what only layers above know."""

    def __init__(self, role: Role, worker: int, pool: Pool, measure: Measure) -> None:
        self.process = secrets.token_hex(8)
        self._role: Role = role
        self._worker = worker
        self._pool = pool
        self._measure = measure
        self._started = datetime.now(UTC)
        self._told = False
        self._failing = False

    @asynccontextmanager
    async def running(self, engine: Engine) -> AsyncGenerator[None]:
        """Beat for the block; at its end the process says that it ends."""
        task = asyncio.create_task(self._run(engine), name="tell that we live")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            if self._told:
                await self.beat(engine, ends=True)

    async def _run(self, engine: Engine) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.beat(engine)
            await asyncio.sleep(BEAT_SECONDS - time.time() % 1.0)

    async def beat(self, engine: Engine, *, ends: bool = False) -> None:
        """Say it once. Never raises."""
        inputs = {
            "id": self.process,
            "role": self._role,
            "host": socket.gethostname()[:MAX_HOST_CHARS],
            "pid": os.getpid(),
            "worker": self._worker,
            "version": __version__,
            "background": engine.settings.background,
            "started": self._started,
            "ends": ends,
            "doing": msgspec.json.encode(await self._doing(engine)).decode(),
        }
        try:
            await self._pool.execute(_BEAT, Inputs(named=inputs))
        except _FAILURES as failure:
            end_if_cancelled()
            if not self._failing:
                _log.warning("a process could not say that it lives", reason=str(failure))
            self._failing = True
            return
        self._told, self._failing = True, False

    async def _doing(self, engine: Engine) -> Doing:
        jobs = sorted(engine.doing, key=lambda job: job.since)
        memory, lines = self._measure(engine)
        try:
            disk = await asyncio.to_thread(shutil.disk_usage, engine.settings.data)
        except OSError:
            disk = None
        return Doing(
            jobs=tuple(jobs[:MOST_JOBS]),
            job_count=len(jobs),
            memory=memory,
            lines=lines,
            connections=engine.pool.in_use,
            disk_free=disk.free if disk else None,
            disk_size=disk.total if disk else None,
        )
