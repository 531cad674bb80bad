"""Values of one record are wiped out of all that remembers it, because the law or a person asks for it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import asyncpg
import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, Unavailable, ValidationFailed
from holdfast.events.catching_up import caught_up
from holdfast.events.months import make_months
from holdfast.events.remembering import field_of, names
from holdfast.history.seeing import Place
from holdfast.history.store import live_state
from holdfast.history.version import ALL
from holdfast.records.write_service import allow_time
from holdfast.schema.collection import Collection

WAIT_SECONDS: Final = 1.0  # for the relay
_INVALID: Final = "validation_invalid_value"
_OF_RECORD: Final = (
    raw(" WHERE collection_id = ") + named("collection", "text") + raw(" AND record_id = ") + named("record", "text")
)
_SHAPES: Final = Statement.of(
    raw("SELECT id, names::text AS names FROM holdfast.history_shapes WHERE collection_id = ")
    + named("collection", "text")
    + raw(" ORDER BY id")
)
# What waits in the outbox goes first: the relay takes it from there, and the statements after this one see where to.
_OUTBOX: Final = Statement.of(
    raw("UPDATE holdfast.outbox SET record = (holdfast.try_json(record) - ")
    + named("names", "text[]")
    + raw(")::text, previous = (holdfast.try_json(previous) - ")
    + named("names", "text[]")
    + raw(")::text")
    + _OF_RECORD
)
# As the relay leaves a record that is too large: with its id, and the names of what was changed.
_EVENTS: Final = Statement.of(
    raw("UPDATE holdfast.events SET whole = false, record = CASE WHEN record IS NOT NULL")
    + raw(" THEN '{\"id\":' || to_json(record_id) || '}' END,")
    + raw(" previous = CASE WHEN previous IS NOT NULL THEN (SELECT '{' || coalesce(string_agg(to_json(key) || ':null',")
    + raw(" ','), '') || '}' FROM jsonb_object_keys(CASE WHEN left(previous, 1) = '{' THEN")
    + raw(" holdfast.try_json(previous) END) AS key) END")
    + _OF_RECORD
)
# What a receiver has answered can have the record in it.
_ANSWERS: Final = Statement.of(
    raw("UPDATE holdfast.delivery_attempts SET body = NULL WHERE body IS NOT NULL AND delivery_id IN (SELECT id")
    + raw(" FROM holdfast.deliveries WHERE subject = ")
    + named("subject", "text")
    + raw(")")
)
_WIPE: Final = Statement.of(
    raw("UPDATE holdfast.history SET record = record - ")
    + named("names", "text[]")
    + raw(", previous = previous - ")
    + named("names", "text[]")
    + raw(", redacted = ARRAY(SELECT DISTINCT one FROM unnest(redacted || ")
    + named("ids", "text[]")
    + raw(") AS one ORDER BY one)")
    + _OF_RECORD
    + raw(" AND shape = ")
    + named("shape", "bigint")
    + raw(" AND action <> 'redacted'")
)
_MARK: Final = Statement.of(
    raw("INSERT INTO holdfast.history (at, collection_id, record_id, shape, action, context, redacted)")
    + raw(" VALUES (clock_timestamp(), ")
    + named("collection", "text")
    + raw(", ")
    + named("record", "text")
    + raw(", ")
    + named("shape", "bigint")
    + raw(", 'redacted', ")
    + named("context", "text")
    + raw(", ")
    + named("ids", "text[]")
    + raw(")")
)


class Shape(msgspec.Struct, frozen=True):
    """Which names the fields had, by their forms, in some of the versions."""

    id: int
    names: Mapping[str, str]


async def redact(engine: Engine, author: Author, place: Place, body: Mapping[str, Any]) -> dict[str, int]:
    """Wipe values out of all versions of a record, its events, and what is to be delivered of them.

    The record itself stays as it is. Raises ValidationFailed, and NotFound where nothing is remembered of it.
    """
    one = {"collection": place.collection.id, "record": place.record_id}
    with suppress(Unavailable):  # then what waits is redacted where it waits, and its versions bear no mark
        await caught_up(engine.pool, place.collection.id, seconds=WAIT_SECONDS)
    with suppress(asyncpg.DuplicateTableError):  # the relay was faster
        async with engine.pool.transaction() as tx:
            await make_months(tx.connection)
    async with engine.pool.transaction() as tx:
        await allow_time(tx, engine.settings.statement_timeout_ms)
        shapes = [_shape(row) for row in await tx.fetch(_SHAPES, Inputs(named=one))]
        ids = read_fields(body, place.collection, shapes)
        await live_state(tx, place.collection, place.record_id, locked=True)  # whoever changes it just now has done so
        events = await _wipe_events(tx, one, names_of(Shape(0, names(place.collection)), ids))
        versions = 0
        for shape in shapes:
            wiped = {**one, "shape": shape.id, "names": names_of(shape, ids), "ids": ids}
            versions += _count(await tx.execute(_WIPE, Inputs(named=wiped)))
        if not versions and not events:
            raise NotFound("Nothing is remembered of this record.")
        if shapes:
            mark = {**one, "shape": shapes[-1].id, "context": author.context, "ids": ids}
            await tx.execute(_MARK, Inputs(named=mark))
        target = Target("record", place.record_id, place.collection.name)
        details = {"fields": ids, "versions": versions, "events": events}
        await write(tx, author, Entry(action="record.redacted", target=target, details=details))
    return {"versions": versions, "events": events}


async def _wipe_events(tx: Transaction, one: Mapping[str, str], labels: list[str]) -> int:
    waiting = _count(await tx.execute(_OUTBOX, Inputs(named={**one, "names": labels})))
    events = _count(await tx.execute(_EVENTS, Inputs(named=one)))
    await tx.execute(_ANSWERS, Inputs(named={"subject": f"{one['collection']}/{one['record']}"}))
    return waiting + events


def _shape(row: Row) -> Shape:
    return Shape(row["id"], msgspec.json.decode(row["names"]))


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])


async def redactable(engine: Engine, place: Place, wanted: Iterable[str]) -> list[str]:
    """Those of these fields of today that `redact` takes."""
    rows = await engine.pool.fetch(_SHAPES, Inputs(named={"collection": place.collection.id}))
    known = remembered_fields(place.collection, [_shape(row) for row in rows])
    return [name for name in wanted if name in known]


def remembered_fields(collection: Collection, shapes: Iterable[Shape]) -> dict[str, str]:
    """The ids, by their names of today, of the fields that are in what is remembered.

    A field that has always been hidden is in no version: to say that it was wiped would be no true word.
    """
    past = {field_of(form) for shape in shapes for form in shape.names}
    return {one.name: one.id for one in collection.fields if not one.hidden or one.id in past}


def read_fields(body: Mapping[str, Any], collection: Collection, shapes: Sequence[Shape]) -> list[str]:
    """The ids of the fields that the body names as they are called today, or were once; ALL for all of them.

    Raises ValidationFailed.
    """
    if body.get("all") is True and body.get("fields") is None:
        return [ALL]
    given: object = body.get("fields")
    wanted = cast("list[object]", given) if isinstance(given, list) else []
    if not wanted or body.get("all") not in (None, False):
        message = 'Must be a list of names of fields; or send "all": true, and no fields.'
        raise ValidationFailed({"fields": Problem(_INVALID, message)})
    known = {name: field_of(form) for shape in shapes for form, name in shape.names.items()}
    known.update(remembered_fields(collection, shapes))
    found = {name: known.get(name) if name != "id" else None for name in map(str, wanted)}
    wrong = next((name for name, id in found.items() if id is None), None)
    if wrong is not None:
        raise ValidationFailed(
            {"fields": Problem(_INVALID, f"There is no field {wrong[:100]!r} that can be redacted.")}
        )
    return sorted({id for id in found.values() if id is not None})


def names_of(shape: Shape, ids: list[str]) -> list[str]:
    """What the fields of these ids are called in versions of this shape; the id of the record stays."""
    return [name for form, name in shape.names.items() if name != "id" and (ids == [ALL] or field_of(form) in ids)]
