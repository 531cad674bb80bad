"""Comparisons with JSON values, whose type is known only row by row.

A JSON number compares as a number, true and false as 1 and 0 beside numbers, everything else as text.
"""

from holdfast.db.sql import Sql, join, raw
from holdfast.expressions.emit import sign, single, texts
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import Operator, Slot
from holdfast.expressions.value import Binds, Value, as_text


def json_against_numeral(value: Value, operator: Operator, slot: Slot, binds: Binds) -> Sql:
    """A JSON value beside a literal that is a number, or a text that looks like one."""
    as_texts = single(as_text(value), operator, binds.text(slot.number))
    return _by_type(value, operator, binds.exact(slot.number), as_texts)


def json_against_truth(value: Value, operator: Operator, truth: bool) -> Sql:
    """A JSON value beside true or false."""
    as_texts = single(as_text(value), operator, raw("'true'") if truth else raw("'false'"))
    return _by_type(value, operator, raw("1") if truth else raw("0"), as_texts)


def _by_type(value: Value, operator: Operator, number: Sql, otherwise: Sql) -> Sql:
    json = value.sql
    return (
        raw("CASE jsonb_typeof(")
        + json
        + raw(") WHEN 'number' THEN ")
        + sign(raw("(") + json + raw(")::numeric"), operator, number)
        + raw(" WHEN 'boolean' THEN ")
        + sign(raw("(") + json + raw(")::boolean::integer"), operator, number)
        + raw(" ELSE ")
        + otherwise
        + raw(" END")
    )


def json_against_found(left: Value, operator: Operator, right: Value, numbers: Sql) -> Sql:
    """A JSON value beside one that is known only row by row: as numbers, for which the condition is given, or as texts.

    A JSON number is a number whatever the other is, as a field of numbers would be; beside a bool, true and false are.
    """
    kinds = raw("('number', 'boolean')") if Kind.BOOL in (left.kind, right.kind) else raw("('number')")
    decides = [raw("jsonb_typeof(") + side.sql + raw(") IN ") for side in (left, right) if side.kind is Kind.JSON]
    condition = join(" OR ", (one + kinds for one in decides))
    return (
        raw("CASE WHEN ")
        + condition
        + raw(" THEN ")
        + numbers
        + raw(" ELSE ")
        + texts(as_text(left), operator, as_text(right))
        + raw(" END")
    )
