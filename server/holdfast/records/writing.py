"""The statements that write one record. Pure.

Each names the row BASE, takes its values from `Inputs.named`, and gives the record's JSON as `item` and its version
as `version`, as reading does. So a statement is compiled once for all requests that touch the same fields.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from holdfast.db.sql import Sql, Statement, bind, join, literal, name, named, qualified, raw
from holdfast.events.context import SETTING
from holdfast.expressions.value import ALWAYS, NEVER
from holdfast.records.document import Document
from holdfast.records.list import BASE
from holdfast.records.permit import NEW, Permit, new_row
from holdfast.records.view import RECORD_ID
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection

VERSIONS: Final = "versions"
TOKEN_KEY: Final = "token key"
MANAGES: Final = "hf manages"
CONTEXT: Final = "context"
_VALUE: Final = "value."
_ID: Final = BASE + raw('."id"')
_BY_ID: Final = _ID + raw(" = ") + named(RECORD_ID, "text")
# The version of a row is the transaction that wrote it: it costs no column, and no change leaves it as it was.
_VERSION: Final = BASE + raw(".xmin::text")
# Cut to milliseconds like the default of the column, so that a filter with the date that went out finds the row.
_NOW: Final = raw("date_trunc('milliseconds', now())")
# Who writes, for the trigger that captures the change. It runs when the statement has returned its rows, so what they
# set is there: no statement of its own, which would be a round trip.
_TELLING: Final = (
    raw(", set_config(")
    + literal(SETTING)
    + raw(", ")
    + bind(lambda inputs: inputs.named.get(CONTEXT, ""), "text")
    + raw(", true) IS NULL AS told")
)


def value_name(field: str) -> str:
    """The name under which `Inputs.named` holds a field's value. No other name of an input begins like it."""
    return _VALUE + field


def bound(collection: Collection, names: Iterable[str]) -> dict[str, Sql]:
    """The values of these fields, each a parameter, in the order of the collection."""
    wanted = frozenset(names)
    return {
        field.name: named(value_name(field.name), field.cast) for field in collection.fields if field.name in wanted
    }


def values_of_insert(collection: Collection, now: Iterable[str] = ()) -> dict[str, Sql]:
    """What a new row is made of: a parameter for every field that can be set, and for the others their defaults.

    The fields `now` get the time of the statement, which is also that of the autodates.
    """
    found = bound(collection, (field.name for field in collection.fields if field.settable))
    found.update(dict.fromkeys(now, _NOW))
    for field in collection.fields:
        if not field.settable:
            found[field.name] = field.column().default or raw("NULL::") + raw(field.cast)
    return found


def compile_insert(collection: Collection, values: Mapping[str, Sql], permit: Permit, answer: Document) -> Statement:
    """INSERT of one row, if it is permitted: no row comes back otherwise.

    A row that is not permitted is never inserted, so no index or relation can tell anything about it.
    """
    fields = [field.name for field in collection.fields if field.settable]
    head = raw("INSERT INTO ") + _table(collection) + raw(" (") + join(", ", [name(one) for one in fields]) + raw(") ")
    if permit.whole is ALWAYS:
        rows = raw("VALUES (") + join(", ", [values[one] for one in fields]) + raw(")")
    else:
        columns = join(", ", [NEW + raw(".") + name(one) for one in fields])
        rows = raw("SELECT ") + columns + raw(" FROM ") + new_row(collection, values) + raw(" WHERE ") + permit.whole
    return Statement.of(head + rows + _returning(answer))


def settings_of_update(collection: Collection, names: Iterable[str], *, new_token_key: bool) -> dict[str, Sql]:
    """What an update of these fields sets: parameters, and the time in the autodates that change with the record.

    With `new_token_key` the record gets one if its email becomes another.
    """
    found = bound(collection, names)
    for field in collection.fields:
        if isinstance(field, AutodateField) and field.on_update:
            found[field.name] = _NOW
    if new_token_key:
        found["tokenKey"] = _token_key(found["email"])
    return found


def compile_update(
    collection: Collection, settings: Mapping[str, Sql], permit: Permit, answer: Document, *, versioned: bool
) -> Statement:
    """UPDATE of the row, if it is permitted: no row comes back otherwise.

    With `versioned` the row has to have one of the versions; one more column, `found`, then says whether there is
    a row at all that the caller may write.
    """
    columns = [_set(column, content) for column, content in settings.items()]
    update = (
        raw("UPDATE ")
        + _table(collection)
        + raw(" SET ")
        # A body that names nothing is a change all the same: the record has a new version after it.
        + (join(", ", columns) if columns else _set("id", _ID))
        + raw(" WHERE ")
        + _target(permit.whole, versioned=versioned)
        + _returning(answer)
    )
    return Statement.of(_or_found(collection, permit.row, update) if versioned else update)


def check_update(collection: Collection, permit: Permit) -> Statement:
    """A look at a write that is not done: if the row passes, a row with `met`, one boolean for each demand."""
    return _check(permit, _table(collection) + raw(" WHERE ") + _target(permit.row))


def check_insert(collection: Collection, values: Mapping[str, Sql], permit: Permit) -> Statement:
    """The same for a create."""
    return _check(permit, new_row(collection, values) + raw(" WHERE ") + permit.row)


def _check(permit: Permit, source: Sql) -> Statement:
    met = join(", ", [demand.condition for demand in permit.demands])
    return Statement.of(raw("SELECT ARRAY[") + met + raw("]::boolean[] AS met FROM ") + source)


def compile_delete(collection: Collection, permit: Permit, *, versioned: bool) -> Statement:
    """DELETE of the row, if it is permitted; the answer is one row if there was one to delete."""
    delete = (
        raw("DELETE FROM ")
        + _table(collection)
        + raw(" WHERE ")
        + _target(permit.whole, versioned=versioned)
        + raw(" RETURNING ''::text AS item, ")
        + _VERSION
        + raw(" AS version")
        + _TELLING
    )
    return Statement.of(_or_found(collection, permit.row, delete) if versioned else delete)


def compile_lock(collection: Collection, columns: Iterable[str], permit: Permit, manages: Sql = NEVER) -> Statement:
    """SELECT … FOR UPDATE of the columns that an update builds on, and of MANAGES: whether the caller manages it."""
    wanted = [BASE + raw(".") + name(column) for column in sorted(columns)]
    if manages is not NEVER:
        wanted.append(manages + raw(" AS ") + name(MANAGES))
    return Statement.of(
        raw("SELECT ")
        + join(", ", [_VERSION + raw(' AS "hf version"'), *wanted])
        + raw(" FROM ")
        + _table(collection)
        + raw(" WHERE ")
        + _target(permit.whole)
        # Without KEY it would let inserts wait that point at this record, for nothing: its id does not change.
        + raw(" FOR NO KEY UPDATE")
    )


def _table(collection: Collection) -> Sql:
    return qualified("public", collection.name) + raw(" AS ") + BASE


def _target(permit: Sql, *, versioned: bool = False) -> Sql:
    """The row, if the condition holds for it.

    IS TRUE, or PostgreSQL may make an anti join of a condition. When a statement has waited for another one that
    changed the row, it looks at the row again, but takes the other rows of a join as it found them before: where it
    had found none it finds none, and "there is no such row" holds whatever the row has become (tried with 15 and 18).
    """
    found = _BY_ID if permit is ALWAYS else _BY_ID + raw(" AND (") + permit + raw(") IS TRUE")
    return (
        found + raw(" AND ") + _VERSION + raw(" = ANY(") + named(VERSIONS, "text[]") + raw(")") if versioned else found
    )


def _returning(answer: Document) -> Sql:
    return raw(" RETURNING ") + answer.sql + raw(" AS item, ") + _VERSION + raw(" AS version") + _TELLING


def _or_found(collection: Collection, permit: Sql, write: Sql) -> Sql:
    """The write in one statement with the question whether the row is there, which sees the time before the write."""
    return (
        raw("WITH written AS (")
        + write
        + raw(") SELECT written.item, written.version, one.found FROM (SELECT EXISTS (SELECT FROM ")
        + _table(collection)
        + raw(" WHERE ")
        + _target(permit)
        + raw(") AS found) AS one LEFT JOIN written ON true")
    )


def _set(column: str, content: Sql) -> Sql:
    return name(column) + raw(" = ") + content


def _token_key(email: Sql) -> Sql:
    changes = raw("CASE WHEN ") + BASE + raw('."email" IS DISTINCT FROM ') + email
    return changes + raw(" THEN ") + named(TOKEN_KEY, "text") + raw(" ELSE ") + BASE + raw('."tokenKey" END')
