"""Rows that a path goes through, and the pieces of FROM that bring them in."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import ClassVar

from typing_extensions import override

from holdfast.catalog.path import Hop
from holdfast.catalog.sight import Sight
from holdfast.db.sql import EMPTY, Sql, join, name, qualified, raw
from holdfast.expressions.emit import both, bracketed
from holdfast.expressions.value import ALWAYS
from holdfast.schema.collection import Collection


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
    """A row of a collection under an alias. `present` says that it is there, where it may not be.

    `conceals` gives the condition for a column to be readable in the row; where it does not hold the column is null.
    A `fixed` row is the same whatever rows the statement looks at.
    """

    fixed: ClassVar[bool] = False

    def __init__(
        self, alias: Sql, frame: Frame, present: Sql | None = None, conceals: Callable[[str], Sql] | None = None
    ) -> None:
        self.alias = alias
        self.frame = frame
        self.present = present
        self._conceals = conceals

    def column(self, column: str) -> Sql:
        """A column of the row."""
        plain = self.alias + raw(".") + name(column)
        shown = self._shown(column)
        return plain if shown is ALWAYS else raw("CASE WHEN ") + shown + raw(" THEN ") + plain + raw(" END")

    def may_lack(self, column: str) -> bool:
        """Whether the column can be NULL though the table says that it cannot."""
        return self.present is not None or self._shown(column) is not ALWAYS

    def there(self, column: str) -> Sql:
        """The condition that the row is there and shows the column."""
        return both(ALWAYS if self.present is None else self.present, self._shown(column))

    def _shown(self, column: str) -> Sql:
        return ALWAYS if self._conceals is None else self._conceals(column)


class Apart(Row):
    """A row that no FROM has: each of its columns is a query of its own, which gives null if there is no row.

    For what a rule says of the request: such a query does not depend on the rows that are looked at, so PostgreSQL
    runs it once for the whole statement.
    """

    fixed: ClassVar[bool] = True

    def __init__(self, table: Sql, alias: Sql, condition: Sql) -> None:
        source = raw(" FROM ") + table + raw(" WHERE ") + condition + raw(")")
        super().__init__(alias, Frame(), raw("EXISTS (SELECT") + source)
        self._source = source

    @override
    def column(self, column: str) -> Sql:
        return raw("(SELECT ") + self.alias + raw(".") + name(column) + self._source


class Rows:
    """Makes rows: each under a name of its own within one statement."""

    def __init__(self, sight: Sight, prefix: str) -> None:
        self._sight = sight
        self._names: Iterator[Sql] = (name(f"{prefix}{number}") for number in count(1))

    def alias(self) -> Sql:
        """A name that no other row has."""
        return next(self._names)

    def row(self, collection: Collection, alias: Sql, frame: Frame, present: Sql | None = None) -> Row:
        """A row of the collection, with what is concealed of it."""

        def conceals(column: str) -> Sql:
            field = collection.by_name.get(column)
            return ALWAYS if field is None else self._sight.shows(collection, field, alias)

        return Row(alias, frame, present, conceals)

    def is_open(self, collection: Collection) -> bool:
        """Whether every row of the collection is seen."""
        return self._sight.is_open(collection)

    def single(self, parent: Row, hop: Hop) -> Row:
        """The row at the end of a step to at most one record; joined once, in the FROM of the row it starts at."""
        if isinstance(parent, Apart):
            alias = next(self._names)
            table = qualified("public", hop.collection.name) + raw(" AS ") + alias
            return Apart(table, alias, _link(parent, hop, Row(alias, Frame())))
        found = parent.frame.row(parent, hop)
        if found is not None:
            return found
        alias = next(self._names)
        row = self.row(hop.collection, alias, parent.frame, alias + raw(".id IS NOT NULL"))
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
            return _exists(table, Frame(), on, lambda frame: inner(self.row(hop.collection, alias, frame)))
        present = alias + raw(".id IS NOT NULL")
        source = self._unit() + raw(" LEFT JOIN ") + table + raw(" ON ") + on
        return _exists(source, Frame(), None, lambda frame: inner(self.row(hop.collection, alias, frame, present)))

    def exists_item(self, items: Sql, inner: Callable[[Sql], Sql], *, loose: bool = False) -> Sql:
        """The same for the items of an array; `inner` takes the item, which is NULL for one that is absent."""
        alias = next(self._names)
        item = alias + raw(".item")
        source = raw("unnest(") + items + raw(") AS ") + alias + raw("(item)")
        if loose:
            source = self._unit() + raw(" LEFT JOIN ") + source + raw(" ON true")
        return _exists(source, Frame(), None, lambda _: inner(item))

    def gather(self, parent: Row, hop: Hop, inner: Callable[[Row], tuple[Sql, Sql]], *, loose: bool) -> Sql:
        """An array of what `inner` gives for the rows at the end of a step to many, where its condition holds.

        With `loose` also for an absent row if there are none.
        """
        alias, frame = next(self._names), Frame()
        on, source = self._condition(parent, hop, alias), self._table(hop, alias)
        present = alias + raw(".id IS NOT NULL") if loose else None
        item, condition = inner(self.row(hop.collection, alias, frame, present))
        if loose:
            source, on = self._unit() + raw(" LEFT JOIN ") + source + raw(" ON ") + on, ALWAYS
        where = raw(" WHERE ") + both(on, condition)
        return raw("ARRAY(SELECT ") + item + raw(" FROM ") + source + frame.joins() + where + raw(")")

    def each(self, parent: Row, hop: Hop, inner: Callable[[Row], Sql]) -> Sql:
        """A query that gives what the query `inner` gives for every row at the end of a step to many."""
        alias, frame = next(self._names), Frame()
        query = inner(self.row(hop.collection, alias, frame))
        return self._lateral(self._table(hop, alias) + frame.joins(), query, self._condition(parent, hop, alias))

    def each_item(self, items: Sql, inner: Callable[[Sql], Sql]) -> Sql:
        """The same for every item of an array."""
        alias = next(self._names)
        query = inner(alias + raw(".item"))
        return self._lateral(raw("unnest(") + items + raw(") AS ") + alias + raw("(item)"), query, ALWAYS)

    def _lateral(self, source: Sql, query: Sql, condition: Sql) -> Sql:
        inner = next(self._names)
        found = raw("SELECT ") + inner + raw(".* FROM ") + source + raw(" CROSS JOIN LATERAL (") + query + raw(") AS ")
        return found + inner + raw(" WHERE ") + condition

    def whole(self, condition: Sql, joins: Sql) -> Sql:
        """A condition together with the joins that it needs, so that it can stand anywhere."""
        if not joins:
            return condition
        return raw("EXISTS (SELECT FROM ") + self._unit() + joins + raw(" WHERE ") + condition + raw(")")

    def _unit(self) -> Sql:
        return raw("(SELECT) AS ") + next(self._names)

    def _table(self, hop: Hop, alias: Sql) -> Sql:
        return qualified("public", hop.collection.name) + raw(" AS ") + alias

    def _condition(self, parent: Row, hop: Hop, alias: Sql) -> Sql:
        on = _link(parent, hop, self.row(hop.collection, alias, Frame()))
        gate = self._sight.gate(hop.collection, alias)
        return on if gate is ALWAYS else on + raw(" AND ") + bracketed(gate)


def _exists(source: Sql, frame: Frame, on: Sql | None, inner: Callable[[Frame], Sql]) -> Sql:
    condition = inner(frame)
    where = condition if on is None else on if condition is ALWAYS else on + raw(" AND ") + condition
    return raw("EXISTS (SELECT FROM ") + source + frame.joins() + raw(" WHERE ") + where + raw(")")


def _link(parent: Row, hop: Hop, row: Row) -> Sql:
    if hop.field is None:
        return ALWAYS
    if hop.back:
        pointer, id = row.column(hop.field.name), parent.column("id")
        return pointer + raw(" @> ARRAY[") + id + raw("]") if hop.field.many else pointer + raw(" = ") + id
    pointer = parent.column(hop.field.name)
    if hop.field.many:
        # The cast keeps PostgreSQL from taking a query in brackets for the rows to look through.
        ids = pointer + raw("::text[]") if isinstance(parent, Apart) else pointer
        return row.column("id") + raw(" = ANY (") + ids + raw(")")
    return row.column("id") + raw(" = ") + pointer
