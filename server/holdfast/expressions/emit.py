"""Comparisons of two values of one type, of which one or both may be empty, written so that they are never NULL."""

from collections.abc import Mapping
from typing import Final, LiteralString

from holdfast.db.sql import Sql, join, raw
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import MIRRORED, Operator
from holdfast.expressions.value import ALWAYS, NEVER, Value, is_empty

_SIGNS: Final[Mapping[Operator, LiteralString]] = {
    Operator.EQ: " = ",
    Operator.NE: " <> ",
    Operator.LT: " < ",
    Operator.LE: " <= ",
    Operator.GT: " > ",
    Operator.GE: " >= ",
}
_LESS: Final = (Operator.LT, Operator.LE)


def sign(left: Sql, operator: Operator, right: Sql) -> Sql:
    """The comparison as SQL has it, which is NULL if one side is."""
    return left + raw(_SIGNS[operator]) + right


def bracketed(sql: Sql) -> Sql:
    """In brackets."""
    return raw("(") + sql + raw(")")


def negated(condition: Sql) -> Sql:
    """The opposite of a condition that is never NULL."""
    return raw("NOT (") + condition + raw(")")


def both(first: Sql, second: Sql) -> Sql:
    """That both hold."""
    if first is ALWAYS:
        return second
    if second is ALWAYS:
        return first
    return bracketed(first + raw(" AND ") + second)


def either(first: Sql, second: Sql) -> Sql:
    """That at least one holds."""
    return first if second is NEVER else bracketed(first + raw(" OR ") + second)


def single(value: Value, operator: Operator, other: Sql) -> Sql:
    """A value beside one of the same type that is neither null nor empty."""
    plain = sign(value.sql, operator, other)
    if not value.nullable:
        return plain
    if operator is Operator.NE:
        return value.sql + raw(" IS DISTINCT FROM ") + other
    if operator not in _LESS or value.blank is None:
        if value.costly:
            return raw("coalesce(") + plain + raw(", false)")
        return bracketed(value.sql + raw(" IS NOT NULL AND ") + plain)
    if value.blank is ALWAYS:
        return bracketed(value.sql + raw(" IS NULL OR ") + plain)
    return raw("CASE WHEN ") + value.sql + raw(" IS NULL THEN ") + value.blank + raw(" ELSE ") + plain + raw(" END")


def beside_blank(value: Value, operator: Operator) -> Sql:
    """A value beside `''`: what is not empty comes after it."""
    if value.kind is Kind.TEXT:
        plain = sign(value.sql, operator, raw("''"))
        return plain if not value.nullable else bracketed(value.sql + raw(" IS NOT NULL AND ") + plain)
    there = value.sql + raw(" IS NOT NULL") if value.nullable else ALWAYS
    blank = value.blank if value.nullable and value.blank is not None else NEVER
    if operator is Operator.GT:
        return there
    if operator is Operator.GE:
        return there if there is ALWAYS else either(there, blank)
    if operator is Operator.LE and blank is not NEVER:
        return both(blank, value.sql + raw(" IS NULL"))
    return NEVER


def beside_fixed(text: Value, operator: Operator, fixed: Value) -> Sql:
    """`=` or `!=` of a text and one that is the same for all rows, so that an index on the first still serves."""
    there = [value.sql + raw(" IS NOT NULL") for value in (text, fixed) if value.nullable]
    same = join(" AND ", [*there, sign(text.sql, Operator.EQ, fixed.sql)])
    neither = is_empty(fixed) + raw(" AND ") + is_empty(text)
    equal = bracketed(same + raw(" OR ") + neither)
    return equal if operator is Operator.EQ else negated(equal)


def texts(left: Value, operator: Operator, right: Value) -> Sql:
    """Two texts as `as_text` gives them, of which each may be `''` or null."""
    if not left.nullable and not right.nullable:
        return sign(left.sql, operator, right.sql)
    if operator.is_order:
        present = [value.sql + raw(" IS NOT NULL AND ") for value in (left, right) if value.nullable]
        return bracketed(sum(present, start=Sql()) + sign(left.sql, operator, right.sql))
    return sign(_filled(left), operator, _filled(right))


def _filled(text: Value) -> Sql:
    return raw("coalesce(") + text.sql + raw(", '')") if text.nullable else text.sql


def pair(left: Value, operator: Operator, right: Value, empty: tuple[Sql, Sql]) -> Sql:
    """Two values of one type that is not text. `empty` says when each was empty before it was converted."""
    if not right.nullable:
        return single(left, operator, right.sql)
    if not left.nullable:
        return single(right, MIRRORED.get(operator, operator), left.sql)
    if operator in _LESS:
        return _before(left, operator, right)
    if operator.is_order:
        return _before(right, MIRRORED[operator], left)
    if operator is Operator.NE:
        return negated(pair(left, Operator.EQ, right, empty))
    if not left.lossy and not right.lossy:
        return left.sql + raw(" IS NOT DISTINCT FROM ") + right.sql
    equal = raw("coalesce(") + sign(left.sql, operator, right.sql) + raw(", false)")
    return either(equal, both(*empty))


def _before(left: Value, operator: Operator, right: Value) -> Sql:
    there = raw(" IS NOT NULL AND ")
    found = bracketed(left.sql + there + right.sql + there + sign(left.sql, operator, right.sql))
    if left.blank is None:
        return found
    blank = both(left.blank, left.sql + raw(" IS NULL"))
    found = either(found, both(blank, right.sql + raw(" IS NOT NULL")))
    if operator is Operator.LE and right.blank is not None:
        return either(found, both(blank, both(right.blank, right.sql + raw(" IS NULL"))))
    return found
