"""The function `strftime(format, date, modifiers…)`, with the codes and modifiers that SQLite has."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, LiteralString

from holdfast.db.sql import EMPTY, Sql, join, raw, value
from holdfast.expressions.kind import Kind
from holdfast.expressions.tree import Call, Unreadable
from holdfast.expressions.value import Value, as_text

_CODE: Final = re.compile(r"%(.?)", re.DOTALL)
_CODES: Final[Mapping[str, LiteralString]] = {
    "d": "to_char(t, 'DD')",
    "e": "lpad(to_char(t, 'FMDD'), 2)",
    "f": "to_char(t, 'SS.MS')",
    "F": "to_char(t, 'YYYY-MM-DD')",
    "G": "to_char(t, 'IYYY')",
    "g": "to_char(t, 'IY')",
    "H": "to_char(t, 'HH24')",
    "I": "to_char(t, 'HH12')",
    "j": "to_char(t, 'DDD')",
    "k": "lpad(to_char(t, 'FMHH24'), 2)",
    "l": "lpad(to_char(t, 'FMHH12'), 2)",
    "m": "to_char(t, 'MM')",
    "M": "to_char(t, 'MI')",
    "p": "to_char(t, 'AM')",
    "P": "to_char(t, 'am')",
    "R": "to_char(t, 'HH24:MI')",
    "s": "floor(extract(epoch FROM t))::bigint::text",
    "S": "to_char(t, 'SS')",
    "T": "to_char(t, 'HH24:MI:SS')",
    "u": "to_char(t, 'ID')",
    "U": "lpad(((extract(doy FROM t)::integer + 6 - extract(dow FROM t)::integer) / 7)::text, 2, '0')",
    "V": "to_char(t, 'IW')",
    "w": "extract(dow FROM t)::integer::text",
    "W": "lpad(((extract(doy FROM t)::integer + 6 - (extract(dow FROM t)::integer + 6) % 7) / 7)::text, 2, '0')",
    "Y": "to_char(t, 'YYYY')",
    "%": "'%'",
}
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_MONTHS: Final = {"month": 1, "year": 12}
_SHIFT: Final = re.compile(r"([+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?) (second|minute|hour|day|month|year)s?")
_CLOCK: Final = re.compile(r"([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")
_WEEKDAY: Final = re.compile(r"weekday ([0-6])")
_STARTS: Final[Mapping[str, LiteralString]] = {
    "start of day": "date_trunc('day', t)",
    "start of month": "date_trunc('month', t)",
    "start of year": "date_trunc('year', t)",
}
_IDLE: Final = frozenset(("utc", "localtime", "subsec", "subsecond"))  # everything is UTC here
_MAX_YEARS: Final = 4000  # a date of the year 1 can go back so far before PostgreSQL's calendar ends (4713 BC)


def strftime(call: Call, format: str, moment: Value, modifiers: Sequence[str]) -> Value:
    """The date as a text. Null where there is no date, and outside the years 1 to 9999.

    Raises Unreadable for codes and modifiers that there are not.
    """
    source = raw("(SELECT ") + _moment(call, moment) + raw("::timestamptz AT TIME ZONE 'UTC' AS t OFFSET 0) AS moment")
    for modifier in modifiers:
        step = _step(call, modifier)
        if step:
            # OFFSET 0 keeps each step apart: put into one another they would grow with every use of t.
            source = raw("(SELECT ") + _in_calendar(step) + raw(" AS t FROM ") + source + raw(" OFFSET 0) AS moment")
    text = raw("(SELECT ") + _in_calendar(_formatted(call, format)) + raw(" FROM ") + source + raw(")")
    return Value(text, Kind.TEXT, nullable=True, costly=True, computed=True)


def _moment(call: Call, moment: Value) -> Sql:
    if moment.kind is Kind.DATE:
        return moment.sql
    if moment.kind in (Kind.TEXT, Kind.JSON):
        return raw("holdfast.try_timestamp(") + as_text(moment).sql + raw(")")
    raise Unreadable(call.at, "strftime takes a date as its second argument")


def _in_calendar(sql: Sql) -> Sql:
    return raw("CASE WHEN t >= '0001-01-01' AND t < '10000-01-01' THEN ") + sql + raw(" END")


def _formatted(call: Call, format: str) -> Sql:
    pieces: list[Sql] = []
    at = 0
    for found in _CODE.finditer(format):
        if found.start() > at:
            pieces.append(value(format[at : found.start()], "text"))
        code = _CODES.get(found[1])
        if code is None:
            raise Unreadable(call.at, f'strftime knows no "{found[0]}": it has {" ".join("%" + key for key in _CODES)}')
        pieces.append(raw(code))
        at = found.end()
    if at < len(format):
        pieces.append(value(format[at:], "text"))
    return join(" || ", pieces) if pieces else raw("''")


def _step(call: Call, modifier: str) -> Sql:
    """The date `t` after a modifier; nothing if it changes nothing."""
    known = modifier.strip().lower()
    if known in _IDLE:
        return EMPTY
    if known in _STARTS:
        return raw(_STARTS[known])
    if found := _WEEKDAY.fullmatch(known):
        days = raw("((") + value(int(found[1]), "integer") + raw(" - extract(dow FROM t)::integer + 7) % 7)")
        return raw("t + make_interval(days => ") + days + raw(")")
    if found := _CLOCK.fullmatch(known):
        seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0)
        return _later(-seconds if found[1] == "-" else seconds)
    found = _SHIFT.fullmatch(known)
    if found is None:
        raise Unreadable(
            call.at, f"strftime knows no modifier {modifier[:50]!r}; it has '+1 day', 'start of month', ..."
        )
    return _shifted(call, float(found[1]), found[2])


def _shifted(call: Call, amount: float, unit: str) -> Sql:
    if unit in _SECONDS:
        seconds = amount * _SECONDS[unit]
        if abs(seconds) > _MAX_YEARS * 365 * 86_400:
            raise Unreadable(call.at, f"strftime goes at most {_MAX_YEARS} years away")
        return _later(seconds)
    months = amount * _MONTHS[unit]
    if abs(months) > _MAX_YEARS * 12:
        raise Unreadable(call.at, f"strftime goes at most {_MAX_YEARS} years away")
    if not months.is_integer():
        raise Unreadable(call.at, "strftime counts whole months")
    # As SQLite does it: one month after January 31st is March 3rd, and not the last of February.
    start = raw("date_trunc('month', t)")
    return (
        start
        + raw(" + make_interval(months => ")
        + value(int(months), "integer")
        + raw(") + (t - date_trunc('month', t))")
    )


def _later(seconds: float) -> Sql:
    return raw("t + make_interval(secs => ") + value(float(seconds), "double precision") + raw(")")
