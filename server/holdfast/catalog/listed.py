"""Comparisons with lists as a whole (select, relation and file fields that hold many)."""

from collections.abc import Callable
from typing import TypeGuard

from holdfast.catalog.leaf import list_blank, lowered, may_be_null
from holdfast.catalog.row import Rows
from holdfast.catalog.side import ListSide
from holdfast.db.sql import EMPTY, Sql, raw
from holdfast.expressions.compare import Side, compare
from holdfast.expressions.emit import both, bracketed, negated
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import Constant, Operator, Slot
from holdfast.expressions.value import Binds, Value, is_empty


class Lists:
    """Compares lists, item by item or, where an index can help, as a whole."""

    def __init__(self, rows: Rows, binds: Binds) -> None:
        self._rows = rows
        self._binds = binds

    def compare(self, left: Side | ListSide, operator: Operator, right: Side | ListSide, at: int, *, some: bool) -> Sql:
        """The condition; with `some` one item is enough, else all have to fulfil it. Raises Unreadable.

        For `~` one item is always enough: a list contains what one of its items does.
        """
        equality = operator in (Operator.EQ, Operator.NE)
        if isinstance(right, ListSide) and not isinstance(left, ListSide) and equality:
            left, right = right, left
        if isinstance(left, ListSide) and _is_sought(right) and equality and not left.leaf.modifier:
            return self._whole(left, operator, right, some=some)
        if isinstance(left, ListSide) and _is_among(right, left, operator, some=some):
            found = self._among(right, left)
            return found if operator is Operator.EQ else negated(found)
        one = some or operator is Operator.LIKE

        def items(side: Side | ListSide, inner: Callable[[Side], Sql]) -> Sql:
            return self._each(side, inner, one=one) if isinstance(side, ListSide) else inner(side)

        return items(left, lambda first: items(right, lambda second: compare(first, operator, second, self._binds, at)))

    def _each(self, side: ListSide, inner: Callable[[Side], Sql], *, one: bool) -> Sql:
        blank = list_blank(side.row, side.leaf)

        def condition(item: Sql) -> Sql:
            value = Value(item, Kind.TEXT, nullable=True, blank=blank)
            found = inner(lowered(value) if side.leaf.modifier == "lower" else value)
            return found if one else negated(found)

        found = self._rows.exists_item(side.column, condition, loose=True)
        return found if one else negated(found)

    def _whole(self, side: ListSide, operator: Operator, other: Slot | Constant | Value, *, some: bool) -> Sql:
        """A list beside a literal, by the operators that a GIN index serves."""
        if operator is Operator.NE:
            # That all differ is that not one is equal, and the other way round.
            return negated(self._equal(side, other, some=not some))
        return self._equal(side, other, some=some)

    def _equal(self, side: ListSide, other: Slot | Constant | Value, *, some: bool) -> Sql:
        column, nullable = side.column, may_be_null(side.row, side.leaf)
        if isinstance(other, Constant) and not isinstance(other.value, bool):
            held = raw(" = '{}' OR ") + column + raw(" @> ARRAY['']") if some else raw(" <@ ARRAY['']")
            return bracketed((column + raw(" IS NULL OR ") if nullable else Sql()) + column + held)
        sought = raw("ARRAY[") + self._sought(other) + raw("]")
        held = column + raw(" @> ") + sought
        if not some:
            held = column + raw(" <@ ") + sought + raw(" AND ") + column + raw(" <> '{}'")
        if not nullable:
            return held if some else bracketed(held)
        return bracketed(column + raw(" IS NOT NULL AND ") + held)

    def _among(self, text: Value, side: ListSide) -> Sql:
        """That a text is one of the items. An index on the text serves where the list is the same for all rows."""
        # The cast keeps PostgreSQL from taking a query in brackets for the rows to look through.
        items = side.column + raw("::text[]")
        if side.row.fixed:
            found = raw("array_remove(") + items + raw(", NULL)")
            there = text.sql + raw(" IS NOT NULL AND ") if text.nullable else EMPTY
            same = there + found + raw(" IS NOT NULL AND ") + text.sql + raw(" = ANY (") + found + raw(")")
        else:
            same = raw("coalesce(") + text.sql + raw(" = ANY (") + items + raw("), false)")
        blank = raw("(coalesce(cardinality(") + items + raw("), 0) = 0 OR '' = ANY (") + items
        blank += raw(") OR array_position(") + items + raw(", NULL) IS NOT NULL)")
        return bracketed(same + raw(" OR ") + blank + raw(" AND ") + is_empty(text))

    def item(self, side: Side | ListSide) -> Sql:
        """A text, or the items of a list: one empty text if it has none."""
        if not isinstance(side, ListSide):
            assert isinstance(side, Value)  # the end of a path
            return side.sql
        items = side.column
        return raw("unnest(CASE WHEN cardinality(") + items + raw(") > 0 THEN ") + items + raw(" ELSE ARRAY[''] END)")

    def among(self, text: Side | ListSide, items: Sql) -> Sql:
        """That a text is one of an array that is the same for all rows; of null and `''` each is the other."""
        assert isinstance(text, Value)  # the end of a path
        there = text.sql + raw(" IS NOT NULL AND ") if text.nullable else EMPTY
        same = there + text.sql + raw(" = ANY (array_remove(") + items + raw(", NULL))")
        if text.filled:
            return same
        blank = raw("(array_position(") + items + raw(", NULL) IS NOT NULL OR '' = ANY (") + items + raw("))")
        return bracketed(bracketed(same) + raw(" OR ") + both(is_empty(text), blank))

    def _sought(self, other: Slot | Constant | Value) -> Sql:
        if isinstance(other, Slot):
            return self._binds.text(other.number)
        if isinstance(other, Value):
            return other.sql
        return raw("'true'") if other.value else raw("'false'")


def _is_sought(side: Side | ListSide) -> TypeGuard[Slot | Constant | Value]:
    """Whether it is one text that is known before the list is looked at: a literal, or a text that is never empty."""
    return isinstance(side, Slot | Constant) or (isinstance(side, Value) and side.kind is Kind.TEXT and side.filled)


def _is_among(other: Side | ListSide, side: ListSide, operator: Operator, *, some: bool) -> TypeGuard[Value]:
    """Whether all that is asked is if a text is one of the items, or none of them."""
    if not isinstance(other, Value) or other.kind is not Kind.TEXT or other.shown is not None or side.leaf.modifier:
        return False
    return (operator is Operator.EQ and some) or (operator is Operator.NE and not some)
