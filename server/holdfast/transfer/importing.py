"""An import from its first byte to its report: read, checked, written in one transaction, told."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import api_error
from holdfast.db.pool import Connection, Pool, Transaction, transaction_on
from holdfast.db.sql import literal, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import ApiError, Conflict, Unavailable
from holdfast.events.context import SETTING
from holdfast.passwords import hash_password
from holdfast.schema.field import Field
from holdfast.transfer import store
from holdfast.transfer.job import ImportJob
from holdfast.transfer.layout import table
from holdfast.transfer.loading import Loaded, Loader, prepare
from holdfast.transfer.report import Findings, LineProblem, Report
from holdfast.transfer.statements import create_undo
from holdfast.transfer.store import ImportCancelled, Progress, State, report_of
from holdfast.transfer.values import ImportValues
from holdfast.transfer.writing import StopImport, Writing
from holdfast.transfer.writing_one_by_one import OneByOne

BEAT_SECONDS: Final = 30.0
_CHANGED: Final = "The collection was changed while the import ran: nothing was written. Try again."
_log: Final = structlog.get_logger("holdfast.transfer")


class Imported(msgspec.Struct, frozen=True):
    """What came of an import. If it `stopped`, a line was wrong, and nothing was written."""

    id: str
    report: Report
    stopped: bool


class _TakeBack(Exception):
    """What a dry run ends with: everything was done, and none of it is kept."""


class _Run:
    """One import that runs."""

    def __init__(self, engine: Engine, connection: Connection, job: ImportJob) -> None:
        self.engine = engine
        self.connection = connection
        self.job = job
        self.findings = Findings()
        self.progress = Progress()

    async def run(self, source: AsyncIterator[bytes]) -> State:
        """Do it; the state that it ends in. Nothing is written unless that is `done`."""
        loaded = await Loader(self.connection, self.job, self.findings, self.progress).run(source)
        self.progress.failed = self.findings.failed
        if self._stops:
            return self._stopped()
        await prepare(self.connection, self.job)
        try:
            async with _beating(self.engine.pool, self.job, self.progress):
                async with transaction_on(self.connection) as tx:
                    await self._write(tx, loaded)
        except StopImport:
            return self._stopped()
        except _TakeBack:
            await store.end(self.engine.pool, self.job.id, "done", self.progress, self.findings.told)
        return "done"

    @property
    def _stops(self) -> bool:
        return self.job.asked.on_error == "stop" and self.findings.failed > 0

    def _stopped(self) -> State:
        """Tell of the first line that was wrong; all others were not written either."""
        first = self.findings.told[:1]
        self.findings.keep([one for one in self.findings.told if one.line == first[0].line] if first else [])
        progress = self.progress
        progress.inserted = progress.updated = 0
        progress.failed = self.findings.failed
        progress.skipped = progress.read - progress.failed
        return "stopped"

    async def _write(self, tx: Transaction, loaded: Loaded) -> None:
        job, progress = self.job, self.progress
        await self._begin(tx, loaded)
        writing = Writing(self.engine, job, loaded.layout, self.findings, progress)
        bad = await writing.check(tx)
        await writing.advanced()
        values = ImportValues(job, loaded.layout, await self._nobody())
        if not job.asked.dry_run:
            await tx.execute(create_undo(job.id))
        old: Sequence[Field]
        if job.hooked:
            one_by_one = OneByOne(writing, values)
            await one_by_one.write(tx, loaded.last_line)
            old = one_by_one.old
        else:
            old = (await writing.write(tx, values, loaded.last_line, bad=bad)).old
        await tx.execute(raw("SET CONSTRAINTS ALL IMMEDIATE"))
        progress.failed = self.findings.failed
        if job.asked.dry_run:
            raise _TakeBack
        undo = [[field.id, field.cast] for field in old] if progress.inserted or progress.updated else None
        if not await store.end(tx, job.id, "done", progress, self.findings.told, undo=undo):
            raise ImportCancelled

    async def _begin(self, tx: Transaction, loaded: Loaded) -> None:
        """Say who writes, take all the time that it needs, and see that the collection is still the same."""
        job = self.job
        told = raw("set_config(") + literal(SETTING) + raw(", ") + value(job.told, "text") + raw(", true)")
        await tx.execute(raw("SELECT set_config('statement_timeout', '0', true), ") + told)
        lock = raw("LOCK TABLE ") + qualified("public", job.collection.name) + raw(" IN ROW EXCLUSIVE MODE")
        try:
            await tx.execute(lock)
        except asyncpg.UndefinedTableError as failure:
            raise Conflict(_CHANGED) from failure
        await self.engine.live.check()
        now = self.engine.catalog.by_id.get(job.collection.id)
        if now is None or now.fields != job.collection.fields or now.name != job.collection.name:
            raise Conflict(_CHANGED)
        if loaded.layout.points_at_itself():
            await tx.execute(raw("SET CONSTRAINTS ALL DEFERRED"))

    async def _nobody(self) -> str:
        """The hash of a password that nobody knows, for accounts that come without one."""
        return await hash_password(secrets.token_urlsafe(32)) if self.job.collection.is_auth else ""


async def import_records(engine: Engine, job: ImportJob, source: AsyncIterator[bytes]) -> Imported:
    """Import a file.

    Raises BadRequest and ValidationFailed for a file of which nothing can be made, ImportCancelled, Unavailable where
    too many run, and Conflict for a collection that was changed meanwhile. Whatever it raises, nothing was written.
    """
    connection = await _connect(engine.pool)
    run = _Run(engine, connection, job)
    state: State = "failed"
    message = "Something went wrong."
    try:
        state = await run.run(source)
        message = ""
    except ApiError as refusal:
        message = refusal.message
        raise
    except asyncpg.PostgresError as failure:
        seen = _seen(failure)
        message = seen.message
        raise seen from failure
    except asyncio.CancelledError:
        state, message = "cancelled", "The request was broken off: nothing was written."
        raise
    finally:
        await asyncio.shield(_clear(run, state, message))
    return Imported(job.id, report_of(run.progress, run.findings.told), state == "stopped")


def _seen(failure: asyncpg.PostgresError) -> ApiError:
    """What the caller may see of a failure of the database."""
    if failure.sqlstate == "23503":
        message = "A record points at another one that is not there, or is no more: nothing was written. Try again."
        return Conflict(message)
    return api_error(failure) or Unavailable()


async def _connect(pool: Pool) -> Connection:
    """A connection of the import's own: a slow file must not keep one from those who come to read."""
    try:
        return await pool.connect()
    except (asyncpg.PostgresError, OSError) as failure:
        raise Unavailable("The database has no connection for an import just now: try again later.") from failure


async def _clear(run: _Run, state: State, message: str) -> None:
    """Leave nothing of an import but its report, and what undoes it."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ApiError):
        await run.connection.close(timeout=5)
    try:
        if state != "done":
            errors: Sequence[LineProblem] = run.findings.told
            await store.end(run.engine.pool, run.job.id, state, _nothing(run.progress), errors, message=message)
        await store.drop(run.engine.pool, [table(run.job.id)])
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ApiError) as failure:
        # The sweep does it when the database is back.
        _log.warning("what an import left could not be cleared away", id=run.job.id, reason=str(failure))


def _nothing(progress: Progress) -> Progress:
    """The numbers of an import of which nothing was written."""
    skipped = progress.read - progress.failed
    return msgspec.structs.replace(progress, inserted=0, updated=0, skipped=skipped)


@asynccontextmanager
async def _beating(pool: Pool, job: ImportJob, progress: Progress) -> AsyncGenerator[None]:
    """Say every now and then that the import is alive, also while PostgreSQL is at one long statement."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with suppress(ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await store.advance(pool, job.id, "writing", progress)

    beats = asyncio.create_task(beat(), name="an import is alive")
    try:
        yield
    finally:
        beats.cancel()
        with suppress(asyncio.CancelledError):
            await beats
