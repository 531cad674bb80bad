"""Two values are compared: a condition in SQL that is true or false and never NULL.

Nothing in it can fail, whatever the rows hold. A plain column beside a literal becomes a comparison that an
index serves. docs/reference/filters.md has the rules as a table.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from holdfast.db.sql import Sql, raw
from holdfast.expressions.compare_json import (
    json_against_found,
    json_against_numeral,
    json_against_truth,
)
from holdfast.expressions.compare_like import compare_like, refuse_points
from holdfast.expressions.emit import beside_blank, beside_fixed, both, bracketed, negated, pair, single, texts
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import MIRRORED, Constant, Macro, Operator, Slot, Unreadable
from holdfast.expressions.value import (
    ALWAYS,
    NEVER,
    Binds,
    Value,
    as_exact_number,
    as_number,
    as_text,
    is_empty,
    macro_value,
    shown_text,
)

Side: TypeAlias = Value | Slot | Constant | Macro
"""What can stand on one side of an operator, once its path is found."""

_Known: TypeAlias = Value | Slot | Constant
_NUMBERS: Final = (Kind.NUMBER, Kind.DECIMAL, Kind.BOOL)
_NAMES: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "a text",
    Kind.NUMBER: "a number",
    Kind.DECIMAL: "a number",
    Kind.BOOL: "true or false",
    Kind.DATE: "a date",
    Kind.JSON: "json",
}


def compare(left: Side, operator: Operator, right: Side, binds: Binds, at: int) -> Sql:
    """The condition. `at` is the operator's place.

    Raises Unreadable for what no row could ever fulfil: an order between a date and what is no date, and for a
    point as a whole.
    """
    left, right = _known(left), _known(right)
    if operator.is_like:
        refuse_points(left, right, at)
        return compare_like(left, operator, right, binds)
    if _weight(left) < _weight(right):
        left, operator, right = right, MIRRORED.get(operator, operator), left
    value = left if isinstance(left, Value) else _literal(left, binds)
    if isinstance(right, Value):
        return _two(shown_text(value), operator, shown_text(right), at)
    if isinstance(right, Constant):
        return _constant(shown_text(value), operator, right.value, at)
    if value.shown is not None and operator is Operator.EQ:
        # The condition apart from the comparison, so that an index on the column still serves.
        bare = msgspec.structs.replace(value, shown=None)
        return both(value.shown, _one(bare, operator, right, binds, at))
    return _one(shown_text(value), operator, right, binds, at)


def null_meets(operator: Operator, other: Side | None) -> bool | None:
    """What a comparison with null on one side gives; None where that depends on the row (so if `other` is None)."""
    if operator not in (Operator.EQ, Operator.NE):
        return False
    if other is None or isinstance(other, Value):
        return None
    equal = isinstance(other, Constant) and not isinstance(other.value, bool)
    return equal if operator is Operator.EQ else not equal


def _known(side: Side) -> _Known:
    return macro_value(side) if isinstance(side, Macro) else side


def _weight(side: _Known) -> int:
    """Which side decides how the other one is understood: the heavier."""
    if isinstance(side, Value):
        return 4
    if isinstance(side, Slot):
        return 1 if side.form.quoted else 3
    return 2 if isinstance(side.value, bool) else 0


def _literal(side: Slot | Constant, binds: Binds) -> Value:
    """A literal as a value, where both sides are literals."""
    if isinstance(side, Slot):
        if side.form.quoted:
            return Value(binds.text(side.number), Kind.TEXT)
        return Value(binds.exact(side.number), Kind.DECIMAL)
    if isinstance(side.value, bool):
        return Value(ALWAYS if side.value else NEVER, Kind.BOOL)
    return Value(raw("NULL::text"), Kind.TEXT, nullable=True, blank=ALWAYS if side.value == "" else None)


def _one(value: Value, operator: Operator, slot: Slot, binds: Binds, at: int) -> Sql:
    """A value beside a literal."""
    number, form = slot.number, slot.form
    if value.fixed:  # a query of its own, for which no index is needed: better asked once
        value = msgspec.structs.replace(value, costly=True)
    if value.kind is Kind.TEXT:
        if value.computed and not form.quoted:
            return single(as_number(value), operator, binds.double(number))
        return single(value, operator, binds.text(number))
    if value.kind is Kind.DATE:
        return single(value, operator, binds.moment(number)) if form.dated else _unlike(value, operator, at)
    if value.kind is Kind.JSON:
        if form.numeric:
            return json_against_numeral(value, operator, slot, binds)
        return single(as_text(value), operator, binds.text(number))
    if value.kind is Kind.POINT:
        return _points(value, operator, None, at)
    if form.numeric:
        return _numeral(as_number(value), operator, slot, binds)
    if value.kind is Kind.BOOL and not operator.is_order:
        return single(as_text(value), operator, binds.text(number))
    return _unlike(value, operator, at)


def _numeral(value: Value, operator: Operator, slot: Slot, binds: Binds) -> Sql:
    if value.kind is Kind.DECIMAL or (value.whole and not slot.form.whole):
        return single(value, operator, binds.exact(slot.number))
    return single(value, operator, binds.whole(slot.number) if value.whole else binds.double(slot.number))


def _unlike(value: Value, operator: Operator, at: int) -> Sql:
    """A value beside one that it can never equal and that comes neither before nor after it."""
    if operator.is_order:
        name = _NAMES[value.kind]
        raise Unreadable(at, f"Only {name} can come before or after {name}")
    return NEVER if operator is Operator.EQ else ALWAYS


def _constant(value: Value, operator: Operator, constant: bool | str | None, at: int) -> Sql:
    """A value beside true, false, null or the empty text."""
    if isinstance(constant, bool):
        return _truth(value, operator, constant, at)
    if not operator.is_order:
        return is_empty(value) if operator is Operator.EQ else negated(is_empty(value))
    if value.kind is Kind.POINT:
        return _points(value, operator, None, at)
    if constant is None:
        return NEVER
    return beside_blank(as_text(value) if value.kind in (Kind.TEXT, Kind.JSON) else value, operator)


def _truth(value: Value, operator: Operator, truth: bool, at: int) -> Sql:
    if value.kind is Kind.BOOL and not operator.is_order:
        return single(value, operator, ALWAYS if truth else NEVER)
    if value.kind in _NUMBERS:
        return single(as_number(value), operator, raw("1") if truth else raw("0"))
    if value.kind is Kind.TEXT:
        return single(value, operator, raw("'true'") if truth else raw("'false'"))
    if value.kind is Kind.JSON:
        return json_against_truth(value, operator, truth)
    return _points(value, operator, None, at) if value.kind is Kind.POINT else _unlike(value, operator, at)


def _two(left: Value, operator: Operator, right: Value, at: int) -> Sql:
    """Two values that are both known only row by row."""
    kinds = {left.kind, right.kind}
    if kinds == {Kind.TEXT}:
        return _two_texts(left, operator, right)
    if Kind.POINT in kinds:
        return _points(left, operator, right, at)
    if Kind.JSON in kinds and kinds <= {Kind.TEXT, Kind.BOOL, Kind.JSON}:
        return json_against_found(left, operator, right, _numbers(left, operator, right, as_exact_number))
    if kinds == {Kind.DATE}:
        return pair(left, operator, right, (NEVER, NEVER))
    if kinds == {Kind.BOOL} and not operator.is_order:
        return pair(left, operator, right, (NEVER, NEVER))
    if kinds <= {Kind.TEXT, Kind.DATE, Kind.JSON} or kinds == {Kind.TEXT, Kind.BOOL}:
        return texts(as_text(left), operator, as_text(right))
    if Kind.DATE in kinds:
        if operator.is_order:
            return _unlike(left, operator, at)
        empty = both(bracketed(is_empty(left)), bracketed(is_empty(right)))
        return empty if operator is Operator.EQ else negated(empty)
    return _numbers(left, operator, right)


def _two_texts(left: Value, operator: Operator, right: Value) -> Sql:
    if right.filled:
        return single(left, operator, right.sql)
    if left.filled:
        return single(right, MIRRORED.get(operator, operator), left.sql)
    if operator.is_order or left.fixed is right.fixed:
        return texts(as_text(left), operator, as_text(right))
    return beside_fixed(right, operator, left) if left.fixed else beside_fixed(left, operator, right)


def _numbers(left: Value, operator: Operator, right: Value, numbered: Callable[[Value], Value] = as_number) -> Sql:
    first, second = numbered(left), numbered(right)
    if first.kind is not second.kind or first.whole is not second.whole:
        first, second = _exact(first), _exact(second)
    return pair(first, operator, second, (bracketed(is_empty(left)), bracketed(is_empty(right))))


def _exact(number: Value) -> Value:
    """A number as numeric, in which every bigint and every numeral of 15 digits is what it was."""
    if number.kind is Kind.DECIMAL:
        return number
    return msgspec.structs.replace(number, sql=bracketed(number.sql) + raw("::numeric"), kind=Kind.DECIMAL, whole=False)


def _points(left: Value, operator: Operator, right: Value | None, at: int) -> Sql:
    """Two points: equal or not."""
    if operator.is_order or right is None or left.kind is not right.kind:
        refuse_points(left, left, at)
        refuse_points(left, right if right is not None else left, at)
    assert right is not None  # refused above
    same = raw("coalesce(") + left.sql + raw(" ~= ") + right.sql + raw(", false)")
    if left.nullable and right.nullable:
        same = bracketed(same + raw(" OR ") + both(is_empty(left), is_empty(right)))
    return same if operator is Operator.EQ else negated(same)
