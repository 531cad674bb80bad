"""The operators `~` and `!~`: a text inside another one, whatever the case of its letters."""

from holdfast.db.sql import Sql, raw
from holdfast.expressions.emit import bracketed
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import Constant, Operator, Slot, Unreadable
from holdfast.expressions.value import NEVER, Binds, Value, as_text, shown_text


def compare_like(
    left: Value | Slot | Constant, operator: Operator, right: Value | Slot | Constant, binds: Binds
) -> Sql:
    """That the right is (`~`) or is not (`!~`) found in the left; false if one of them is null.

    A literal on the right is a pattern (see like.py), a field is looked for as it is.
    """
    if any(isinstance(side, Constant) and side.value is None for side in (left, right)):
        return NEVER
    text = _text(left, binds)
    if isinstance(right, Slot):
        sign = raw(" ILIKE ") if operator is Operator.LIKE else raw(" NOT ILIKE ")
        return _where_there((text,), text.sql + sign + binds.pattern(right.number))
    sought = _text(right, binds)
    place = raw("strpos(lower(") + text.sql + raw("), lower(") + sought.sql + raw("))")
    found = place + (raw(" > 0") if operator is Operator.LIKE else raw(" = 0"))
    return _where_there((text, sought), found)


def _where_there(sides: tuple[Value, ...], condition: Sql) -> Sql:
    present = [side.sql + raw(" IS NOT NULL AND ") for side in sides if side.nullable]
    return bracketed(sum(present, start=Sql()) + condition) if present else condition


def _text(side: Value | Slot | Constant, binds: Binds) -> Value:
    if isinstance(side, Value):
        return as_text(shown_text(side))
    if isinstance(side, Slot):
        return Value(binds.text(side.number), Kind.TEXT)
    if side.value == "":
        return Value(raw("''"), Kind.TEXT)
    return Value(raw("'true'") if side.value else raw("'false'"), Kind.TEXT)


def refuse_points(left: Value | Slot | Constant, right: Value | Slot | Constant, at: int) -> None:
    """Raise Unreadable if a point as a whole is on one side."""
    if any(isinstance(side, Value) and side.kind is Kind.POINT for side in (left, right)):
        raise Unreadable(at, "A point cannot be compared as a whole: use its .lon and .lat, or geoDistance()")
