"""The table of imports: how far each has come, and what came of it."""

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast.db.pool import Connection, Pool, Row, Transaction
from holdfast.db.sql import Inputs, Sql, Statement, inline, named, raw, value
from holdfast.errors import Conflict, NotFound, Unavailable
from holdfast.schema.date import write_date
from holdfast.transfer.job import ImportJob
from holdfast.transfer.layout import Layout, create_table, table, undo_table
from holdfast.transfer.report import LineProblem, Report

State: TypeAlias = Literal["reading", "writing", "done", "stopped", "failed", "cancelled", "undone"]

MOST_AT_ONCE: Final = 4  # imports of one database: each has a connection of its own
SILENT: Final = "5 minutes"  # since an import was heard of; then its process is gone
KEPT: Final = "7 days"  # how long an import can be undone
FORGOTTEN: Final = "90 days"
SWEPT_AT_ONCE: Final = 20
MOST_LISTED: Final = 100
_RUNS: Final = raw("state IN ('reading', 'writing')")
_COUNTS: Final = ("bytes", "read", "inserted", "updated", "skipped", "failed")


class ImportState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An import as the API shows it. `size` is null where nobody said how long the file is."""

    id: str
    state: State
    asked: msgspec.Raw
    bytes: int
    size: int | None
    read: int
    inserted: int
    updated: int
    skipped: int
    failed: int
    errors: msgspec.Raw
    message: str
    can_undo: bool
    started: str
    ended: str


class ImportCancelled(Conflict):
    """Somebody has cancelled the import while it ran."""

    default = "The import was cancelled: nothing of it was written."


_COLUMNS: Final = raw(
    "id, owner, state, asked::text AS asked, bytes, size, read, inserted, updated, skipped, failed,"
    " errors::text AS errors, message, undo::text AS undo, started, ended"
)
_COUNT_RUNNING: Final = Statement.of(
    raw("SELECT count(*) AS running FROM holdfast.imports WHERE ")
    + _RUNS
    + raw(" AND beat > now() - ")
    + value(SILENT, "text")
    + raw("::interval")
)
_BEGIN: Final = Statement.of(
    raw("INSERT INTO holdfast.imports (id, collection_id, owner, context, asked, size) VALUES (")
    + named("id", "text")
    + raw(", ")
    + named("collection", "text")
    + raw(", ")
    + named("owner", "text")
    + raw(", ")
    + named("context", "text")
    + raw(", ")
    + named("asked", "jsonb")
    + raw(", ")
    + named("size", "bigint")
    + raw(")")
)
_SET_COUNTS: Final = (
    raw("beat = now(), bytes = ")
    + named("bytes", "bigint")
    + raw(", read = ")
    + named("read", "bigint")
    + raw(", inserted = ")
    + named("inserted", "bigint")
    + raw(", updated = ")
    + named("updated", "bigint")
    + raw(", skipped = ")
    + named("skipped", "bigint")
    + raw(", failed = ")
    + named("failed", "bigint")
)
_BY_ID: Final = raw(" WHERE id = ") + named("id", "text")
_ADVANCE: Final = Statement.of(
    raw("UPDATE holdfast.imports SET state = ")
    + named("state", "text")
    + raw(", ")
    + _SET_COUNTS
    + _BY_ID
    + raw(" AND ")
    + _RUNS
    + raw(" RETURNING id")
)
_END: Final = Statement.of(
    raw("UPDATE holdfast.imports SET ended = now(), state = ")
    + named("state", "text")
    + raw(", errors = ")
    + named("errors", "jsonb")
    + raw(", message = ")
    + named("message", "text")
    + raw(", undo = ")
    + named("undo", "jsonb")
    + raw(", ")
    + _SET_COUNTS
    + _BY_ID
    + raw(" AND ")
    + _RUNS
    + raw(" RETURNING id")
)
_GET: Final = Statement.of(
    raw("SELECT ")
    + _COLUMNS
    + raw(" FROM holdfast.imports")
    + _BY_ID
    + raw(" AND collection_id = ")
    + named("collection", "text")
)
_LIST: Final = Statement.of(
    raw("SELECT ")
    + _COLUMNS
    + raw(" FROM holdfast.imports WHERE collection_id = ")
    + named("collection", "text")
    + raw(" AND (")
    + named("owner", "text")
    + raw(" = '' OR owner = ")
    + named("owner", "text")
    + raw(") ORDER BY id DESC LIMIT ")
    + value(MOST_LISTED, "bigint")
)
_RUNNING: Final = Statement.of(
    raw("SELECT collection_id, ")
    + _COLUMNS
    + raw(" FROM holdfast.imports WHERE ")
    + _RUNS
    + raw(" AND beat > now() - ")
    + value(SILENT, "text")
    + raw("::interval ORDER BY id")
)
_CANCEL: Final = Statement.of(
    raw("UPDATE holdfast.imports SET state = 'cancelled', ended = now(), message = ")
    + value(ImportCancelled.default, "text")
    + _BY_ID
    + raw(" AND ")
    + _RUNS
    + raw(" RETURNING id")
)


class Progress(msgspec.Struct):
    """How far an import has come. `bytes` are those of the file."""

    bytes: int = 0
    read: int = 0
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0


async def begin(connection: Connection, job: ImportJob, layout: Layout) -> None:
    """Write down that an import begins, and make its staging table. Raises Unavailable where too many run."""
    row = await connection.fetchrow(_COUNT_RUNNING.text, *_COUNT_RUNNING.args())
    if row is not None and row["running"] >= MOST_AT_ONCE:
        raise Unavailable(f"{MOST_AT_ONCE} imports are running: try again when one has ended.", retry_after=30)
    inputs = Inputs(
        named={
            "id": job.id,
            "collection": job.collection.id,
            "owner": job.who.key,
            "context": job.told,
            "asked": msgspec.json.encode(job.asked).decode(),
            "size": job.size,
        }
    )
    async with connection.transaction():
        await connection.execute(_BEGIN.text, *_BEGIN.args(inputs))
        await connection.execute(create_table(job.id, layout))


async def advance(db: Connection | Pool, id: str, state: State, progress: Progress) -> None:
    """Say that the import is alive, and how far. Raises ImportCancelled if it is wanted no more."""
    inputs = Inputs(named={"id": id, "state": state, **_counts(progress)})
    if isinstance(db, Pool):
        row = await db.fetchrow(_ADVANCE, inputs)
    else:
        row = await db.fetchrow(_ADVANCE.text, *_ADVANCE.args(inputs))
    if row is None:
        raise ImportCancelled


async def end(
    db: Pool | Transaction,
    id: str,
    state: State,
    progress: Progress,
    errors: Sequence[LineProblem] = (),
    *,
    message: str = "",
    undo: object = None,
) -> bool:
    """Say what came of an import; False if somebody has cancelled it meanwhile."""
    told = {
        "id": id,
        "state": state,
        "errors": _without_nul(msgspec.json.encode(errors)),
        "message": message.replace("\0", " "),
        "undo": None if undo is None else msgspec.json.encode(undo).decode(),
    }
    return await db.fetchrow(_END, Inputs(named={**told, **_counts(progress)})) is not None


_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")  # and not a backslash that has these letters behind it


def _without_nul(text: bytes) -> str:
    """JSON as a column takes it: PostgreSQL has no NUL."""
    return _NUL.sub(rb"\1 ", text).decode()


def _counts(progress: Progress) -> dict[str, int]:
    return {name: getattr(progress, name) for name in _COUNTS}


async def drop(pool: Pool, tables: Sequence[Sql]) -> None:
    """Drop tables of an import, if they are there."""
    async with pool.transaction() as tx:
        for one in tables:
            await tx.connection.execute(inline(raw("DROP TABLE IF EXISTS ") + one))


_SILENT: Final = Statement.of(
    raw("UPDATE holdfast.imports SET state = 'failed', ended = now(),")
    + raw(" message = 'The server was stopped while it ran: nothing of it was written.' WHERE ")
    + _RUNS
    + raw(" AND beat < now() - ")
    + value(SILENT, "text")
    + raw("::interval RETURNING id")
)


async def find(pool: Pool, collection_id: str, id: str, owner: str = "") -> tuple[ImportState, Any]:
    """An import, and what its undo knows. With `owner` only one of theirs. Raises NotFound."""
    await pool.execute(_SILENT)
    row = await pool.fetchrow(_GET, Inputs(named={"id": id, "collection": collection_id}))
    if row is None or (owner and row["owner"] != owner):
        raise NotFound
    return _state(row), None if row["undo"] is None else msgspec.json.decode(row["undo"])


async def listed(pool: Pool, collection_id: str, owner: str = "") -> list[ImportState]:
    """The last imports of a collection, the newest first."""
    await pool.execute(_SILENT)
    rows = await pool.fetch(_LIST, Inputs(named={"collection": collection_id, "owner": owner}))
    return [_state(row) for row in rows]


async def running(pool: Pool) -> list[tuple[str, ImportState]]:
    """The imports that run now, each with the id of its collection."""
    return [(row["collection_id"], _state(row)) for row in await pool.fetch(_RUNNING)]


async def cancel(pool: Pool, id: str) -> None:
    """End an import that runs: nothing of it is written. Raises Conflict for one that has ended."""
    if await pool.fetchrow(_CANCEL, Inputs(named={"id": id})) is None:
        raise Conflict("The import has ended: what it has written can be taken back by POST …/undo.")


def _state(row: Row) -> ImportState:
    ended = row["ended"]
    return ImportState(
        id=row["id"],
        state=row["state"],
        asked=msgspec.Raw(row["asked"].encode()),
        size=row["size"],
        **{name: row[name] for name in _COUNTS},
        errors=msgspec.Raw(row["errors"].encode()),
        message=row["message"],
        can_undo=row["undo"] is not None,
        started=write_date(row["started"]),
        ended="" if ended is None else write_date(ended),
    )


def report_of(progress: Progress, errors: Sequence[LineProblem]) -> Report:
    """What the numbers say in the end."""
    return Report(
        read=progress.read,
        inserted=progress.inserted,
        updated=progress.updated,
        skipped=progress.skipped,
        failed=progress.failed,
        errors=tuple(errors),
    )


_LEFT: Final = Statement.of(
    raw(
        "SELECT c.relname AS name FROM pg_catalog.pg_class AS c WHERE c.relnamespace = 'holdfast_imports'::regnamespace"
    )
    + raw(" AND c.relkind = 'r' AND NOT EXISTS (SELECT FROM holdfast.imports AS i WHERE")
    + raw(" (c.relname = 'lines_' || i.id AND i.state IN ('reading', 'writing'))")
    + raw(" OR (c.relname = 'undo_' || i.id AND i.state IN ('reading', 'writing', 'done') AND i.started > now() - ")
    + value(KEPT, "text")
    + raw("::interval)) LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
)
_EXPIRE: Final = Statement.of(
    raw("UPDATE holdfast.imports SET undo = NULL WHERE undo IS NOT NULL AND started <= now() - ")
    + value(KEPT, "text")
    + raw("::interval")
)
_FORGET: Final = Statement.of(
    raw("DELETE FROM holdfast.imports WHERE ended < now() - ") + value(FORGOTTEN, "text") + raw("::interval")
)


async def sweep_imports(pool: Pool) -> int:
    """Give up imports that are not heard of any more, and drop the tables that nobody needs; how many these were."""
    await pool.execute(_SILENT)
    await pool.execute(_EXPIRE)
    await pool.execute(_FORGET)
    rows = await pool.fetch(_LEFT)
    names = [row["name"] for row in rows]
    of_lines = [table(one.removeprefix("lines_")) for one in names if one.startswith("lines_")]
    await drop(pool, [*of_lines, *(undo_table(one.removeprefix("undo_")) for one in names if one.startswith("undo_"))])
    return len(names)
