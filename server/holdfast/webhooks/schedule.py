"""When a delivery that failed is tried again. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
WAITS: Final = (0.0, 5.0, 5 * MINUTE, 30 * MINUTE, *(hours * HOUR for hours in (2, 5, 10, 14, 20, 24)))
"""Seconds before each try, from the one before it: those that the Standard Webhooks specification proposes."""
TRIES: Final = len(WAITS)
SPREAD: Final = 0.2  # of a wait, up or down: who failed together does not come back together
LONGEST_AFTER: Final = 24 * HOUR
_MOST_DIGITS: Final = 9


def next_wait(tried: int, chance: Callable[[], float], retry_after: float | None = None) -> float | None:
    """The seconds until the next try after so many; None when that was the last one.

    `chance` gives a number from 0 to 1. `retry_after` is what the receiver has asked for, in seconds: it makes a wait
    longer, up to a day, and never shorter.
    """
    if tried >= TRIES:
        return None
    wait = WAITS[tried] * (1 - SPREAD + 2 * SPREAD * chance())
    return max(wait, min(retry_after or 0.0, LONGEST_AFTER))


def read_retry_after(header: str, now: datetime) -> float | None:
    """The seconds that a `Retry-After` asks for: a number of them, or a date. None for what is neither."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _MOST_DIGITS else LONGEST_AFTER
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)
