"""What stands on one side of a comparison becomes a value, given the records that are looked at."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from holdfast.catalog.leaf import leaf_value
from holdfast.catalog.path import Hop, Leaf
from holdfast.catalog.row import Row, Rows
from holdfast.catalog.sight import Sight
from holdfast.catalog.term import Applied, Asked, Found, Given, Key
from holdfast.db.sql import Sql, raw
from holdfast.expressions.compare import Side
from holdfast.expressions.geo import geo_distance
from holdfast.expressions.kind import Kind
from holdfast.expressions.strftime import strftime
from holdfast.expressions.tree import Call, Constant, Macro, Slot, Unreadable
from holdfast.expressions.value import Binds, Value, macro_value

Here: TypeAlias = Mapping[Key, Row | Sql]
"""The record or the item that is looked at, for each way to many."""


class ListSide(msgspec.Struct, frozen=True):
    """A list as a whole, in a row."""

    row: Row
    leaf: Leaf

    @property
    def column(self) -> Sql:
        """The array."""
        return self.row.column(self.leaf.field.name)


class Sides:
    """Gives the values. `origins` are the rows that paths begin at, by the names of their beginnings."""

    def __init__(self, origins: Mapping[str, Row], rows: Rows, sight: Sight, binds: Binds) -> None:
        self._origins = origins
        self._rows = rows
        self._sight = sight
        self.binds = binds

    def row(self, origin: str, hops: tuple[Hop, ...], here: Here) -> Row:
        """The row at the end of the steps; those to many are looked up in `here`."""
        row = self._origins[origin]
        names: Key = (origin,)
        for hop in hops:
            names = (*names, hop.name)
            if not hop.many:
                row = self._rows.single(row, hop)
                continue
            found = here[names]
            assert isinstance(found, Row)  # ways to records lead to rows, and only :each to items
            row = found
        return row

    def is_fixed(self, asked: Asked) -> bool:
        """Whether it is the same for all rows that the statement looks at."""
        if isinstance(asked, Found):
            hops = asked.route.hops
            return self._origins[asked.origin].fixed or (bool(hops) and hops[0].field is None)
        if isinstance(asked, Applied):
            return all(self.is_fixed(argument) for argument in asked.arguments)
        return not isinstance(asked, Given) or asked.value.fixed

    def side(self, asked: Asked, here: Here) -> Side | ListSide:
        """The value. Raises Unreadable where a function does not take its arguments."""
        if isinstance(asked, Found):
            return self._leaf(asked, here)
        if isinstance(asked, Applied):
            return self._applied(asked, here)
        return asked.value if isinstance(asked, Given) else asked

    def _leaf(self, found: Found, here: Here) -> Value | ListSide:
        leaf = found.route.leaf
        if leaf.is_each:
            item = here[found.manys[-1].key]
            assert isinstance(item, Sql)
            return Value(item, Kind.TEXT, nullable=True)
        row = self.row(found.origin, found.route.hops, here)
        return ListSide(row, leaf) if leaf.is_list else leaf_value(row, leaf, self._sight)

    def _applied(self, applied: Applied, here: Here) -> Value:
        values = tuple(self._argument(argument, here, applied.call) for argument in applied.arguments)
        if applied.call.name == "geoDistance":
            return geo_distance(applied.call, values)
        return strftime(applied.call, applied.texts[0], values[0], applied.texts[1:])

    def _argument(self, asked: Asked, here: Here, call: Call) -> Value:
        side = self.side(asked, here)
        if isinstance(side, Value):
            return side
        if isinstance(side, Macro):
            return macro_value(side)
        if isinstance(side, Slot) and not side.form.quoted:
            return Value(self.binds.double(side.number), Kind.NUMBER)
        if isinstance(side, Slot) and side.form.dated:
            return Value(self.binds.moment(side.number), Kind.DATE)
        if isinstance(side, Constant) and not isinstance(side.value, bool):
            return Value(raw("NULL::text"), Kind.TEXT, nullable=True)
        at = call.at if isinstance(side, ListSide) else side.at
        raise Unreadable(at, f"{call.name} cannot take this as an argument")
