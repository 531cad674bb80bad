"""Does jobs in this process, until it is cancelled; then it lets those that run end, and gives back the others."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from holdfast.db.failures import end_if_cancelled
from holdfast.errors import ApiError
from holdfast.jobs import queue
from holdfast.jobs.job import LEASE_SECONDS, Ended, GiveUp, Job, JobKind, TryLater

if TYPE_CHECKING:  # handlers are given the engine, which lies in a layer above
    from holdfast.engine import Engine

# A NOTIFY in the writer's transaction would make all writers commit one after the other (docs/explanation/jobs.md).
POLL_SECONDS: Final = 0.075  # so that a job starts within 0.1 s of its commit
AWAY_SECONDS: Final = 1.0  # between two looks while the database is away
STOP_SECONDS: Final = 5.0  # for jobs that run when the process is told to stop
LONGEST_PAUSE_SECONDS: Final = 3600.0
_DATABASE: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_log: Final = structlog.get_logger("holdfast.jobs")


def pause_seconds(attempt: int, chance: float, first: float = 5.0) -> float:
    """How long to wait after a failed attempt (from 1 on): 5 s, 15 s, 45 s … 1 h, each ±20 % by `chance` (0 to 1)."""
    pause = first * 3 ** min(attempt - 1, 16)
    return min(pause, LONGEST_PAUSE_SECONDS) * (0.8 + 0.4 * chance)


def _no_more() -> Mapping[str, JobKind]:
    return {}


class Worker:
    """Claims jobs of the given kinds and does them, as many at once as each kind allows.

    `more` is asked before each look for jobs: kinds that come and go, by name, such as those of plugins.
    """

    def __init__(
        self, engine: "Engine", kinds: Iterable[JobKind], more: Callable[[], Mapping[str, JobKind]] = _no_more
    ) -> None:
        self._engine = engine
        self._own = {kind.name: kind for kind in kinds}
        self._more = more
        self._running: dict[int, tuple[Job, asyncio.Task[None]]] = {}
        self._ending: set[int] = set()  # what became of these is being written down
        self._done: list[Ended] = []
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
        kinds = {**self._own, **self._more()}
        try:
            claimed = await self._turn(kinds)
        except _DATABASE as failure:
            end_if_cancelled()
            if not self._away:
                _log.warning("no jobs are done while the database is away", reason=str(failure))
            self._away = True
            await asyncio.sleep(AWAY_SECONDS)
            return
        self._away = False
        for job in claimed:
            self._start(kinds[job.name], job)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._ended.wait()

    async def _turn(self, kinds: Mapping[str, JobKind]) -> list[Job]:
        done, self._done = self._done, []
        try:
            return await queue.turn(self._engine.pool, done, self._wanted(kinds))
        except BaseException:
            self._done = done + self._done  # they are put away by the next turn
            raise

    def _wanted(self, kinds: Mapping[str, JobKind]) -> dict[str, int]:
        free = {name: kind.at_once for name, kind in kinds.items()}
        for job, _ in self._running.values():
            if job.name in free:
                free[job.name] -= 1
        return {name: count for name, count in free.items() if count > 0}

    def _start(self, kind: JobKind, job: Job) -> None:
        task = asyncio.create_task(self._do(kind, job), name=f"job {job.name} {job.id}")
        self._running[job.id] = (job, task)
        self._engine.doing.begin(job)
        task.add_done_callback(lambda ended: self._end(job, ended))

    def _end(self, job: Job, ended: asyncio.Task[None]) -> None:
        self._engine.doing.end(job)
        if ended.cancelled():
            return  # it stays among the running, and is given back
        if self._running.get(job.id, (None,))[0] is job:
            del self._running[job.id]
            self._ending.discard(job.id)
        failure = ended.exception()
        if failure is not None:  # it could not be written down: the job comes again when its lease ends
            _log.warning("what became of a job could not be written down", job=job.name, reason=str(failure))
        self._ended.set()

    async def _do(self, kind: JobKind, job: Job) -> None:
        """Do a job, and write down what became of it."""
        structlog.contextvars.bind_contextvars(job_id=job.id)  # of this task: what is logged in it is the job's
        if job.attempt > kind.attempts:
            reason = "It was begun too often and never came to an end: the process was killed each time."
            await self._bury(kind, job, reason)
            return
        started = time.monotonic()
        try:
            async with asyncio.timeout(kind.seconds):
                await kind.run(self._engine, job)
        except GiveUp as failure:
            await self._bury(kind, job, str(failure) or "It gave up.", failure)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something that it waited for was cancelled, and not the job: nobody would ever take it up again.
            await self._failed(kind, job, RuntimeError("What it waited for was cancelled."))
        except Exception as failure:
            await self._failed(kind, job, failure)
        else:
            self._done.append(Ended(job, time.monotonic() - started, kind.kept_seconds))

    async def _failed(self, kind: JobKind, job: Job, failure: Exception) -> None:
        self._ending.add(job.id)
        reason = str(failure) or type(failure).__name__
        if isinstance(failure, TimeoutError):
            reason = f"It took longer than {kind.seconds:g} s."
        if job.attempt >= kind.attempts:
            await self._bury(kind, job, reason, failure)
            return
        if isinstance(failure, TryLater):
            pause = max(failure.seconds, 0.0)
        else:
            pause = pause_seconds(job.attempt, random.random(), kind.pause_seconds)
            told = {"attempt": job.attempt, "reason": reason, "seconds": round(pause, 1)}
            _log.warning("a job failed and is tried again", job=job.name, **told, **_named(kind, job, failure))
        await queue.put_off(self._engine.pool, job, pause, reason)

    async def _bury(self, kind: JobKind, job: Job, reason: str, failure: Exception | None = None) -> None:
        self._ending.add(job.id)
        told = {"attempt": job.attempt, "reason": reason}
        _log.error("a job is given up", job=job.name, **told, **_named(kind, job, failure))
        await queue.bury(self._engine.pool, job, reason)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            jobs = [job for job, _ in self._running.values() if job.id not in self._ending]
            if jobs:
                with suppress(*_DATABASE):  # there is time for another try before the lease ends
                    self._let_go(jobs, await queue.renew(self._engine.pool, jobs))

    def _let_go(self, asked: Iterable[Job], held: set[int]) -> None:
        """End those that are no longer this process's: somebody has cancelled them, or another has taken them over."""
        for job in asked:
            running = self._running.get(job.id)
            if job.id in held or job.id in self._ending or running is None or running[0] is not job:
                continue
            if not running[1].done():
                del self._running[job.id]
                running[1].cancel()
                _log.warning("a job was cancelled while it ran", job=job.name, job_id=job.id)

    async def _stop(self) -> None:
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        left = [(job, task) for job, task in self._running.values() if not task.done()]
        for _, task in left:
            task.cancel()
        await asyncio.gather(*(task for _, task in left), return_exceptions=True)
        for tries_left in (2, 1, 0):
            try:
                await self._put_away([job for job, _ in left])
                return
            except _DATABASE as failure:
                if not tries_left:  # what was done is done again when its lease ends
                    _log.warning("what jobs did last was not written down", jobs=len(self._done), reason=str(failure))
                else:
                    await asyncio.sleep(POLL_SECONDS)

    async def _put_away(self, left: list[Job]) -> None:
        await queue.turn(self._engine.pool, self._done, {})
        if left:
            await queue.release(self._engine.pool, left)


def _named(kind: JobKind, job: Job, failure: Exception | None) -> dict[str, object]:
    """What the log says of a job of a plugin beyond the rest: whose it is, who promised it, and where it failed."""
    if not kind.plugin:
        return {}
    return {"plugin": kind.plugin, "request_id": job.request, "exc_info": failure}
