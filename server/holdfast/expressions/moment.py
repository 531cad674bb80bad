"""Dates as a filter writes them, and the macros that stand for dates and parts of one."""

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

# A year, a month, a day, an hour...: what is left out is the first there is. Longer forms as DateField takes them.
_MOMENT: Final = re.compile(
    r"\s*([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r" ?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})?)?)?)?)?\s*"
)
_DAY_END: Final = time(23, 59, 59, 999_000, tzinfo=UTC)
_DAY_START: Final = time(tzinfo=UTC)


def read_moment(text: str) -> datetime | None:
    """The first instant, in UTC, of the day, month or year that a text names; None if it names none.

    Without an offset a time is UTC. Kept to milliseconds, as the fields keep it.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0").ljust(3, "0")[:3]) * 1000,
            tzinfo=timezone(-offset if sign == "-" else offset),
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp(moment: datetime) -> str:
    """A date as the API writes it: `2026-11-20 09:15:00.123Z`."""
    return f"{moment.year:04d}-{moment:%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _now(now: datetime) -> datetime:
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _month_end(now: datetime) -> datetime:
    last = date(now.year, now.month, calendar.monthrange(now.year, now.month)[1])
    return datetime.combine(last, _DAY_END)


MOMENTS: Final[Mapping[str, Callable[[datetime], datetime]]] = {
    "@now": _now,
    "@yesterday": lambda now: _now(now) - timedelta(days=1),
    "@tomorrow": lambda now: _now(now) + timedelta(days=1),
    "@todayStart": lambda now: datetime.combine(now, _DAY_START),
    "@todayEnd": lambda now: datetime.combine(now, _DAY_END),
    "@monthStart": lambda now: datetime.combine(date(now.year, now.month, 1), _DAY_START),
    "@monthEnd": _month_end,
    "@yearStart": lambda now: datetime.combine(date(now.year, 1, 1), _DAY_START),
    "@yearEnd": lambda now: datetime.combine(date(now.year, 12, 31), _DAY_END),
}
"""The macros that are dates, each from the time of the request in UTC."""

PARTS: Final[Mapping[str, Callable[[datetime], int]]] = {
    "@second": lambda now: now.second,
    "@minute": lambda now: now.minute,
    "@hour": lambda now: now.hour,
    "@day": lambda now: now.day,
    "@weekday": lambda now: now.isoweekday() % 7,
    "@month": lambda now: now.month,
    "@year": lambda now: now.year,
}
"""The macros that are whole numbers; weekdays count from Sunday, which is 0."""
