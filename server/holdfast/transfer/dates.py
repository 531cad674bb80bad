"""Dates as people and spreadsheets write them: day or month first. Pure."""

import re
from typing import Final, Literal, TypeAlias

Dates: TypeAlias = Literal["iso", "dmy", "mdy"]
DATES: Final[tuple[Dates, ...]] = ("iso", "dmy", "mdy")
"""How dates are written in a file: as the API does, `20.11.2026`, or `11/20/2026`."""

_DATE: Final = re.compile(
    r"\s*(?P<first>\d{1,2})(?P<sign>[./-])(?P<second>\d{1,2})(?P=sign)(?P<year>\d{4})"
    r"(?:,?[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?P<rest>:\d{2}(?:\.\d{1,6})?)?(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?P<zone>\s*(?:Z|[+-]\d{2}:?\d{2}))?)?\s*"
)


def as_iso(text: str, dates: Dates) -> str:
    """The date as the API writes it; a text that is written otherwise, or names no day, as it is: the field refuses it.

    Two digits are no year: nobody knows which century.
    """
    found = _DATE.fullmatch(text) if dates != "iso" else None
    if found is None:
        return text
    first, second = int(found["first"]), int(found["second"])
    day, month = (first, second) if dates == "dmy" else (second, first)
    date = f"{found['year']}-{month:02}-{day:02}"
    if found["hour"] is None:
        return date
    hour = _hour(int(found["hour"]), (found["half"] or "").lower())
    if hour is None:
        return text
    return f"{date} {hour:02}:{found['minute']}{found['rest'] or ':00'}{(found['zone'] or '').strip()}"


def _hour(hour: int, half: str) -> int | None:
    """The hour of 24; None for one that no clock with two halves has."""
    if not half:
        return hour
    return hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else None
