"""Values in SQL: of one kind each, and what is known about their emptiness.

There are two ways of being empty. `''` is a text of no length, and also what a date or a relation is that was
not set: it comes before every other value. Null is no value at all (a relation that leads nowhere, a json path
that is not there, a nullable field that is null): it equals `''`, and every comparison but = and != is false
for it.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final, LiteralString

import msgspec
from typing_extensions import override

from holdfast.db.sql import Inputs, Sql, bind, literal, raw
from holdfast.expressions.kind import Kind
from holdfast.expressions.like import like_pattern
from holdfast.expressions.moment import MOMENTS, PARTS, read_moment
from holdfast.expressions.tree import Macro

ALWAYS: Final = raw("true")
NEVER: Final = raw("false")
MAX_EXPONENT: Final = 1200  # the scale of a decimal field goes to 1,000


class Value(msgspec.Struct, frozen=True):
    """An expression in SQL of one kind.

    Where `nullable`, the SQL can be NULL; that stands for `''` where the condition `blank` holds, else for null.
    `whole` numbers are bigint. `lossy` values were converted: NULL may also stand for what could not be.
    `computed` texts (those of functions) count as numbers beside numbers. `text` is a JSON value as text.
    `costly` SQL is better not written twice. `filled` texts are never empty. `fixed` values are the same for
    all rows of the statement. Rows for which `shown` does not hold have `''` instead.
    """

    sql: Sql
    kind: Kind
    nullable: bool = False
    blank: Sql | None = None
    whole: bool = False
    lossy: bool = False
    costly: bool = False
    computed: bool = False
    text: Sql | None = None
    shown: Sql | None = None
    filled: bool = False
    fixed: bool = False


class Binds:
    """Makes bind parameters of literals, each literal once per type."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, str], Sql] = {}

    def text(self, number: int) -> Sql:
        """A literal as text."""
        return self._bind(number, "text", "text", lambda text: text)

    def pattern(self, number: int) -> Sql:
        """A literal as a pattern for ILIKE."""
        return self._bind(number, "pattern", "text", like_pattern)

    def double(self, number: int) -> Sql:
        """A numeral as double precision."""
        return self._bind(number, "double", "double precision", float)

    def whole(self, number: int) -> Sql:
        """The numeral of a whole number as bigint."""
        return self._bind(number, "whole", "bigint", int)

    def exact(self, number: int) -> Sql:
        """A numeral as numeric."""
        return self._bind(number, "exact", "numeric", _exact)

    def moment(self, number: int) -> Sql:
        """The text of a date as timestamptz."""
        return self._bind(number, "moment", "timestamptz", read_moment)

    def _bind(self, number: int, use: str, cast: LiteralString, convert: Callable[[str], object]) -> Sql:
        key = (number, use)
        if key not in self._made:

            def read(inputs: Inputs) -> object:
                return convert(str(inputs.literals[number]))

            self._made[key] = bind(read, cast)
        return self._made[key]


class Fixed(Binds):
    """Makes constants of literals instead, for expressions that are no client's but the catalog's.

    PostgreSQL plans better with a value that it can see.
    """

    def __init__(self, literals: tuple[str, ...]) -> None:
        super().__init__()
        self._literals = literals

    @override
    def _bind(self, number: int, use: str, cast: LiteralString, convert: Callable[[str], object]) -> Sql:
        found = convert(self._literals[number])
        text = found.isoformat() if isinstance(found, datetime) else str(found)
        return literal(text) + raw("::") + raw(cast)


def _exact(text: str) -> Decimal:
    number = Decimal(text.strip())
    # What no column can tell from 0 would only make a numeric of thousands of digits.
    return number if not number or number.adjusted() > -MAX_EXPONENT else Decimal(0)


def macro_value(macro: Macro) -> Value:
    """What a macro stands for when the statement is run."""
    if macro.name in MOMENTS:
        moment = MOMENTS[macro.name]
        return Value(bind(lambda inputs: moment(inputs.now), "timestamptz"), Kind.DATE)
    part = PARTS[macro.name]
    return Value(bind(lambda inputs: part(inputs.now), "bigint"), Kind.NUMBER, whole=True)


def is_empty(value: Value) -> Sql:
    """The condition that a value is `''` or null."""
    if value.kind is Kind.JSON:
        text = json_text(value)
        return raw("(") + text + raw(" IS NULL OR ") + text + raw(" = '')")
    if value.kind is Kind.TEXT:
        if not value.nullable:
            return value.sql + raw(" = ''")
        return raw("(") + value.sql + raw(" IS NULL OR ") + value.sql + raw(" = '')")
    return value.sql + raw(" IS NULL") if value.nullable else NEVER


def json_text(value: Value) -> Sql:
    """A JSON value as text: a string without its quotes; NULL for JSON's null."""
    return value.text if value.text is not None else raw("(") + value.sql + raw(" #>> '{}')")


def as_text(value: Value) -> Value:
    """The value as text, as the API writes it. NULL then always stands for null."""
    sql, nullable = value.sql, value.nullable
    if value.kind is Kind.TEXT:
        if not nullable or value.blank is None:
            return value
        return _filled(sql, value.blank)
    if value.kind is Kind.DATE:
        stamped = raw("holdfast.stamp(") + sql + raw(")")  # '' for null
        if not nullable or value.blank is ALWAYS:
            return Value(stamped, Kind.TEXT)
        if value.blank is None:
            return Value(raw("nullif(") + stamped + raw(", '')"), Kind.TEXT, nullable=True)
        return Value(raw("CASE WHEN ") + value.blank + raw(" THEN ") + stamped + raw(" END"), Kind.TEXT, nullable=True)
    if value.kind is Kind.JSON:
        return Value(json_text(value), Kind.TEXT, nullable=True, costly=True)
    return Value(raw("(") + sql + raw(")::text"), Kind.TEXT, nullable=nullable)


def _filled(sql: Sql, blank: Sql) -> Value:
    """The text with '' for those NULLs that stand for it."""
    filled = raw("coalesce(") + sql + raw(", '')")
    if blank is ALWAYS:
        return Value(filled, Kind.TEXT)
    return Value(raw("CASE WHEN ") + blank + raw(" THEN ") + filled + raw(" END"), Kind.TEXT, nullable=True)


def as_number(value: Value) -> Value:
    """The value as a number: of a text its numeral, of true and false 1 and 0; NULL for what is no number.

    Of kind NUMBER for double precision and bigint, DECIMAL for numeric.
    """
    if value.kind is Kind.BOOL:
        return Value(raw("(") + value.sql + raw(")::integer::bigint"), Kind.NUMBER, nullable=value.nullable, whole=True)
    if value.kind is Kind.TEXT:
        text = as_text(value)
        number = raw("holdfast.try_number(") + text.sql + raw(")")
        return Value(number, Kind.NUMBER, nullable=True, blank=_is_blank(text), lossy=True, costly=True)
    if value.kind is Kind.JSON:
        return _json_number(value, raw("holdfast.try_number(") + json_text(value) + raw(")::numeric"))
    return value


def as_exact_number(value: Value) -> Value:
    """The same with every digit of a text, of which a double keeps 15: numbers of that length are ids."""
    if value.kind is Kind.TEXT:
        text = as_text(value)
        number = _all_digits(text.sql)
        return Value(number, Kind.DECIMAL, nullable=True, blank=_is_blank(text), lossy=True, costly=True)
    if value.kind is Kind.JSON:
        return _json_number(value, _all_digits(json_text(value)))
    return as_number(value)


def _all_digits(text: Sql) -> Sql:
    numeral = raw("holdfast.try_number(") + text + raw(") IS NOT NULL")
    return raw("CASE WHEN ") + numeral + raw(" THEN (") + text + raw(")::numeric END")


def _json_number(value: Value, of_text: Sql) -> Value:
    text = json_text(value)
    number = (
        raw("CASE jsonb_typeof(")
        + value.sql
        + raw(") WHEN 'number' THEN (")
        + value.sql
        + raw(")::numeric WHEN 'boolean' THEN (")
        + value.sql
        + raw(")::boolean::integer::numeric WHEN 'string' THEN ")
        + of_text
        + raw(" END")
    )
    blank = raw("(") + text + raw(" IS NOT NULL AND ") + text + raw(" = '')")
    return Value(number, Kind.DECIMAL, nullable=True, blank=blank, lossy=True, costly=True)


def _is_blank(text: Value) -> Sql:
    """The condition that a text is '' and not null."""
    same = text.sql + raw(" = ''")
    return same if not text.nullable else raw("(") + text.sql + raw(" IS NOT NULL AND ") + same + raw(")")


def shown_text(value: Value) -> Value:
    """The value with '' in the rows that do not show it."""
    if value.shown is None:
        return value
    sql = raw("CASE ") + value.shown + raw(" WHEN true THEN ") + value.sql + raw(" WHEN false THEN '' END")
    return msgspec.structs.replace(value, sql=sql, shown=None)
