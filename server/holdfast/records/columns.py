"""Fields of a row become the text of a JSON object, written by PostgreSQL."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

import msgspec

from holdfast.db.sql import Sql, join, name, number, raw
from holdfast.expressions.kind import Kind
from holdfast.expressions.value import ALWAYS
from holdfast.http.selection import EVERYTHING, Excerpt, Selection
from holdfast.records.pick import pick
from holdfast.records.query import refuse
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field

_ROW: Final = name("hf row")  # no field can have a name with a space, so none can stand in front of it


class Column(msgspec.Struct, frozen=True):
    """One key of the object: `sql` is `value AS "key"`. It is there in the rows for which `condition` holds."""

    sql: Sql
    condition: Sql = ALWAYS


def column(collection: Collection, row: Sql, field: Field, wanted: Selection) -> Sql:
    """A field as a key of the object. Raises BadRequest for an excerpt of what is neither text nor JSON."""
    content = row + raw(".") + name(field.name)
    default = field.column().default
    if collection.is_view and default is not None and not field.nullable:
        # No constraint keeps null out of a view's columns.
        content = raw("coalesce(") + content + raw(", ") + default + raw(")")
    out = field.out(content)
    if wanted.excerpt is not None:
        out = _excerpt(field, content, wanted.excerpt)
    elif not wanted.whole and field.kind in (Kind.JSON, Kind.POINT):
        out = pick(out if field.kind is Kind.JSON else raw("to_jsonb(") + out + raw(")"), wanted)
    return out + raw(" AS ") + name(field.name)


def is_spaced(field: Field, selection: Selection) -> bool:
    """Whether PostgreSQL writes spaces into the field's JSON."""
    if field.kind is Kind.JSON:
        return True
    return field.kind is Kind.POINT and not (selection.part(field.name) or EVERYTHING).whole


def json_object(columns: list[Column]) -> Sql:
    """The object's text. One row_to_json, the only JSON function that writes no spaces (version 15 to 18).

    Where keys are there in some rows only, one for each of the two cases; a text put together where there are more.
    """
    conditions = {one.condition.parts: one.condition for one in columns if one.condition is not ALWAYS}
    if not conditions:
        return _row_to_json(one.sql for one in columns)
    if len(conditions) > 1:
        return raw("('{' || concat_ws(',', ") + join(", ", _pieces(columns)) + raw(") || '}')")
    (condition,) = conditions.values()
    text = raw("(CASE WHEN ") + condition + raw(" THEN ") + _row_to_json(one.sql for one in columns)
    return text + raw(" ELSE ") + _row_to_json(one.sql for one in columns if one.condition is ALWAYS) + raw(" END)")


def _pieces(columns: list[Column]) -> Iterator[Sql]:
    """The members of the object with commas between them; null for those that are not there."""
    for _, group in groupby(columns, key=lambda one: one.condition.parts):
        together = list(group)
        members = raw("left(right(") + _row_to_json(one.sql for one in together) + raw(", -1), -1)")
        condition = together[0].condition
        if condition is not ALWAYS:
            members = raw("CASE WHEN ") + condition + raw(" THEN ") + members + raw(" END")
        yield members


def _row_to_json(columns: Iterable[Sql]) -> Sql:
    found = list(columns)
    if not found:
        return raw("'{}'")
    listed = join(", ", found)
    return raw("(SELECT row_to_json(") + _ROW + raw(")::text FROM (SELECT ") + listed + raw(") AS ") + _ROW + raw(")")


def _excerpt(field: Field, content: Sql, excerpt: Excerpt) -> Sql:
    if field.kind is Kind.JSON:
        return _beginning(content + raw("::text"), excerpt)
    if field.kind is not Kind.TEXT or field.many:
        raise refuse("fields", f"An excerpt can only be made of a text, and {field.name} is none.")
    if excerpt.verbatim:
        return _beginning(content, excerpt)
    flag = raw("true") if excerpt.ellipsis else raw("false")
    return raw("holdfast.excerpt(") + content + raw(", ") + number(excerpt.characters) + raw(", ") + flag + raw(")")


def _beginning(text: Sql, excerpt: Excerpt) -> Sql:
    """The beginning of a text, or of JSON as one: a page of large documents would be larger than any answer may be."""
    most = number(excerpt.characters)
    more = raw(" || '...'") if excerpt.ellipsis else raw("")
    cut = raw("CASE WHEN length(hf_text.body) > ") + most + raw(" THEN left(hf_text.body, ") + most + raw(")") + more
    return raw("(SELECT ") + cut + raw(" ELSE hf_text.body END FROM (SELECT ") + text + raw(") AS hf_text (body))")
