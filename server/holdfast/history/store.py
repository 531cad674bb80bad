"""The versions of one record, as the database has them."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from holdfast.db.pool import Row
from holdfast.db.sql import Inputs, Statement, named, qualified, raw
from holdfast.events.capture import as_logged
from holdfast.events.remembering import names
from holdfast.history.version import FIRST, State, Version, read_version, state
from holdfast.schema.collection import Collection

_OF_RECORD: Final = (
    raw(" FROM holdfast.history AS h WHERE h.collection_id = ")
    + named("collection", "text")
    + raw(" AND h.record_id = ")
    + named("record", "text")
)
_VERSION: Final = (
    raw("SELECT v.id, v.seq, holdfast.stamp(v.at) AS stamped, v.action, v.follows, v.record::text AS record,")
    + raw(" v.previous::text AS previous, v.context, v.redacted, shape.names::text AS names FROM (SELECT h.*,")
    + raw(" lag(h.action) OVER (PARTITION BY h.action = 'redacted' ORDER BY h.id) AS follows")
    + _OF_RECORD
    + raw(") AS v JOIN holdfast.history_shapes AS shape ON shape.id = v.shape")
)
_PAGE: Final = Statement.of(
    _VERSION
    + raw(" ORDER BY v.id DESC LIMIT ")
    + named("limit", "bigint")
    + raw(" OFFSET ")
    + named("offset", "bigint")
)
_ONE: Final = Statement.of(_VERSION + raw(" WHERE v.id = ") + named("version", "bigint"))
_OLDEST: Final = Statement.of(_VERSION + raw(" WHERE v.action <> 'redacted' ORDER BY v.id LIMIT 1"))
_COUNT: Final = Statement.of(raw("SELECT count(*) AS total") + _OF_RECORD)
_BEGAN: Final = Statement.of(
    raw("SELECT holdfast.stamp(greatest(min(shape.began), now() - make_interval(days => nullif(")
    + named("days", "integer")
    + raw(", 0)))) AS stamped FROM holdfast.history_shapes AS shape WHERE shape.collection_id = ")
    + named("collection", "text")
)


class Runs(Protocol):
    """What runs statements: a pool, or a transaction."""

    async def fetch(self, statement: Statement, inputs: Inputs = ..., /) -> Sequence[Row]: ...

    async def fetchrow(self, statement: Statement, inputs: Inputs = ..., /) -> Row | None: ...


def _inputs(collection: Collection, record_id: str, **more: object) -> Inputs:
    return Inputs(named={"collection": collection.id, "record": record_id, **more})


async def count(runs: Runs, collection: Collection, record_id: str) -> int:
    """How many versions are kept."""
    row = await runs.fetchrow(_COUNT, _inputs(collection, record_id))
    return 0 if row is None else row["total"]


async def page(runs: Runs, collection: Collection, record_id: str, *, limit: int, offset: int) -> list[Version]:
    """Some of the versions, the newest first."""
    rows = await runs.fetch(_PAGE, _inputs(collection, record_id, limit=limit, offset=offset))
    return [read_version(dict(row.items())) for row in rows]


async def version_of(runs: Runs, collection: Collection, record_id: str, id: int) -> Version | None:
    """One version; None if there is none of this number."""
    if id == FIRST:
        return await first_of(runs, collection, record_id)
    row = await runs.fetchrow(_ONE, _inputs(collection, record_id, version=id))
    return None if row is None else read_version(dict(row.items()))


async def first_of(runs: Runs, collection: Collection, record_id: str) -> Version | None:
    """What the record was before all that is kept; None where it was made after that, or is not there at all."""
    row = await runs.fetchrow(_OLDEST, _inputs(collection, record_id))
    oldest = None if row is None else read_version(dict(row.items()))
    known = names(collection) if oldest is None else oldest.names
    was = await live_state(runs, collection, record_id) if oldest is None else oldest.was
    if was is None:
        return None
    began = await runs.fetchrow(_BEGAN, _inputs(collection, record_id, days=collection.history_days))
    at: Any = "" if began is None else began["stamped"]
    redacted = () if oldest is None else oldest.redacted
    return Version(id=FIRST, at=at or "", action="first", names=known, after=was, redacted=redacted)


async def live_state(runs: Runs, collection: Collection, record_id: str, *, locked: bool = False) -> State | None:
    """The record as it is now, as the log would have it; None if it is not there."""
    row = raw("base")
    sql = raw("SELECT ") + as_logged(collection, row) + raw(" AS record FROM ") + qualified("public", collection.name)
    sql += raw(" AS base WHERE base.id = ") + named("record", "text") + (raw(" FOR UPDATE") if locked else raw(""))
    found = await runs.fetchrow(Statement.of(sql), _inputs(collection, record_id))
    if found is None:
        return None
    return state(found["record"], {name: form for form, name in names(collection).items()})


def same(one: object, other: object) -> bool:
    """Whether two values are the same JSON: to Python, 1 and true are."""
    return msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(other, order="deterministic")
