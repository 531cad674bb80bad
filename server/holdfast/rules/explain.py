"""Why a rule came out as it did: the verdict of each of its parts, and the values that they compared. Pure.

The parts are compiled by what compiles the rule itself, so an explanation cannot say anything else than what is
enforced.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from holdfast.catalog.condition import Conditions
from holdfast.catalog.row import Row
from holdfast.catalog.side import Here, ListSide, Sides
from holdfast.catalog.sight import EVERYTHING_SEEN
from holdfast.catalog.term import Applied, Asked, Found, Many, manys_of
from holdfast.db.sql import Sql, join, number, raw
from holdfast.expressions.compare import Side
from holdfast.expressions.kind import Kind
from holdfast.expressions.read import Reading, read_filter
from holdfast.expressions.spelled import spell, spell_operand
from holdfast.expressions.tree import Constant, Macro, Node, Operand, Slot, Term, Tree, Unreadable
from holdfast.expressions.value import Fixed, Value, as_text, macro_value, shown_text
from holdfast.rules.scope import RuleScope

MOST_VALUES: Final = 20
"""How many values of a path to many are shown."""


class Compared(msgspec.Struct, frozen=True):
    """One side of a comparison: as it was written, and what it was. `value` is unset for a secret.

    It is a list where the path leads to many; of these the first MOST_VALUES.
    """

    text: str
    value: Any = msgspec.UNSET


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a rule and its verdict: of one row `result`, of all of them `rows`, the number that it holds for.

    A comparison has `left` and `right`; several parts of which all or one have to hold have `join` and `parts`.
    """

    text: str
    result: bool | None = None
    rows: int | None = None
    left: Compared | None = None
    right: Compared | None = None
    join: str = ""
    parts: "tuple[Part, ...]" = ()


class _At(msgspec.Struct, frozen=True):
    """A value that stands in the answer of the query, by its place."""

    place: int


class Outline(msgspec.Struct, frozen=True):
    """An explanation that waits for what the database says: `columns`, each jsonb, in the order of their places."""

    part: Part
    columns: tuple[Sql, ...]

    def select(self) -> Sql:
        """The columns as one, jsonb[]. An array has no limit, as functions and rows have."""
        return raw("ARRAY[") + join(", ", self.columns) + raw("]::jsonb[]")

    def filled(self, found: Sequence[str | None]) -> Part:
        """The explanation, with what the query gave: JSON texts."""
        return _filled(self.part, [None if text is None else msgspec.json.decode(text) for text in found])


class RuleOutlines(RuleScope):
    """Outlines rules about the row of a scope. The FROM of the query needs `joins`, as for conditions."""

    def outline(self, rule: str) -> Outline:
        """The explanation of a rule for one row. Raises InvalidFilter."""
        return _Outlining(self, rule, counting=False).outline()

    def count(self, rule: str) -> Outline:
        """The same for all rows of the FROM: for how many of them each part holds. Raises InvalidFilter."""
        return _Outlining(self, rule, counting=True).outline()

    def verdict(self, tree: Tree, sides: Sides) -> Sql:
        """The condition that a part of a rule makes. Raises Unreadable."""
        return Conditions(self._names, sides, self._rows).compile(tree)

    def sides(self, reading: Reading) -> Sides:
        """What gives the values of a rule that was read."""
        return Sides(self._origins, self._rows, EVERYTHING_SEEN, Fixed(reading.literals))

    def asked(self, operand: Operand, tree: Tree) -> Asked:
        """What one side of a comparison leads to. Raises Unreadable."""
        return self._names.asked(operand, tree.pinned)

    def value(self, asked: Asked, sides: Sides) -> Sql:
        """The value as jsonb; of a path to many an array. Raises Unreadable."""
        manys = manys_of(asked)
        if not manys:
            return _json(sides.side(asked, {}))
        query = self._each(asked, manys, sides, {})
        found = raw("(SELECT coalesce(jsonb_agg(many.item), '[]') FROM (SELECT * FROM (") + query
        return found + raw(") AS many LIMIT ") + number(MOST_VALUES) + raw(") AS many)")

    def _each(self, asked: Asked, manys: tuple[Many, ...], sides: Sides, here: Here) -> Sql:
        """A query that gives the value for every way that leads to it."""
        if not manys:
            return raw("SELECT ") + _json(sides.side(asked, here)) + raw(" AS item")
        many, rest = manys[0], manys[1:]

        def inner(found: Row | Sql) -> Sql:
            return self._each(asked, rest, sides, {**here, many.key: found})

        if many.leaf is not None:
            items = sides.row(many.origin, many.hops, here).column(many.leaf.field.name)
            return self._rows.each_item(items, inner)
        return self._rows.each(sides.row(many.origin, many.hops[:-1], here), many.hops[-1], inner)


class _Outlining:
    """One rule on its way to an outline."""

    def __init__(self, scope: RuleOutlines, rule: str, *, counting: bool) -> None:
        self._scope = scope
        self._counting = counting
        self._reading = read_filter(rule)
        self._sides = scope.sides(self._reading)
        self._columns: list[Sql] = []

    def outline(self) -> Outline:
        tree = self._reading.tree
        try:
            part = self._part(tree.root)
        except Unreadable as failure:
            raise tree.invalid(failure) from None
        return Outline(part, tuple(self._columns))

    def _part(self, node: Node) -> Part:
        text = spell(node, self._reading.literals)
        tree = self._reading.tree
        condition = self._scope.verdict(Tree(node, tree.place, tree.pinned), self._sides)
        verdict: Any = self._place(self._judged(condition))
        part = Part(text, rows=verdict) if self._counting else Part(text, result=verdict)
        if not isinstance(node, Term):
            parts = tuple(self._part(inner) for inner in node.parts)
            return msgspec.structs.replace(part, join="||" if node.either else "&&", parts=parts)
        if self._counting:
            return part
        return msgspec.structs.replace(part, left=self._compared(node.left), right=self._compared(node.right))

    def _judged(self, condition: Sql) -> Sql:
        if self._counting:
            return raw("to_jsonb(count(*) FILTER (WHERE ") + condition + raw("))")
        return raw("to_jsonb(") + condition + raw(")")

    def _compared(self, operand: Operand) -> Compared:
        text = spell_operand(operand, self._reading.literals)
        if isinstance(operand, Slot):
            written = self._reading.literals[operand.number]
            return Compared(text, written if operand.form.quoted else _numeral(written))
        if isinstance(operand, Constant):
            return Compared(text, operand.value)
        asked = self._scope.asked(operand, self._reading.tree)
        if isinstance(asked, Constant):  # a path that leads to nothing for this caller
            return Compared(text, asked.value)
        if _is_secret(asked):
            return Compared(text)
        return Compared(text, self._place(self._scope.value(asked, self._sides)))

    def _place(self, column: Sql) -> _At:
        self._columns.append(column)
        return _At(len(self._columns) - 1)


def _numeral(text: str) -> float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _is_secret(asked: Asked) -> bool:
    if isinstance(asked, Applied):
        return any(_is_secret(argument) for argument in asked.arguments)
    return isinstance(asked, Found) and asked.route.leaf.collection.is_secret(asked.route.leaf.field)


def _json(side: Side | ListSide) -> Sql:
    if isinstance(side, ListSide):
        return raw("to_jsonb(") + side.column + raw(")")
    if isinstance(side, Macro):
        side = macro_value(side)
    if not isinstance(side, Value):
        raise TypeError("a literal is known without the database")
    if side.kind is Kind.JSON:
        return side.sql
    if side.kind is Kind.POINT:
        at = raw("(") + side.sql + raw(")")
        return raw("jsonb_build_object('lon', ") + at + raw("[0], 'lat', ") + at + raw("[1])")
    shown = shown_text(side)
    return raw("to_jsonb(") + (as_text(shown) if shown.kind in (Kind.DATE, Kind.TEXT) else shown).sql + raw(")")


def _filled(part: Part, found: list[Any]) -> Part:
    def known(value: Any) -> Any:
        return found[value.place] if isinstance(value, _At) else value

    def compared(side: Compared | None) -> Compared | None:
        return None if side is None else Compared(side.text, known(side.value))

    return Part(
        part.text,
        known(part.result),
        known(part.rows),
        compared(part.left),
        compared(part.right),
        part.join,
        tuple(_filled(one, found) for one in part.parts),
    )
