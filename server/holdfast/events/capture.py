"""The triggers that capture the changes of a collection, and the function that they call. Pure.

The function is written for the one collection: what it may show stands in it by name, so that no hidden field can get
into the log, and PostgreSQL keeps its plans. docs/explanation/events.md has what it costs.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from holdfast.db.sql import EMPTY, Sql, inline, join, literal, name, qualified, raw
from holdfast.events.context import SETTING
from holdfast.expressions.kind import Kind
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField

_MOST_ARGUMENTS: Final = 50  # of one function; PostgreSQL takes 100
# Names with a space: no field can have one, so that none is meant by them.
_OLD: Final = raw('"hf old"')
_NEW: Final = raw('"hf new"')
_NOW: Final = raw('"hf now"')
_ROW: Final = raw('"hf row"')
TRIGGERS: Final[dict[str, Sql]] = {
    "hf_ev_create": raw(" AFTER INSERT ON "),
    "hf_ev_update": raw(" AFTER UPDATE ON "),
    "hf_ev_delete": raw(" AFTER DELETE ON "),
    "hf_ev_truncate": raw(" AFTER TRUNCATE ON "),
}
_REFERENCES: Final[dict[str, Sql]] = {
    "hf_ev_create": raw(" REFERENCING NEW TABLE AS ") + _NEW,
    "hf_ev_update": raw(" REFERENCING OLD TABLE AS ") + _OLD + raw(" NEW TABLE AS ") + _NEW,
    "hf_ev_delete": raw(" REFERENCING OLD TABLE AS ") + _OLD,
    "hf_ev_truncate": EMPTY,
}


def is_captured(collection: Collection) -> bool:
    """Whether the collection's changes are events."""
    return collection.events and not collection.is_view


def captured_fields(collection: Collection) -> tuple[Field, ...]:
    """What of a record gets into the log: all but hidden fields, and what goes out to nobody."""
    return tuple(field for field in collection.fields if not field.hidden and not collection.is_secret(field))


def signature(collection: Collection) -> str:
    """Another text whenever the table or what is captured of it is another.

    A change of the collection takes the triggers off while it goes on, if this moves: what it does to the rows is no
    change of records, and the function speaks of columns that may not be there any more.
    """
    shown = captured_fields(collection)
    columns = [f"{field.name} {field.column().type} {_target(field)} {field in shown}" for field in collection.fields]
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()[:16]


def function_name(collection: Collection) -> str:
    """The function of the collection, in schema holdfast."""
    return f"hf_ev_{collection.id}"


def create(collection: Collection) -> Sql:
    """The statements that make the function and its triggers.

    The function is SECURITY DEFINER, so that whoever may write to the table need not be allowed to write to the log.
    The triggers are ENABLE ALWAYS: they fire for replicated writes, too, and in sessions that say they are a replica.
    """
    function = (
        raw("CREATE OR REPLACE FUNCTION ")
        + qualified("holdfast", function_name(collection))
        + raw("() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS ")
        + literal(function_body(collection))
    )
    return join("; ", [function, *(_create_trigger(collection, label) for label in TRIGGERS)])


def enable(collection: Collection, trigger: str) -> Sql:
    """The statement that switches a trigger on."""
    table = qualified("public", collection.name)
    return raw("ALTER TABLE ") + table + raw(" ENABLE ALWAYS TRIGGER ") + name(trigger)


def drop(function: str) -> Sql:
    """The statement that drops a function of this name, with its triggers."""
    return raw("DROP FUNCTION IF EXISTS ") + qualified("holdfast", function) + raw("() CASCADE")


def _create_trigger(collection: Collection, label: str) -> Sql:
    return (
        raw("CREATE TRIGGER ")
        + name(label)
        + TRIGGERS[label]
        + qualified("public", collection.name)
        + _REFERENCES[label]
        + raw(" FOR EACH STATEMENT EXECUTE FUNCTION ")
        + qualified("holdfast", function_name(collection))
        + raw("(); ")
        + enable(collection, label)
    )


def function_body(collection: Collection) -> str:
    """The source of the function, as PostgreSQL keeps it."""
    return inline(
        raw("/* ")
        + literal(signature(collection))
        + raw(' */ DECLARE "hf context" text := nullif(current_setting(')
        + literal(SETTING)
        + raw(", true), ''); BEGIN IF TG_OP = 'INSERT' THEN ")
        + _one_sided(collection, "created", _NEW)
        + raw(" ELSIF TG_OP = 'UPDATE' THEN ")
        + _updated(collection)
        + raw(" ELSIF TG_OP = 'DELETE' THEN ")
        + _one_sided(collection, "deleted", _OLD)
        + raw(" ELSE ")
        + _into(collection, _type(collection, "truncated"), (raw("NULL"), raw("NULL"), raw("NULL")))
        + raw("; END IF; RETURN NULL; END")
    )


def _into(collection: Collection, type: Sql, columns: Sequence[Sql]) -> Sql:
    # The name is written out: TG_TABLE_NAME takes 2 us each time that it is asked for.
    head = raw(
        "INSERT INTO holdfast.outbox (type, collection_id, collection, context, record_id, record, previous) SELECT "
    )
    of = (type, literal(collection.id), literal(collection.name), raw('"hf context"'))
    return head + join(", ", (*of, *columns))


def _type(collection: Collection, verb: str) -> Sql:
    return literal(f"{collection.name}.{verb}")


def _one_sided(collection: Collection, verb: str, row: Sql) -> Sql:
    columns = (row + raw(".id"), as_logged(collection, row), raw("NULL"))
    return _into(collection, _type(collection, verb), columns) + raw(" FROM ") + row + raw(";")


def _may_overtake(collection: Collection) -> bool:
    """Whether one statement elsewhere can change a row twice: by a foreign key, and by a trigger of a list.

    What a foreign key does fires its triggers last of all, so the event of the earlier change comes after that of the
    later one, or even after that of the row's end.
    """
    relations = [field for field in collection.fields if isinstance(field, RelationField)]
    emptied = any(not (field.many or field.cascade_delete or field.required) for field in relations)
    return emptied and any(field.many for field in relations)


def _updated(collection: Collection) -> Sql:
    """Rows are paired by their id; one that gets another id is deleted under the old and created under the new.

    A full join cannot be done by a nested loop: one plan is good for one row and for a million. The order frees
    unique values before somebody takes them again. Where events may overtake each other the record is taken from the
    table, so that the last event has it as it is, and a row that is gone leaves no event.
    """
    now = _record_now(collection) if _may_overtake(collection) else as_logged(collection, _NEW)
    gone, came = _NEW + raw(".id IS NULL"), _OLD + raw(".id IS NULL")
    deleted, created, updated = (_type(collection, verb) for verb in ("deleted", "created", "updated"))
    type = raw("CASE WHEN ") + gone + raw(" THEN ") + deleted + raw(" WHEN ") + came + raw(" THEN ") + created
    type += raw(" ELSE ") + updated + raw(" END")
    record = raw("CASE WHEN ") + gone + raw(" THEN ") + as_logged(collection, _OLD)
    record += raw(" ELSE ") + now + raw(" END")
    previous = raw("CASE WHEN NOT (") + gone + raw(" OR ") + came + raw(") THEN ") + _previous(collection) + raw(" END")
    id = raw("coalesce(") + _NEW + raw(".id, ") + _OLD + raw(".id)")
    source = raw(" FROM ") + _OLD + raw(" FULL JOIN ") + _NEW + raw(" ON ") + _NEW + raw(".id = ") + _OLD + raw(".id")
    order = raw(" ORDER BY ") + _NEW + raw(".id IS NOT NULL;")
    if not _may_overtake(collection):
        return _into(collection, type, (id, record, previous)) + source + order
    there = raw(" WHERE ") + gone + raw(" OR EXISTS (SELECT FROM ") + qualified("public", collection.name)
    there += raw(" AS ") + _NOW + raw(" WHERE ") + _NOW + raw(".id = ") + _NEW + raw(".id)")
    return _into(collection, type, (id, record, previous)) + source + there + order


def as_logged(collection: Collection, row: Sql) -> Sql:
    """A row as the log has it: the text of a JSON object."""
    columns = [_out(row, field) + raw(" AS ") + name(field.name) for field in captured_fields(collection)]
    return (
        raw("(SELECT row_to_json(")
        + _ROW
        + raw(")::text FROM (SELECT ")
        + join(", ", columns)
        + raw(") AS ")
        + (_ROW + raw(")"))
    )


def _record_now(collection: Collection) -> Sql:
    inner = as_logged(collection, _NOW)
    table = qualified("public", collection.name) + raw(" AS ") + _NOW
    return raw("(SELECT ") + inner + raw(" FROM ") + table + raw(" WHERE ") + _NOW + raw(".id = ") + _NEW + raw(".id)")


def _previous(collection: Collection) -> Sql:
    members = [_member(field) for field in captured_fields(collection)]
    return raw("'{' || ") + _listed(members) + raw(" || '}'")


def _member(field: Field) -> Sql:
    old, new = (_compared(row + raw(".") + name(field.name), field) for row in (_OLD, _NEW))
    key = literal(msgspec.json.encode(field.name).decode() + ":")
    value = raw("coalesce(to_json(") + _out(_OLD, field) + raw(")::text, 'null')")
    return (
        raw("CASE WHEN ")
        + old
        + raw(" IS DISTINCT FROM ")
        + new
        + raw(" THEN ")
        + key
        + raw(" || ")
        + value
        + (raw(" END"))
    )


def _listed(members: Sequence[Sql]) -> Sql:
    """The members that are not null, with commas between them."""
    groups = [members[start : start + _MOST_ARGUMENTS] for start in range(0, len(members), _MOST_ARGUMENTS)]
    texts = [raw("concat_ws(',', ") + join(", ", group) + raw(")") for group in groups]
    if len(texts) == 1:
        return texts[0]
    return raw("concat_ws(',', ") + join(", ", [raw("nullif(") + text + raw(", '')") for text in texts]) + raw(")")


def _out(row: Sql, field: Field) -> Sql:
    return field.out(row + raw(".") + name(field.name))


def _compared(column: Sql, field: Field) -> Sql:
    """A point cannot be compared, and a vector only with an operator that is not in pg_catalog."""
    return column + raw("::text") if field.kind in (Kind.POINT, Kind.OPAQUE) else column


def _target(field: Field) -> str:
    return field.collection_id if isinstance(field, RelationField) else ""
