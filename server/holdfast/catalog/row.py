"""Rows that a path goes through, and the pieces of FROM that bring them in."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeAlias

from holdfast.catalog.path import Hop
from holdfast.db.sql import EMPTY, Sql, join, name, qualified, raw
from holdfast.expressions.emit import bracketed
from holdfast.expressions.value import ALWAYS
from holdfast.schema.collection import Collection

Gate: TypeAlias = Callable[[Collection], Sql]
"""The condition that rows of a collection have to satisfy to be seen by a path that enters it."""


class Frame:
    """One FROM: the joins that rows in it have asked for."""

    def __init__(self) -> None:
        self._joined: dict[tuple[int, str], Row] = {}
        self._joins: list[Sql] = []

    def row(self, parent: "Row", hop: Hop) -> "Row | None":
        """The row that was joined for this step, if it was."""
        return self._joined.get((id(parent), hop.name))

    def add(self, parent: "Row", hop: Hop, row: "Row", sql: Sql) -> None:
        """Join a row."""
        self._joined[id(parent), hop.name] = row
        self._joins.append(sql)

    def joins(self) -> Sql:
        """All joins, each with a space before it."""
        return join("", self._joins) if self._joins else EMPTY


class Row:
    """A row of a collection under an alias. `present` says that it is there, where it may not be."""

    def __init__(self, alias: Sql, frame: Frame, present: Sql | None = None) -> None:
        self.alias = alias
        self.frame = frame
        self.present = present

    def column(self, column: str) -> Sql:
        """A column of the row."""
        return self.alias + raw(".") + name(column)


class Rows:
    """Makes rows: each under a name of its own within one statement."""

    def __init__(self, gate: Gate, prefix: str) -> None:
        self._gate = gate
        self._names: Iterator[Sql] = (name(f"{prefix}{number}") for number in count(1))

    def is_open(self, collection: Collection) -> bool:
        """Whether every row of the collection is seen."""
        return self._gate(collection).parts == ALWAYS.parts

    def single(self, parent: Row, hop: Hop) -> Row:
        """The row at the end of a step to at most one record; joined once, in the FROM of the row it starts at."""
        found = parent.frame.row(parent, hop)
        if found is not None:
            return found
        alias = next(self._names)
        row = Row(alias, parent.frame, alias + raw(".id IS NOT NULL"))
        sql = raw(" LEFT JOIN ") + self._table(hop, alias) + raw(" ON ") + self._condition(parent, hop, alias)
        parent.frame.add(parent, hop, row, sql)
        return row

    def exists(self, parent: Row, hop: Hop, inner: Callable[[Row], Sql], *, loose: bool = False) -> Sql:
        """That `inner` holds for one of the rows at the end of a step to many.

        With `loose` also if there are none and it holds for an absent row.
        """
        alias = next(self._names)
        on = self._condition(parent, hop, alias)
        table = self._table(hop, alias)
        if not loose:
            return _exists(table, Frame(), on, lambda frame: inner(Row(alias, frame)))
        present = alias + raw(".id IS NOT NULL")
        source = self._unit() + raw(" LEFT JOIN ") + table + raw(" ON ") + on
        return _exists(source, Frame(), None, lambda frame: inner(Row(alias, frame, present)))

    def exists_item(self, items: Sql, inner: Callable[[Sql], Sql], *, loose: bool = False) -> Sql:
        """The same for the items of an array; `inner` takes the item, which is NULL for one that is absent."""
        alias = next(self._names)
        item = alias + raw(".item")
        source = raw("unnest(") + items + raw(") AS ") + alias + raw("(item)")
        if loose:
            source = self._unit() + raw(" LEFT JOIN ") + source + raw(" ON true")
        return _exists(source, Frame(), None, lambda _: inner(item))

    def _unit(self) -> Sql:
        return raw("(SELECT) AS ") + next(self._names)

    def _table(self, hop: Hop, alias: Sql) -> Sql:
        return qualified("public", hop.collection.name) + raw(" AS ") + alias

    def _condition(self, parent: Row, hop: Hop, alias: Sql) -> Sql:
        on = _link(parent, hop, alias)
        gate = self._gate(hop.collection)
        return on if gate.parts == ALWAYS.parts else on + raw(" AND ") + bracketed(gate)


def _exists(source: Sql, frame: Frame, on: Sql | None, inner: Callable[[Frame], Sql]) -> Sql:
    condition = inner(frame)
    where = condition if on is None else on if condition is ALWAYS else on + raw(" AND ") + condition
    return raw("EXISTS (SELECT FROM ") + source + frame.joins() + raw(" WHERE ") + where + raw(")")


def _link(parent: Row, hop: Hop, alias: Sql) -> Sql:
    if not hop.back:
        target = alias + raw(".id = ")
        if hop.field.many:
            return target + raw("ANY (") + parent.column(hop.field.name) + raw(")")
        return target + parent.column(hop.field.name)
    pointer = alias + raw(".") + name(hop.field.name)
    if hop.field.many:
        return pointer + raw(" @> ARRAY[") + parent.alias + raw(".id]")
    return pointer + raw(" = ") + parent.alias + raw(".id")
