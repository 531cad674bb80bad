"""The tables of changes of many records that are done as jobs: what is left to write, and what came of the rest."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast.db.pool import Pool, Row, Transaction
from holdfast.db.sql import Inputs, Sql, Statement, named, raw, value
from holdfast.errors import ApiError, Conflict, NotFound, PluginFailed, Problem
from holdfast.identity import Principal
from holdfast.schema.date import write_date

State: TypeAlias = Literal["running", "done", "failed", "cancelled"]
Outcome: TypeAlias = Literal["skipped", "failed"]

JOB: Final = "bulk"
"""The name of the job that does them."""
MOST_TOLD: Final = 100  # records whose reason is told; all are counted
MOST_LISTED: Final = 100
SILENT: Final = "5 minutes"  # without a job that would go on with it
FORGOTTEN: Final = "90 days"
_BY_ID: Final = raw(" WHERE id = ") + named("id", "text")
_RUNS: Final = raw(" AND state = 'running'")
_COLUMNS: Final = raw(
    "id, collection_id, promised::text AS promised, state, matched, done, skipped, failed, told::text AS told,"
    " message, started, ended"
)


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """Who has asked for what. `where` is None for records by their ids, `settings` for a delete."""

    who: Principal
    request: str
    hops: int
    address: str
    where: Mapping[str, Any] | None
    settings: Mapping[str, Any] | None
    action: str = ""


class Told(msgspec.Struct, frozen=True):
    """Why a record was not written. `field` is empty where it is the record as a whole."""

    id: str
    outcome: Outcome
    field: str
    code: str
    message: str


class Tally(msgspec.Struct):
    """What became of the records of one chunk."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    told: list[Told] = msgspec.field(default_factory=list[Told])

    def skip(self, ids: Sequence[str], code: str, message: str) -> None:
        """Count records that were left alone."""
        self.skipped += len(ids)
        self.told += [Told(id, "skipped", "", code, message) for id in ids[: MOST_TOLD - len(self.told)]]

    def fail(self, id: str, refusal: ApiError) -> None:
        """Count a record that was refused. A fault of a plugin is told as it is: only superusers read this."""
        self.failed += 1
        if len(self.told) < MOST_TOLD:
            message = refusal.reason if isinstance(refusal, PluginFailed) else refusal.message
            field, problem = next(
                ((name, one) for name, one in refusal.data.items() if isinstance(one, Problem)),
                ("", Problem(refusal.code, message)),
            )
            self.told.append(Told(id, "failed", field, problem.code, problem.message))

    def add(self, other: "Tally") -> None:
        """Count what another has counted."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed += other.failed
        self.told += other.told[: MOST_TOLD - len(self.told)]


class BulkState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A change as the API shows it: `matched` is the sum of `done`, `skipped`, `failed` and what is `left`."""

    id: str
    state: State
    delete: bool
    action: str
    where: Mapping[str, Any] | None
    set: Mapping[str, Any] | None
    matched: int
    done: int
    skipped: int
    failed: int
    left: int
    told: msgspec.Raw
    message: str
    started: str
    ended: str


class BulkEnded(Conflict):
    """Somebody has ended the change, or it has come to its end."""

    default = "The change has ended: what it has written stays."


_BEGIN: Final = Statement.of(
    raw("INSERT INTO holdfast.bulk_changes (id, collection_id, promised, matched) VALUES (")
    + named("id", "text")
    + raw(", ")
    + named("collection", "text")
    + raw(", ")
    + named("promised", "jsonb")
    + raw(", 0)")
)
_SET_MATCHED: Final = Statement.of(
    raw("UPDATE holdfast.bulk_changes AS b SET matched = c.matched FROM (SELECT")
    + raw(" coalesce(sum(cardinality(ids)), 0) AS matched FROM holdfast.bulk_chunks WHERE bulk = ")
    + named("id", "text")
    + raw(") AS c")
    + _BY_ID
    + raw(" RETURNING b.matched")
)
_TAKE: Final = Statement.of(
    raw("DELETE FROM holdfast.bulk_chunks WHERE (bulk, place) = (SELECT bulk, place FROM holdfast.bulk_chunks")
    + raw(" WHERE bulk = ")
    + named("id", "text")
    + raw(" ORDER BY place LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING ids")
)
_ADVANCE: Final = Statement.of(
    raw("UPDATE holdfast.bulk_changes SET beat = now(), done = done + ")
    + named("done", "bigint")
    + raw(", skipped = skipped + ")
    + named("skipped", "bigint")
    + raw(", failed = failed + ")
    + named("failed", "bigint")
    + raw(", told = CASE WHEN jsonb_array_length(told) < ")
    + value(MOST_TOLD, "integer")
    + raw(" THEN told || ")
    + named("told", "jsonb")
    + raw(" ELSE told END")
    + _BY_ID
    + _RUNS
    + raw(" RETURNING id")
)
_ALL_DONE: Final = Statement.of(
    raw("UPDATE holdfast.bulk_changes SET state = 'done', ended = now()")
    + _BY_ID
    + _RUNS
    + raw(" AND matched = done + skipped + failed")
)
_END: Final = Statement.of(
    raw("UPDATE holdfast.bulk_changes SET ended = now(), state = ")
    + named("state", "text")
    + raw(", message = ")
    + named("message", "text")
    + _BY_ID
    + _RUNS
    + raw(" RETURNING id")
)
_CLEAR: Final = Statement.of(raw("DELETE FROM holdfast.bulk_chunks WHERE bulk = ") + named("id", "text"))
_OF: Final = raw("SELECT ") + _COLUMNS + raw(" FROM holdfast.bulk_changes")
_GET: Final = Statement.of(_OF + _BY_ID)
_LIST: Final = Statement.of(
    _OF
    + raw(" WHERE collection_id = ")
    + named("collection", "text")
    + raw(" ORDER BY id DESC LIMIT ")
    + value(MOST_LISTED, "bigint")
)
_RUNNING: Final = Statement.of(_OF + raw(" WHERE state = 'running' ORDER BY id LIMIT ") + value(MOST_LISTED, "bigint"))


async def begin(tx: Transaction, id: str, collection_id: str, promised: Promised) -> None:
    """Write down that a change begins."""
    told = msgspec.json.encode(promised).decode()
    await tx.execute(_BEGIN, Inputs(named={"id": id, "collection": collection_id, "promised": told}))


async def keep_ids(tx: Transaction, id: str, found: Sql, inputs: Inputs, at_once: int) -> int:
    """Keep which records it is about: `found` is a query of their ids; how many there are."""
    size = value(at_once, "bigint")
    kept = (
        raw("INSERT INTO holdfast.bulk_chunks (bulk, place, ids) SELECT ")
        + value(id, "text")
        + raw(", at / ")
        + size
        + raw(', array_agg("id" ORDER BY "id") FROM (SELECT "id", row_number() OVER (ORDER BY "id") - 1 AS at')
        + raw(" FROM (SELECT DISTINCT found.id FROM (")
        + found
        + raw(") AS found) AS once) AS numbered GROUP BY at / ")
        + size
    )
    await tx.execute(Statement.of(kept), inputs)
    row = await tx.fetchrow(_SET_MATCHED, Inputs(named={"id": id}))
    return 0 if row is None else int(row["matched"])


async def take(tx: Transaction, id: str) -> list[str] | None:
    """The ids of the next records that are to be written in this transaction; None if nobody has to write any."""
    row = await tx.fetchrow(_TAKE, Inputs(named={"id": id}))
    return None if row is None else list(row["ids"])


async def advance(tx: Transaction, id: str, tally: Tally) -> None:
    """Count what became of them, in the same transaction. Raises BulkEnded if the change is wanted no more."""
    told = msgspec.json.encode(tally.told[:MOST_TOLD]).decode()
    counts = {"done": tally.done, "skipped": tally.skipped, "failed": tally.failed}
    if await tx.fetchrow(_ADVANCE, Inputs(named={"id": id, "told": told, **counts})) is None:
        raise BulkEnded


async def finish(pool: Pool, id: str) -> None:
    """Say that it is done, if every record was counted: another process may be at the last of them."""
    await pool.execute(_ALL_DONE, Inputs(named={"id": id}))


async def end(db: Pool | Transaction, id: str, state: State, message: str) -> bool:
    """End a change before its end; False if it has ended already."""
    inputs = Inputs(named={"id": id, "state": state, "message": message.replace("\0", " ")})
    return await db.fetchrow(_END, inputs) is not None


async def clear(pool: Pool, id: str) -> None:
    """Forget what it has not written."""
    await pool.execute(_CLEAR, Inputs(named={"id": id}))


async def find(db: Pool | Transaction, id: str) -> tuple[str, Promised, BulkState]:
    """A change: the id of its collection, what was promised, and how far it is. Raises NotFound."""
    row = await db.fetchrow(_GET, Inputs(named={"id": id}))
    if row is None:
        raise NotFound
    return row["collection_id"], _promised(row), _state(row)


async def listed(pool: Pool, collection_id: str) -> list[BulkState]:
    """The last changes of a collection, the newest first."""
    return [_state(row) for row in await pool.fetch(_LIST, Inputs(named={"collection": collection_id}))]


async def running(pool: Pool) -> list[tuple[str, BulkState]]:
    """The changes that run now, each with the id of its collection."""
    return [(row["collection_id"], _state(row)) for row in await pool.fetch(_RUNNING)]


def _promised(row: Row) -> Promised:
    return msgspec.json.decode(row["promised"], type=Promised)


def _state(row: Row) -> BulkState:
    promised = _promised(row)
    counts = {name: int(row[name]) for name in ("matched", "done", "skipped", "failed")}
    told = msgspec.json.decode(row["told"], type=list[Told])[:MOST_TOLD]
    ended = row["ended"]
    return BulkState(
        id=row["id"],
        state=row["state"],
        delete=promised.settings is None and not promised.action,
        action=promised.action,
        where=promised.where,
        set=None if promised.action else promised.settings,
        **counts,
        left=counts["matched"] - counts["done"] - counts["skipped"] - counts["failed"],
        told=msgspec.Raw(msgspec.json.encode(told)),
        message=row["message"],
        started=write_date(row["started"]),
        ended="" if ended is None else write_date(ended),
    )


_LOST: Final = Statement.of(
    raw("UPDATE holdfast.bulk_changes AS b SET state = 'failed', ended = now(),")
    + raw(" message = 'Its job is gone, or was given up: what it has written stays.'")
    + raw(" WHERE b.state = 'running' AND b.beat < now() - ")
    + value(SILENT, "text")
    + raw("::interval AND NOT EXISTS (SELECT FROM holdfast.jobs AS j WHERE j.name = ")
    + value(JOB, "text")
    + raw(" AND j.dead IS NULL AND j.payload ->> 'id' = b.id)")
)
_LEFT: Final = Statement.of(
    raw("DELETE FROM holdfast.bulk_chunks AS c USING holdfast.bulk_changes AS b")
    + raw(" WHERE b.id = c.bulk AND b.state <> 'running'")
)
_FORGET: Final = Statement.of(
    raw("DELETE FROM holdfast.bulk_changes WHERE ended < now() - ") + value(FORGOTTEN, "text") + raw("::interval")
)


async def sweep_bulk_changes(pool: Pool) -> int:
    """Give up changes that no job goes on with, and forget old ones; 0, since all of it is done at once."""
    for statement in (_LOST, _LEFT, _FORGET):
        await pool.execute(statement)
    return 0
