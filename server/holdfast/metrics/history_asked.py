"""What somebody wants to see of the history: the parameters of a request, checked. Pure."""

import time
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from holdfast.errors import BadRequest, Problem
from holdfast.expressions.moment import read_moment
from holdfast.metrics.series import BY_NAME, SERIES, Series

Sort: TypeAlias = Literal["count", "mean", "p95", "errors"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
StatementSort: TypeAlias = Literal["total", "count", "mean", "p95", "max"]
STATEMENT_SORTS: Final[tuple[StatementSort, ...]] = get_args(StatementSort)
STEPS: Final = (60, 600, 1800, 3600, 7200, 21_600, 86_400)
"""The steps that are taken if none is asked for, in seconds: the first that makes no more than WANTED of them."""
WANTED: Final = 400
MOST_STEPS: Final = 3000
LISTED: Final = 20
MOST_LISTED: Final = 200
_HOUR: Final = 3600.0
_LONGEST: Final = 366 * 86_400.0


class Span(msgspec.Struct, frozen=True):
    """A time, from the beginning of a step to the end of one; seconds since 1970."""

    since: float
    until: float
    step: int


class SeriesAsked(msgspec.Struct, frozen=True):
    """Which series of which time."""

    span: Span
    series: tuple[Series, ...]


class TopAsked(msgspec.Struct, frozen=True):
    """Which routes of which time come first, and how many of them."""

    span: Span
    sort: Sort
    limit: int


class StatementsAsked(msgspec.Struct, frozen=True):
    """Which statements of which time come first, and how many of them."""

    span: Span
    sort: StatementSort
    limit: int


class _Reading:
    """Reads parameters, and keeps what is wrong with them."""

    def __init__(self, query: Mapping[str, str], known: tuple[str, ...]) -> None:
        self._query = query
        self.problems: dict[str, Problem] = {}
        for name in query:
            if name not in known:
                self.say(name, f"There is no such parameter, but {', '.join(known)}.")

    def say(self, name: str, message: str) -> None:
        """Note that something is wrong."""
        self.problems.setdefault(name, Problem("validation_invalid_value", message))

    def moment(self, name: str, default: float) -> float:
        """A time in seconds since 1970."""
        text = self._query.get(name, "")
        found = read_moment(text) if text else None
        if text and found is None:
            self.say(name, "Must be a date such as 2027-01-31 12:00:00Z.")
        return default if found is None else found.timestamp()

    def whole(self, name: str, default: int, most: int) -> int:
        """A whole number from 1."""
        text = self._query.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or len(text) > 9 or not 1 <= int(text) <= most:
            self.say(name, f"Must be a whole number from 1 to {most}.")
            return default
        return int(text)

    def span(self, now: float) -> Span:
        """The time that is asked for: the last hour, if nothing is said."""
        until = self.moment("to", now)
        since = self.moment("from", until - _HOUR)
        if since >= until:
            self.say("to", "Must be after `from`.")
        elif until > now + _LONGEST:
            self.say("to", "Must be at most 366 days from now.")
        elif since < 0:
            self.say("from", "Must be after 1970.")
        elif until - since > _LONGEST:
            self.say("from", "Must be at most 366 days before `to`.")
        step = self.whole("step", 0, 86_400) or _step(until - since)
        if step % 60:
            self.say("step", "Must be a multiple of 60 seconds.")
        elif (until - since) / step > MOST_STEPS:
            self.say("step", f"Makes more than {MOST_STEPS} steps of this time.")
        return Span(since // step * step, -(-until // step) * step, step)

    def end(self, message: str) -> None:
        """Raise BadRequest if anything is wrong."""
        if self.problems:
            raise BadRequest(message, data=self.problems)


def _step(seconds: float) -> int:
    return next((step for step in STEPS if seconds / step <= WANTED), STEPS[-1])


def read_series_asked(query: Mapping[str, str], now: float | None = None) -> SeriesAsked:
    """What is asked for. Raises BadRequest with what is wrong with each parameter."""
    reading = _Reading(query, ("names", "from", "to", "step"))
    named = [name.strip() for name in query.get("names", "").split(",") if name.strip()]
    for name in named:
        if name not in BY_NAME:
            reading.say("names", f"There is no series {name[:100]!r}.")
    span = reading.span(time.time() if now is None else now)
    reading.end("The series cannot be told so: see data.")
    return SeriesAsked(span, tuple(BY_NAME[name] for name in dict.fromkeys(named)) or SERIES)


def read_top_asked(query: Mapping[str, str], now: float | None = None) -> TopAsked:
    """What is asked for. Raises BadRequest with what is wrong with each parameter."""
    reading = _Reading(query, ("by", "from", "to", "sort", "limit"))
    if query.get("by", "route") != "route":
        reading.say("by", "Must be route.")
    sorts: list[Sort] = [sort for sort in SORTS if sort == query.get("sort", "count")]
    if not sorts:
        reading.say("sort", f"Must be one of {', '.join(SORTS)}.")
    limit = reading.whole("limit", LISTED, MOST_LISTED)
    span = reading.span(time.time() if now is None else now)
    reading.end("The routes cannot be told so: see data.")
    return TopAsked(span, sorts[0], limit)


def read_statements_asked(query: Mapping[str, str], now: float | None = None) -> StatementsAsked:
    """What is asked for. Raises BadRequest with what is wrong with each parameter."""
    reading = _Reading(query, ("from", "to", "sort", "limit"))
    sorts: list[StatementSort] = [sort for sort in STATEMENT_SORTS if sort == query.get("sort", "total")]
    if not sorts:
        reading.say("sort", f"Must be one of {', '.join(STATEMENT_SORTS)}.")
    limit = reading.whole("limit", LISTED, MOST_LISTED)
    span = reading.span(time.time() if now is None else now)
    reading.end("The statements cannot be told so: see data.")
    return StatementsAsked(span, sorts[0], limit)


def read_marks_asked(query: Mapping[str, str], now: float | None = None) -> Span:
    """Which time is asked for. Raises BadRequest."""
    reading = _Reading(query, ("from", "to"))
    span = reading.span(time.time() if now is None else now)
    reading.end("The marks cannot be told so: see data.")
    return span
