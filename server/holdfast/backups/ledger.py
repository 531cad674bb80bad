"""The table of the work on backups: what runs, how far it is, and what came of it."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal, TypeAlias

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.errors import ApiError, NotFound
from holdfast.expressions.moment import stamp
from holdfast.schema.ids import new_id

Kind: TypeAlias = Literal["create", "verify", "restore"]
State: TypeAlias = Literal["running", "done", "failed"]
Phase: TypeAlias = Literal[
    "snapshot", "database", "files", "keep", "safety", "check", "load", "migrate", "count", "lay", "swap", "done"
]

SILENT: Final = "60 seconds"  # since work was heard of; then its process is gone
BEAT_SECONDS: Final = 5.0
TOLD_SECONDS: Final = 0.5  # between two notes of how far it is
MOST_LISTED: Final = 20
GONE: Final = "The process that did this has ended before it was done."
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_COLUMNS: Final = (
    raw("id, kind, key, state, phase, done, total, message, result::text AS result, watch, actor, started, ended,")
    + raw(" beat < now() - ")
    + value(SILENT, "text")
    + raw("::interval AS silent FROM holdfast.backup_jobs")
)
_BY_ID: Final = raw(" WHERE id = ") + named("id", "text")
_BEGIN: Final = Statement.of(
    raw("INSERT INTO holdfast.backup_jobs (id, kind, key, phase, watch, actor) VALUES (")
    + named("id", "text")
    + raw(", ")
    + named("kind", "text")
    + raw(", ")
    + named("key", "text")
    + raw(", ")
    + named("phase", "text")
    + raw(", ")
    + named("watch", "text")
    + raw(", ")
    + named("actor", "text")
    + raw(")")
)
_BEAT: Final = Statement.of(
    raw("UPDATE holdfast.backup_jobs SET beat = now(), phase = ")
    + named("phase", "text")
    + raw(", done = ")
    + named("done", "bigint")
    + raw(", total = ")
    + named("total", "bigint")
    + _BY_ID
    + raw(" AND state = 'running'")
)
END: Final = Statement.of(
    raw("UPDATE holdfast.backup_jobs SET beat = now(), ended = now(), state = ")
    + named("state", "text")
    + raw(", phase = ")
    + named("phase", "text")
    + raw(", message = ")
    + named("message", "text")
    + raw(", result = ")
    + named("result", "jsonb")
    + raw(", key = ")
    + named("key", "text")
    + _BY_ID
)
_GET: Final = Statement.of(raw("SELECT ") + _COLUMNS + _BY_ID)
_LIST: Final = Statement.of(raw("SELECT ") + _COLUMNS + raw(" ORDER BY id DESC LIMIT ") + value(MOST_LISTED, "bigint"))
_FORGET: Final = Statement.of(raw("DELETE FROM holdfast.backup_jobs WHERE started < now() - interval '90 days'"))
_log: Final = structlog.get_logger("holdfast.backups")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Work on a backup as the API shows it. `done` and `total` are bytes; `total` is null while nobody knows it."""

    id: str
    kind: Kind
    key: str
    state: State
    phase: Phase
    done: int
    total: int | None
    message: str
    result: msgspec.Raw | None
    by: str
    started: str
    ended: str


class Work:
    """Work that runs: where it is, for those who wait. `watch` lets somebody follow it without a login.

    `settled`: what came of it is written down already, in the database that has taken the place of the one it began in.
    """

    def __init__(self, id: str, kind: Kind, key: str, phase: Phase) -> None:
        self.id = id
        self.kind = kind
        self.key = key
        self.watch = secrets.token_urlsafe(24)
        self.phase: Phase = phase
        self.done = 0
        self.total: int | None = None
        self.settled = False

    def at(self, phase: Phase, total: int | None = None) -> None:
        """It goes on to its next phase."""
        self.phase, self.done, self.total = phase, 0, total

    @property
    def noted(self) -> dict[str, object]:
        """What the table says of it while it runs."""
        return {"id": self.id, "phase": self.phase, "done": self.done, "total": self.total}


async def begin(pool: Pool, kind: Kind, key: str, phase: Phase, actor: str) -> Work:
    """Write down that work begins."""
    work = Work(new_id(), kind, key, phase)
    given = {"id": work.id, "kind": kind, "key": key, "phase": phase, "watch": _digest(work.watch), "actor": actor}
    with as_api_errors():
        await pool.execute(_BEGIN, Inputs(named=given))
        await pool.execute(_FORGET)
    return work


@asynccontextmanager
async def beating(pool: Pool, work: Work) -> AsyncGenerator[None]:
    """Note how far the work is while the block runs, so that nobody takes it for dead."""
    task = asyncio.create_task(_beat(pool, work), name="note how far a backup is")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat(pool: Pool, work: Work) -> None:
    told: dict[str, object] = {}
    waited = BEAT_SECONDS
    while True:
        if work.noted != told or waited >= BEAT_SECONDS:
            told, waited = work.noted, 0.0
            with suppress(*_FAILURES):  # the work itself will notice a database that is away
                await pool.execute(_BEAT, Inputs(named=told))
        await asyncio.sleep(TOLD_SECONDS)
        waited += TOLD_SECONDS


def ended(work: Work, state: State, message: str, result: object) -> Inputs:
    """What END is given."""
    text = None if result is None else msgspec.json.encode(result).decode()
    given = {**work.noted, "state": state, "message": message.replace("\0", " "), "result": text, "key": work.key}
    return Inputs(named={**given, "phase": "done" if state == "done" else work.phase})


async def end(pool: Pool, work: Work, state: State, message: str = "", result: object = None) -> None:
    """Write down what came of work. Raises nothing: what is done is done."""
    try:
        connection = await pool.connect()  # the pool may be closed by now: it is while a database takes another's place
        try:
            await connection.execute(END.text, *END.args(ended(work, state, message, result)))
        finally:
            connection.terminate()
    except _FAILURES as failure:
        _log.warning("what came of the work on a backup could not be written down", work=work.id, reason=str(failure))


async def find(pool: Pool, id: str, watch: str | None = None) -> Job:
    """Work by its id; with `watch` only for who was told it. Raises NotFound."""
    with as_api_errors():
        row = await pool.fetchrow(_GET, Inputs(named={"id": id}))
    if row is None or (watch is not None and not secrets.compare_digest(row["watch"], _digest(watch))):
        raise NotFound
    return _job(row)


async def listed(pool: Pool) -> list[Job]:
    """The last pieces of work, the newest first."""
    with as_api_errors():
        return [_job(row) for row in await pool.fetch(_LIST)]


def as_shown(work: Work, job: Job) -> dict[str, Any]:
    """Work for who has begun it."""
    return {**msgspec.to_builtins(msgspec.structs.replace(job, result=None)), "result": job.result, "watch": work.watch}


def _job(row: Row) -> Job:
    gone = row["state"] == "running" and row["silent"]
    return Job(
        id=row["id"],
        kind=row["kind"],
        key=row["key"],
        state="failed" if gone else row["state"],
        phase=row["phase"],
        done=row["done"],
        total=row["total"],
        message=GONE if gone else row["message"],
        result=None if row["result"] is None else msgspec.Raw(row["result"].encode()),
        by=row["actor"],
        started=stamp(row["started"]),
        ended="" if row["ended"] is None else stamp(row["ended"]),
    )


def _digest(watch: str) -> str:
    return hashlib.sha256(watch.encode()).hexdigest()
