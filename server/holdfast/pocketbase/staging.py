"""Statements for records on their way: a table for this transaction holds those that PocketBase has, then the rows of
the collection are made to follow it. Pure.

What was moved before is remembered with a digest of PocketBase's row (holdfast.moved). A row whose digest is the same
is left as it is here, so that what was changed here since stays.
"""

from collections.abc import Sequence
from typing import Final

from holdfast.collections.convert import column_type, existing
from holdfast.db.sql import Sql, join, literal, name, qualified, raw, value
from holdfast.expressions.kind import Kind
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField

DIGEST: Final = "hf digest"  # no field can have a name with a space
PLACE: Final = "hf place"
_DIGEST: Final = name(DIGEST)
_STAGED: Final = raw("staged.")
_HERE: Final = raw("here.")


def stage_name(number: int) -> str:
    """The name of the table for the records of one collection. No collection can have it."""
    return f"hf_moving_{number}"


def create_stage(stage: str, fields: Sequence[Field]) -> Sql:
    """The statement that makes the table."""
    columns = [name(field.name) + raw(" ") + column_type(field) for field in fields]
    columns += [_DIGEST + raw(" bytea NOT NULL"), name(PLACE) + raw(" bigint NOT NULL")]
    return raw("CREATE TEMPORARY TABLE ") + name(stage) + raw(" (") + join(", ", columns) + raw(") ON COMMIT DROP")


def finish_stage(stage: str) -> Sql:
    """The statements that make the filled table quick to look into."""
    return raw("CREATE INDEX ON pg_temp.") + name(stage) + raw(" (id); ANALYZE pg_temp.") + name(stage)


def _staged(stage: str) -> Sql:
    return raw("pg_temp.") + name(stage)


def _remembered(collection: Collection) -> Sql:
    """What follows the staged rows, so that `known` is what is remembered of each."""
    known = raw(" LEFT JOIN holdfast.moved AS known ON known.collection_id = ") + literal(collection.id)
    return known + raw(" AND known.record_id = staged.id")


_MOVED: Final = raw("known.digest IS DISTINCT FROM staged.") + _DIGEST


def delete_gone(collection: Collection, stage: str) -> Sql:
    """Deletes what was moved before and that PocketBase has no more."""
    gone = raw(" AND NOT EXISTS (SELECT FROM ") + _staged(stage) + raw(" AS staged WHERE staged.id = known.record_id)")
    return (
        raw("DELETE FROM ")
        + qualified("public", collection.name)
        + raw(" AS here USING holdfast.moved AS known WHERE known.collection_id = ")
        + literal(collection.id)
        + raw(" AND here.id = known.record_id")
        + gone
    )


def forget_gone(collection: Collection, stage: str) -> Sql:
    """Forgets what PocketBase has no more."""
    return (
        raw("DELETE FROM holdfast.moved AS known WHERE known.collection_id = ")
        + literal(collection.id)
        + raw(" AND NOT EXISTS (SELECT FROM ")
        + _staged(stage)
        + raw(" AS staged WHERE staged.id = known.record_id)")
    )


def empty_missing(stage: str, field: RelationField, target: Collection, target_stage: str | None) -> Sql:
    """Empties what points at no record, neither here nor on its way; gives how many rows that was, and some ids.

    The digest becomes another: when the record comes later, the row is looked at again.
    """
    column = _STAGED + name(field.name)
    there = _there(raw("one.id"), target, target_stage)
    if field.many:
        left = (
            raw("ARRAY(SELECT one.id FROM unnest(")
            + column
            + raw(") WITH ORDINALITY AS one (id, place) WHERE ")
            + there
            + raw(" ORDER BY one.place)")
        )
        wrong = raw("EXISTS (SELECT FROM unnest(") + column + raw(") AS one (id) WHERE NOT (") + there + raw("))")
    else:
        left = raw("NULL")
        wrong = column + raw(" IS NOT NULL AND NOT (") + _there(column, target, target_stage) + raw(")")
    digest = _DIGEST + raw(" = staged.") + _DIGEST + raw(" || convert_to(") + literal(field.id) + raw(", 'UTF8')")
    emptied = raw("UPDATE ") + _staged(stage) + raw(" AS staged SET ") + name(field.name) + raw(" = ") + left
    return (
        raw("WITH emptied AS (")
        + emptied
        + raw(", ")
        + digest
        + raw(" WHERE ")
        + wrong
        + raw(" RETURNING staged.id) SELECT count(*) AS rows, (array_agg(id))[1:5] AS ids FROM emptied")
    )


def _there(id: Sql, target: Collection, target_stage: str | None) -> Sql:
    here = raw("EXISTS (SELECT FROM ") + qualified("public", target.name) + raw(" AS held WHERE held.id = ") + id
    here += raw(")")
    if target_stage is None:
        return here
    coming = raw("EXISTS (SELECT FROM ") + _staged(target_stage) + raw(" AS coming WHERE coming.id = ") + id + raw(")")
    return coming + raw(" OR ") + here


def update_changed(collection: Collection, stage: str, fields: Sequence[Field], id: str | None = None) -> Sql:
    """Brings what PocketBase has changed since it was moved last; of one record where an id is given."""
    others = [field for field in fields if field.name != "id"]
    sets = [name(field.name) + raw(" = staged.") + name(field.name) for field in others]
    differs = [_compared(_HERE, field) + raw(" IS DISTINCT FROM ") + _compared(_STAGED, field) for field in others]
    sql = (
        raw("UPDATE ")
        + qualified("public", collection.name)
        + raw(" AS here SET ")
        + join(", ", sets)
        + raw(" FROM ")
        + _staged(stage)
        + raw(" AS staged")
        + _remembered(collection)
        + raw(" WHERE here.id = staged.id AND ")
        + _MOVED
        + raw(" AND (")
        + join(" OR ", differs)
        + raw(")")
    )
    return sql if id is None else sql + raw(" AND here.id = ") + value(id, "text")


def park(collection: Collection, ids: Sequence[str]) -> Sql:
    """Gives records values of their own in text fields that must be unique, so that they can take each other's."""
    unique = {field.name for field in collection.fields if field.unique}
    for index in read_indexes(collection).values():
        unique |= {part.field for part in index.parts} if index.unique else set()
    parked = [field for field in collection.fields if field.name in unique and field.cast == "text"]
    sets = [name(field.name) + raw(" = 'moving ' || here.id") for field in parked if field.kind is Kind.TEXT]
    return (
        raw("UPDATE ")
        + qualified("public", collection.name)
        + raw(" AS here SET ")
        + join(", ", sets or [raw("id = here.id")])
        + raw(" WHERE here.id = ANY (")
        + value(list(ids), "text[]")
        + raw(")")
    )


def changed_ids(collection: Collection, stage: str) -> Sql:
    """The ids of the records that `update_changed` is about, and of those that are as they should be."""
    return (
        raw("SELECT staged.id FROM ")
        + _staged(stage)
        + raw(" AS staged")
        + _remembered(collection)
        + raw(" JOIN ")
        + qualified("public", collection.name)
        + raw(" AS here ON here.id = staged.id WHERE ")
        + _MOVED
        + raw(" ORDER BY staged.")
        + name(PLACE)
    )


def _compared(row: Sql, field: Field) -> Sql:
    column = row + name(field.name)
    return column + raw("::text") if field.kind in (Kind.POINT, Kind.OPAQUE) else column


def insert_new(collection: Collection, stage: str, fields: Sequence[Field]) -> Sql:
    """Brings what is not here; what has a value that another record has, and that must be unique, stays out."""
    return _insert(collection, stage, fields) + _new(collection) + _in_order() + raw(" ON CONFLICT DO NOTHING")


def insert_one(collection: Collection, stage: str, fields: Sequence[Field], id: str) -> Sql:
    """The same for one record, with the failure that PostgreSQL gives."""
    return _insert(collection, stage, fields) + _new(collection) + raw(" AND staged.id = ") + value(id, "text")


def _insert(collection: Collection, stage: str, fields: Sequence[Field]) -> Sql:
    names = [name(field.name) for field in fields]
    head = raw("INSERT INTO ") + qualified("public", collection.name) + raw(" (") + join(", ", names)
    return (
        head
        + raw(") SELECT ")
        + join(", ", [_STAGED + one for one in names])
        + raw(" FROM ")
        + _staged(stage)
        + raw(" AS staged")
    )


def _new(collection: Collection) -> Sql:
    return _remembered(collection) + raw(" WHERE ") + _MOVED + _not_here(collection)


def _not_here(collection: Collection) -> Sql:
    here = raw(" AND NOT EXISTS (SELECT FROM ") + qualified("public", collection.name)
    return here + raw(" AS here WHERE here.id = staged.id)")


def _in_order() -> Sql:
    return raw(" ORDER BY staged.") + name(PLACE)


def refused_ids(collection: Collection, stage: str) -> Sql:
    """The ids of the records that should be here now, and are not."""
    return raw("SELECT staged.id FROM ") + _staged(stage) + raw(" AS staged") + _new(collection) + _in_order()


def remember(collection: Collection, stage: str) -> Sql:
    """Remembers what is here now."""
    return (
        raw("INSERT INTO holdfast.moved AS known (collection_id, record_id, digest) SELECT ")
        + literal(collection.id)
        + raw(", staged.id, staged.")
        + _DIGEST
        + raw(" FROM ")
        + _staged(stage)
        + raw(" AS staged WHERE EXISTS (SELECT FROM ")
        + qualified("public", collection.name)
        + raw(" AS here WHERE here.id = staged.id) ON CONFLICT (collection_id, record_id) DO UPDATE")
        + raw(" SET digest = excluded.digest WHERE known.digest <> excluded.digest")
    )


def forget_refused(collection: Collection, field: RelationField, target: Collection) -> Sql:
    """Empties what points at records that could not come, in the collection itself."""
    now = raw("source.") + name(field.name)
    left = existing(field, now, target.name)
    return (
        raw("UPDATE ")
        + qualified("public", collection.name)
        + raw(" AS source SET ")
        + name(field.name)
        + raw(" = ")
        + left
        + raw(" WHERE ")
        + now
        + raw(" IS DISTINCT FROM ")
        + left
    )
