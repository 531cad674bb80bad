"""The field at the end of a path becomes a value in SQL, with what the API would show of it."""

import msgspec

from holdfast.catalog.path import Leaf
from holdfast.catalog.row import Row
from holdfast.catalog.sight import Sight
from holdfast.db.sql import Sql, raw, value
from holdfast.expressions.kind import Kind
from holdfast.expressions.value import ALWAYS, Value, json_text
from holdfast.schema.relation import RelationField


def leaf_value(row: Row, leaf: Leaf, sight: Sight) -> Value:
    """The value of a field that is no list, or of a list its length."""
    column = row.column(leaf.field.name)
    if leaf.modifier == "length":
        return Value(_length(column, leaf), Kind.NUMBER, whole=True)
    if leaf.field.kind is Kind.JSON:
        found = _json(column, leaf)
    elif leaf.inner:
        part = raw("[0]") if leaf.inner == ("lon",) else raw("[1]")
        found = Value(raw("(") + column + raw(")") + part, Kind.NUMBER, nullable=may_be_null(row, leaf))
    else:
        whole = leaf.field.column().type == "bigint"
        nullable = may_be_null(row, leaf)
        blank = _blank(row, leaf) if nullable else None
        is_id = leaf.field.name == "id" and not nullable
        found = Value(column, leaf.field.kind, nullable, blank, whole, filled=is_id, fixed=row.fixed)
    if leaf.collection.is_auth and leaf.field.name == "email":
        shown = sight.shows_email(leaf.collection, row.alias)
        found = found if shown is ALWAYS else msgspec.structs.replace(found, shown=shown)
    return lowered(found) if leaf.modifier == "lower" else found


def may_be_null(row: Row, leaf: Leaf) -> bool:
    """Whether the column can be NULL in the row; what a view selects always can."""
    return row.may_lack(leaf.field.name) or leaf.collection.is_view or not leaf.field.column().not_null


def list_blank(row: Row, leaf: Leaf) -> Sql | None:
    """The condition under which a list without items stands for `''`: always, unless it may be null itself."""
    return row.column(leaf.field.name) + raw(" IS NOT NULL") if may_be_null(row, leaf) else ALWAYS


def lowered(text: Value) -> Value:
    """The text in lower case; of a json value its text."""
    if text.kind is Kind.JSON:
        return Value(raw("lower(") + json_text(text) + raw(")"), Kind.TEXT, nullable=True)
    return msgspec.structs.replace(text, sql=raw("lower(") + text.sql + raw(")"))


def _blank(row: Row, leaf: Leaf) -> Sql | None:
    """Where NULL in the column goes out as `""`: in dates and single relations that are not nullable."""
    if leaf.field.nullable or not (leaf.field.kind is Kind.DATE or isinstance(leaf.field, RelationField)):
        return None
    return row.there(leaf.field.name)


def _length(column: Sql, leaf: Leaf) -> Sql:
    if leaf.field.many:
        return raw("coalesce(cardinality(") + column + raw("), 0)::bigint")
    return raw("(coalesce(") + column + raw(", '') <> '')::integer::bigint")


def _json(column: Sql, leaf: Leaf) -> Value:
    if not leaf.inner:
        return Value(column, Kind.JSON, nullable=True)
    path = value(list(leaf.inner), "text[]")
    found = raw("(") + column + raw(" #> ") + path + raw(")")
    return Value(found, Kind.JSON, nullable=True, text=raw("(") + column + raw(" #>> ") + path + raw(")"))
