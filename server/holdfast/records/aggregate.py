"""An aggregate request becomes one statement that answers it. Pure."""

from collections.abc import Mapping
from typing import Final, LiteralString

import msgspec

from holdfast.catalog.path import Leaf, find_route
from holdfast.catalog.scope import Scope
from holdfast.catalog.sight import Sight
from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import EMPTY, Sql, join, literal, name, number, raw
from holdfast.expressions.kind import Kind
from holdfast.expressions.parse import read_path
from holdfast.expressions.tree import Unreadable
from holdfast.records.aggregate_query import AggregateQuery, Function, Measure
from holdfast.records.list import Rows
from holdfast.records.query import refuse
from holdfast.schema.collection import Collection

_NUMBERS: Final = frozenset((Kind.NUMBER, Kind.DECIMAL))
_ORDERED: Final = frozenset((*_NUMBERS, Kind.TEXT, Kind.DATE))
_EQUAL: Final = frozenset((*_ORDERED, Kind.BOOL))
_TAKES: Final[Mapping[Function, frozenset[Kind]]] = {
    "sum": _NUMBERS,
    "avg": _NUMBERS,
    "min": _ORDERED,
    "max": _ORDERED,
    "countDistinct": _EQUAL,
}
_OPEN: Final[Mapping[Function, LiteralString]] = {
    "sum": "sum(",
    "avg": "avg(",
    "min": "min(",
    "max": "max(",
    "countDistinct": "count(DISTINCT ",
}
_EMPTY: Final[Mapping[Kind, LiteralString]] = {
    Kind.TEXT: "''",
    Kind.NUMBER: "0",
    Kind.DECIMAL: "0",
    Kind.BOOL: "false",
}


class Names(msgspec.Struct, frozen=True):
    """What the paths of an aggregate mean. The scope gathers the joins that they need."""

    catalog: Catalog
    collection: Collection
    sight: Sight
    scope: Scope


class Output(msgspec.Struct, frozen=True):
    """One key of the answer: its value in the group, and that value as JSON text, given the column that holds it."""

    key: str
    sql: Sql
    kind: Kind
    nullable: bool


class _Found(msgspec.Struct, frozen=True):
    leaf: Leaf
    sql: Sql
    kind: Kind
    nullable: bool


def outputs(names: Names, query: AggregateQuery) -> tuple[list[Output], list[Output]]:
    """The groups and the measures of the request. Raises BadRequest for paths that cannot be used so."""
    return (
        [_group(names, path) for path in query.group_by],
        [_measure(names, measure) for measure in query.select],
    )


def compile_aggregate(rows: Rows, groups: list[Output], measures: list[Output], query: AggregateQuery) -> Sql:
    """One row: `items`, the groups as JSON with commas between them, or null if there are none.

    The JSON is put together as text, because the keys of row_to_json are names, and names end after 63 bytes.
    """
    columns = [*groups, *measures]
    labels = {output.key: _label(at) for at, output in enumerate(columns)}
    where = raw(" WHERE ") + rows.condition if rows.condition else EMPTY
    by = raw(" GROUP BY ") + join(", ", [labels[group.key] for group in groups]) if groups else EMPTY
    return (
        raw("SELECT string_agg(concat('{', ")
        + join(", ',', ", [_pair(output, labels[output.key]) for output in columns])
        + raw(", '}'), ',') AS items FROM (SELECT ")
        + join(", ", [output.sql + raw(" AS ") + labels[output.key] for output in columns])
        + raw(" FROM ")
        + rows.source
        + where
        + by
        + _order_by(groups, labels, query)
        + raw(" LIMIT ")
        + number(query.limit)
        + raw(") AS page")
    )


def _order_by(groups: list[Output], labels: Mapping[str, Sql], query: AggregateQuery) -> Sql:
    asked = dict(query.sort)
    keys = [*query.sort, *((group.key, False) for group in groups if group.key not in asked)]
    if not keys:
        return EMPTY
    ways = (raw(" ASC NULLS FIRST"), raw(" DESC NULLS LAST"))
    return raw(" ORDER BY ") + join(", ", [labels[key] + ways[descending] for key, descending in keys])


def _label(at: int) -> Sql:
    return name(f"hf {at}")


def _pair(output: Output, column: Sql) -> Sql:
    shown = column
    if output.kind is Kind.DATE:
        shown = raw("holdfast.stamp(") + column + raw(")")
    elif output.kind is Kind.DECIMAL:
        shown = column + raw("::text")
    text = raw("to_json(") + shown + raw(")::text")
    if output.nullable:
        text = raw("CASE WHEN ") + column + raw(" IS NULL THEN 'null' ELSE ") + text + raw(" END")
    return literal(msgspec.json.encode(output.key).decode() + ":") + raw(", ") + text


def _group(names: Names, path: str) -> Output:
    found = _find(names, path, "groupBy", _EQUAL)
    empty = _EMPTY.get(found.kind)
    if found.leaf.field.nullable or not found.nullable or empty is None:
        return Output(path, found.sql, found.kind, found.leaf.field.nullable)
    # What a record has not goes out as the empty value of its type, and so it is one group with that value.
    return Output(path, raw("coalesce(") + found.sql + raw(", ") + raw(empty) + raw(")"), found.kind, nullable=False)


def _measure(names: Names, measure: Measure) -> Output:
    if measure.function == "count":
        return Output(measure.text, raw("count(*)"), Kind.NUMBER, nullable=False)
    found = _find(names, measure.path, "select", _TAKES[measure.function])
    sql = raw(_OPEN[measure.function]) + found.sql + raw(")")
    match measure.function:
        case "countDistinct":
            return Output(measure.text, sql, Kind.NUMBER, nullable=False)
        case "sum":
            # The sum of bigint is numeric, hence exact; it goes out as a number all the same.
            return Output(measure.text, raw("coalesce(") + sql + raw(", 0)"), found.kind, nullable=False)
        case "avg" if found.kind is Kind.DECIMAL:
            return Output(measure.text, raw("trim_scale(") + sql + raw(")"), found.kind, nullable=True)
        case "avg":
            return Output(measure.text, sql + raw("::double precision"), found.kind, nullable=True)
        case _:
            return Output(measure.text, sql, found.kind, nullable=True)


def _find(names: Names, path: str, parameter: str, kinds: frozenset[Kind]) -> _Found:
    try:
        route = find_route(names.catalog, names.collection, read_path(path, 0), names.sight.knows)
    except Unreadable as failure:
        raise refuse(parameter, failure.told()) from None
    if route.leaf.is_list or route.leaf.is_each or any(hop.many for hop in route.hops):
        raise refuse(parameter, f"{path} holds many values.")
    if route.leaf.field.kind is Kind.POINT and not route.leaf.inner:
        raise refuse(parameter, f"{path} is a point, which cannot be used here.")
    key = names.scope.sort(path)[0]
    if key.kind not in kinds:
        raise refuse(parameter, f"{path} is of type {route.leaf.field.type}, which cannot be used here.")
    return _Found(route.leaf, key.sql, key.kind, key.nullable)
