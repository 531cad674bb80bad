"""The rows of a collection as they were, as what a FROM holds in place of the table. Pure.

What a record was at a moment is what its last version by then says. Where there is none by then, it is what the first
version after it says was there before; and a record without any version has not changed since versions are kept, so
it is as its row says. Nothing is copied when a history begins, and nothing is lost of what has not changed when old
versions are dropped. What waits in the outbox counts, so that one snapshot has the whole story.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.db.sql import EMPTY, Sql, join, literal, name, named, qualified, raw
from holdfast.events.capture import captured_fields
from holdfast.events.remembering import form
from holdfast.expressions.kind import Kind
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField

Past: TypeAlias = Literal["", "asOf", "deleted"]
"""Which rows a read is about: those of today, those of a moment, or those that are there no more, as they were."""

AS_OF: Final = "as of"
"""The name under which `Inputs.named` holds the moment."""
SINCE_SHAPE: Final = "since shape"
"""The name under which it holds the first of holdfast.history_shapes since when nothing is missing."""

_VERSION: Final = raw("version")
_MOMENT: Final = named(AS_OF, "timestamptz")
_SINCE: Final = named(SINCE_SHAPE, "bigint")
_CHANGES: Final = raw("('created', 'updated', 'deleted')")


def remembered(collection: Collection) -> Collection:
    """The collection without the fields of which nothing is remembered: to the past, they are unknown."""
    return msgspec.structs.replace(collection, fields=captured_fields(collection))


def source(collection: Collection, past: Past) -> Sql:
    """What stands before AS in a FROM. It has all columns of the table; those that are not remembered are null."""
    match past:
        case "":
            return qualified("public", collection.name)
        case "asOf":
            return _as_of(collection)
        case "deleted":
            return _deleted(collection)


def _as_of(collection: Collection) -> Sql:
    # The numbers of the versions are found first, and only then what they hold: to sort whole records would take
    # ten times as long.
    by_then = raw("v.at <= ") + _MOMENT
    picked = (
        raw("(SELECT v.record_id, max(v.id) FILTER (WHERE ")
        + by_then
        + raw(" AND v.id >= ")
        + _truncated(collection)
        + raw(") AS last, min(v.id) FILTER (WHERE NOT ")
        + by_then
        + raw(") AS next FROM ")
        + _versions(collection)
        + raw(" AS v GROUP BY v.record_id) AS picked")
    )
    record = raw(
        "CASE WHEN picked.last IS NULL THEN f.record || coalesce(f.previous, '{}') ELSE f.record END AS record"
    )
    there = raw(" WHERE f.action <> CASE WHEN picked.last IS NULL THEN 'created' ELSE 'deleted' END) AS ")
    return (
        raw("(SELECT ")
        + _out_of_versions(collection)
        + raw(" FROM (SELECT f.record_id, f.names, ")
        + record
        + raw(" FROM ")
        + picked
        + raw(" JOIN ")
        + _versions(collection, whole=True)
        + raw(" AS f ON f.record_id = picked.record_id AND f.id = coalesce(picked.last, picked.next)")
        + there
        + _VERSION
        + raw(" UNION ALL SELECT ")
        + _out_of_rows(collection)
        + raw(" FROM ")
        + qualified("public", collection.name)
        + raw(" AS kept WHERE NOT EXISTS (SELECT FROM ")
        + _versions(collection)
        + raw(" AS v WHERE v.record_id = kept.id))")
    )


def _deleted(collection: Collection) -> Sql:
    last = raw("(SELECT v.record_id, max(v.id) AS last FROM ") + _versions(collection)
    last += raw(" AS v WHERE v.action = 'deleted' GROUP BY v.record_id) AS picked")
    return (
        raw("(SELECT ")
        + _out_of_versions(collection)
        + raw(" FROM ")
        + last
        + raw(" JOIN ")
        + _versions(collection, whole=True)
        + raw(
            " AS version ON version.record_id = picked.record_id AND version.id = picked.last WHERE NOT EXISTS (SELECT"
        )
        + raw(" FROM ")
        + qualified("public", collection.name)
        + raw(" AS kept WHERE kept.id = picked.record_id))")
    )


def _versions(collection: Collection, *, whole: bool = False) -> Sql:
    """All that is known of the collection's records; `whole`: with what they were.

    What waits in the outbox comes after all that does not.
    """
    id = literal(collection.id)
    held = raw(", h.record, h.previous, shape.names FROM holdfast.history AS h JOIN holdfast.history_shapes AS shape")
    kept = (
        raw("SELECT h.record_id, h.id, h.at, h.action")
        + (held + raw(" ON shape.id = h.shape") if whole else raw(" FROM holdfast.history AS h"))
        + raw(" WHERE h.collection_id = ")
        + id
        + raw(" AND h.shape >= ")
        + _SINCE
        + raw(" AND h.action IN ")
        + _CHANGES
    )
    verb = raw("split_part(o.type, '.', 2)")
    content = raw(", holdfast.try_json(o.record), holdfast.try_json(o.previous), shape.names")
    waiting = (
        raw("SELECT o.record_id, o.id + (1::bigint << 62), o.at, ")
        + verb
        + (content if whole else EMPTY)
        + raw(" FROM holdfast.outbox AS o JOIN holdfast.history_shapes AS shape ON")
        + raw(" shape.collection_id = o.collection_id AND o.id > shape.first")
        + raw(" AND (shape.last IS NULL OR o.id < shape.last) WHERE o.collection_id = ")
        + id
        + raw(" AND shape.id >= ")
        + _SINCE
        + raw(" AND ")
        + verb
        + raw(" IN ")
        + _CHANGES
    )
    return raw("(") + kept + raw(" UNION ALL ") + waiting + raw(")")


def _truncated(collection: Collection) -> Sql:
    """The newest version, by then, of what a TRUNCATE has taken away: it leaves none for each record."""
    return (
        raw("(SELECT coalesce(max(t.id), 0) FROM holdfast.history AS t WHERE t.collection_id = ")
        + literal(collection.id)
        + raw(" AND t.record_id = '' AND t.action = 'truncated' AND t.at <= ")
        + _MOMENT
        + raw(")")
    )


def _out_of_rows(collection: Collection) -> Sql:
    known = {field.id for field in captured_fields(collection)}
    columns = [raw("kept.") + name(field.name) if field.id in known else _nothing(field) for field in collection.fields]
    return join(
        ", ", [sql + raw(" AS ") + name(field.name) for sql, field in zip(columns, collection.fields, strict=True)]
    )


def _out_of_versions(collection: Collection) -> Sql:
    known = {field.id for field in captured_fields(collection)}
    columns = [_column(field) if field.id in known else _nothing(field) for field in collection.fields]
    return join(
        ", ", [sql + raw(" AS ") + name(field.name) for sql, field in zip(columns, collection.fields, strict=True)]
    )


def _nothing(field: Field) -> Sql:
    return raw("NULL::") + raw(field.cast)


def _column(field: Field) -> Sql:
    """A field of a version as its column has it; its empty value where the version says nothing of it."""
    if field.name == "id":
        return raw("version.record_id")
    key = raw("(version.names ->> ") + literal(form(field)) + raw(")")
    found = _value(field, raw("(version.record -> ") + key + raw(")"), raw("(version.record ->> ") + key + raw(")"))
    default = field.column().default
    if default is None or field.kind is Kind.DATE:  # the default of an autodate is now
        return found
    return raw("coalesce(") + found + raw(", ") + default + raw(")")


def _value(field: Field, json: Sql, text: Sql) -> Sql:
    """A value as the API writes it, as the type of the column. The form has made sure that it was of that type."""
    cast = raw("::") + raw(field.cast)
    if field.many:
        listed = raw("ARRAY(SELECT jsonb_array_elements_text(") + json + raw("))")
        return raw("CASE jsonb_typeof(") + json + raw(") WHEN 'array' THEN ") + listed + raw(" END")
    if field.kind is Kind.JSON:
        return raw("nullif(") + json + raw(", 'null')")
    if field.kind is Kind.POINT:
        inner = [raw("(") + json + raw(" ->> ") + literal(part) + raw(")::float8") for part in ("lon", "lat")]
        return raw("point(") + join(", ", inner) + raw(")")
    if field.kind is Kind.DATE or isinstance(field, RelationField):
        return raw("nullif(") + text + raw(", '')") + cast
    return text + cast
