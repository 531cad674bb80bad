"""The statements that write one record. Pure.

Each names the row BASE, takes its values from `Inputs.named`, and gives the record's JSON as `item` and its version
as `version`, as reading does. So a statement is compiled once for all requests that touch the same fields.
"""

from collections.abc import Iterable
from typing import Final

from holdfast.db.sql import EMPTY, Sql, Statement, join, name, named, qualified, raw
from holdfast.records.document import Document
from holdfast.records.list import BASE
from holdfast.records.view import RECORD_ID
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection

VERSIONS: Final = "versions"
TOKEN_KEY: Final = "token key"
_VALUE: Final = "value."
_ID: Final = BASE + raw('."id"')
_BY_ID: Final = _ID + raw(" = ") + named(RECORD_ID, "text")
# The version of a row is the transaction that wrote it: it costs no column, and no change leaves it as it was.
_VERSION: Final = BASE + raw(".xmin::text")
# Cut to milliseconds like the default of the column, so that a filter with the date that went out finds the row.
_NOW: Final = raw("date_trunc('milliseconds', now())")


def value_name(field: str) -> str:
    """The name under which `Inputs.named` holds a field's value. No other name of an input begins like it."""
    return _VALUE + field


def compile_insert(collection: Collection, answer: Document) -> Statement:
    """INSERT with a value for every field that can be set; autodates get theirs from the column's default."""
    fields = [field for field in collection.fields if field.settable]
    return Statement.of(
        raw("INSERT INTO ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" (")
        + join(", ", [name(field.name) for field in fields])
        + raw(") VALUES (")
        + join(", ", [named(value_name(field.name), field.cast) for field in fields])
        + raw(")")
        + _returning(answer)
    )


def compile_update(
    collection: Collection, names: Iterable[str], rule: Sql, answer: Document, *, versioned: bool, new_token_key: bool
) -> Statement:
    """UPDATE of these fields, and of the autodates that change with the record, of the row that `rule` lets pass.

    With `versioned` the row has to have one of the versions; one more column, `found`, then says whether there is
    a row at all. With `new_token_key` the record gets one if its email becomes another.
    """
    settings = [
        _set(field.name, named(value_name(field.name), field.cast))
        for field in collection.fields
        if field.name in frozenset(names)
    ]
    settings += [
        _set(field.name, _NOW) for field in collection.fields if isinstance(field, AutodateField) and field.on_update
    ]
    if new_token_key:
        settings.append(_set("tokenKey", _token_key(collection)))
    update = (
        raw("UPDATE ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" SET ")
        # A body that names nothing is a change all the same: the record has a new version after it.
        + (join(", ", settings) if settings else _set("id", _ID))
        + raw(" WHERE ")
        + _target(rule, versioned=versioned)
        + _returning(answer)
    )
    return Statement.of(_or_found(collection, rule, update) if versioned else update)


def compile_delete(collection: Collection, rule: Sql, *, versioned: bool) -> Statement:
    """DELETE of the row that `rule` lets pass; the answer is one row if there was one to delete."""
    delete = (
        raw("DELETE FROM ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" WHERE ")
        + _target(rule, versioned=versioned)
        + raw(" RETURNING ''::text AS item, ")
        + _VERSION
        + raw(" AS version")
    )
    return Statement.of(_or_found(collection, rule, delete) if versioned else delete)


def compile_lock(collection: Collection, columns: Iterable[str], rule: Sql) -> Statement:
    """SELECT … FOR UPDATE of the columns that an update builds on."""
    wanted = [BASE + raw(".") + name(column) for column in sorted(columns)]
    return Statement.of(
        raw("SELECT ")
        + join(", ", [_VERSION + raw(' AS "hf version"'), *wanted])
        + raw(" FROM ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" WHERE ")
        + _target(rule, versioned=False)
        # Without KEY it would let inserts wait that point at this record, for nothing: its id does not change.
        + raw(" FOR NO KEY UPDATE")
    )


def _target(rule: Sql, *, versioned: bool) -> Sql:
    version = raw(" AND ") + _VERSION + raw(" = ANY(") + named(VERSIONS, "text[]") + raw(")") if versioned else EMPTY
    return _BY_ID + raw(" AND (") + rule + raw(")") + version


def _returning(answer: Document) -> Sql:
    return raw(" RETURNING ") + answer.sql + raw(" AS item, ") + _VERSION + raw(" AS version")


def _or_found(collection: Collection, rule: Sql, write: Sql) -> Sql:
    """The write in one statement with the question whether the row is there, which sees the time before the write."""
    return (
        raw("WITH written AS (")
        + write
        + raw(") SELECT written.item, written.version, one.found FROM (SELECT EXISTS (SELECT FROM ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" WHERE ")
        + _target(rule, versioned=False)
        + raw(") AS found) AS one LEFT JOIN written ON true")
    )


def _set(column: str, content: Sql) -> Sql:
    return name(column) + raw(" = ") + content


def _token_key(collection: Collection) -> Sql:
    email = collection.by_name["email"]
    return (
        raw("CASE WHEN ")
        + BASE
        + raw('."email" IS DISTINCT FROM ')
        + named(value_name(email.name), email.cast)
        + raw(" THEN ")
        + named(TOKEN_KEY, "text")
        + raw(" ELSE ")
        + BASE
        + raw('."tokenKey" END')
    )
