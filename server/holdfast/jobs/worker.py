"""Does jobs in this process, until it is cancelled; then it lets those that run end, and gives back the others."""

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from holdfast.errors import ApiError
from holdfast.jobs import queue
from holdfast.jobs.job import LEASE_SECONDS, GiveUp, Job, JobKind

if TYPE_CHECKING:  # handlers are given the engine, which lies in a layer above
    from holdfast.engine import Engine

# A NOTIFY in the writer's transaction would make all writers commit one after the other (docs/explanation/jobs.md).
POLL_SECONDS: Final = 0.075  # so that a job starts within 0.1 s of its commit
AWAY_SECONDS: Final = 1.0  # between two looks while the database is away
STOP_SECONDS: Final = 5.0  # for jobs that run when the process is told to stop
FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 3600.0
_DATABASE: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_log: Final = structlog.get_logger("holdfast.jobs")


def pause_seconds(attempt: int, chance: float) -> float:
    """How long to wait after a failed attempt (from 1 on): 5 s, 15 s, 45 s … 1 h, each ±20 % by `chance` (0 to 1)."""
    pause = FIRST_PAUSE_SECONDS * 3 ** min(attempt - 1, 16)
    return min(pause, LONGEST_PAUSE_SECONDS) * (0.8 + 0.4 * chance)


class Worker:
    """Claims jobs of the given kinds and does them, as many at once as each kind allows."""

    def __init__(self, engine: "Engine", kinds: Iterable[JobKind]) -> None:
        self._engine = engine
        self._kinds = {kind.name: kind for kind in kinds}
        self._running: dict[int, tuple[Job, asyncio.Task[None]]] = {}
        self._done: list[Job] = []
        self._ended = asyncio.Event()
        self._away = False

    async def run(self) -> None:
        """Work until cancelled."""
        renewing = asyncio.create_task(self._renew(), name="renew the leases of jobs")
        try:
            while True:
                await self._work()
        finally:
            await self._stop()
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _work(self) -> None:
        self._ended.clear()
        try:
            claimed = await self._turn()
        except _DATABASE as failure:
            if not self._away:
                _log.warning("no jobs are done while the database is away", reason=str(failure))
            self._away = True
            await asyncio.sleep(AWAY_SECONDS)
            return
        self._away = False
        for job in claimed:
            self._start(job)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._ended.wait()

    async def _turn(self) -> list[Job]:
        done, self._done = self._done, []
        try:
            return await queue.turn(self._engine.pool, done, self._wanted())
        except BaseException:
            self._done = done + self._done  # they are deleted by the next turn
            raise

    def _wanted(self) -> dict[str, int]:
        free = {name: kind.at_once for name, kind in self._kinds.items()}
        for job, _ in self._running.values():
            free[job.name] -= 1
        return {name: count for name, count in free.items() if count > 0}

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._do(job), name=f"job {job.name} {job.id}")
        self._running[job.id] = (job, task)
        task.add_done_callback(lambda ended: self._end(job, ended))

    def _end(self, job: Job, ended: asyncio.Task[None]) -> None:
        if ended.cancelled():
            return  # it stays among the running, and is given back
        if self._running.get(job.id, (None,))[0] is job:
            del self._running[job.id]
        failure = ended.exception()
        if failure is not None:  # it could not be written down: the job comes again when its lease ends
            _log.warning("what became of a job could not be written down", job=job.name, reason=str(failure))
        self._ended.set()

    async def _do(self, job: Job) -> None:
        """Do a job, and write down what became of it."""
        kind = self._kinds[job.name]
        if job.attempt > kind.attempts:
            await self._bury(job, "It was begun too often and never came to an end: the process was killed each time.")
            return
        try:
            async with asyncio.timeout(kind.seconds):
                await kind.run(self._engine, job)
        except GiveUp as failure:
            await self._bury(job, str(failure))
        except Exception as failure:
            await self._failed(kind, job, failure)
        else:
            self._done.append(job)

    async def _failed(self, kind: JobKind, job: Job, failure: Exception) -> None:
        reason = str(failure) or type(failure).__name__
        if isinstance(failure, TimeoutError):
            reason = f"It took longer than {kind.seconds:g} s."
        if job.attempt >= kind.attempts:
            await self._bury(job, reason)
            return
        pause = pause_seconds(job.attempt, random.random())
        _log.warning(
            "a job failed and is tried again", job=job.name, attempt=job.attempt, reason=reason, seconds=round(pause)
        )
        await queue.put_off(self._engine.pool, job, pause, reason)

    async def _bury(self, job: Job, reason: str) -> None:
        _log.error("a job is given up", job=job.name, id=job.id, attempt=job.attempt, reason=reason)
        await queue.bury(self._engine.pool, job, reason)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            jobs = [job for job, _ in self._running.values()]
            if jobs:
                with suppress(*_DATABASE):  # there is time for another try before the lease ends
                    await queue.renew(self._engine.pool, jobs)

    async def _stop(self) -> None:
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        left = [(job, task) for job, task in self._running.values() if not task.done()]
        for _, task in left:
            task.cancel()
        await asyncio.gather(*(task for _, task in left), return_exceptions=True)
        with suppress(*_DATABASE):
            await queue.turn(self._engine.pool, self._done, {})
            if left:
                await queue.release(self._engine.pool, [job for job, _ in left])
