"""Comparisons with JSON values, whose type is known only row by row.

A JSON number compares as a number, true and false as 1 and 0 beside numbers, everything else as text.
"""

from holdfast.db.sql import Sql, raw
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


def json_against_json(left: Value, operator: Operator, right: Value) -> Sql:
    """Two JSON values: numbers as numbers, anything else as text."""
    numbers = sign(raw("(") + left.sql + raw(")::numeric"), operator, raw("(") + right.sql + raw(")::numeric"))
    return (
        raw("CASE WHEN jsonb_typeof(")
        + left.sql
        + raw(") = 'number' AND jsonb_typeof(")
        + right.sql
        + raw(") = 'number' THEN ")
        + numbers
        + raw(" ELSE ")
        + texts(as_text(left), operator, as_text(right))
        + raw(" END")
    )


def json_against_bool(left: Value, operator: Operator, right: Value, numbers: Sql) -> Sql:
    """A JSON value and a bool: as numbers, for which the condition is given, or as texts, by what the JSON is."""
    json = left if left.kind is Kind.JSON else right
    return (
        raw("CASE WHEN jsonb_typeof(")
        + json.sql
        + raw(") IN ('number', 'boolean') THEN ")
        + numbers
        + raw(" ELSE ")
        + texts(as_text(left), operator, as_text(right))
        + raw(" END")
    )
