"""Filters: a text of the server's grammar in which every text and date is bound, and never a part of the grammar."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from .paths import Number, Path, Point

_HOLE: Final = "{:}"
_NAMED: Final = re.compile(r"\{:(\w+)\}")
_NEVER: Final = "false = true"
_ALWAYS: Final = "true = true"


class Filter:
    """Which records. Join filters with `&` and `|`."""

    __slots__ = ("_joint", "_text", "_values")

    def __init__(self, text: str, values: Sequence[str] = (), joint: str = "") -> None:
        self._text = text
        self._values = tuple(values)
        self._joint = joint

    def __and__(self, other: Filter) -> Filter:
        """Both."""
        return self._join(" && ", other)

    def __or__(self, other: Filter) -> Filter:
        """One of them, or both."""
        return self._join(" || ", other)

    def _join(self, joint: str, other: Filter) -> Filter:
        text = self._inside(joint) + joint + other._inside(joint)
        return Filter(text, self._values + other._values, joint)

    def _inside(self, joint: str) -> str:
        # The server takes brackets to a depth of 20, so a chain of one joint has none.
        return self._text if self._joint in ("", joint) else f"({self._text})"

    def __bool__(self) -> bool:
        """Raises TypeError: Python's `and`, `or` and chained comparisons would lose a half of the filter."""
        raise TypeError("Join filters with & and |, and put each comparison in brackets.")

    def __repr__(self) -> str:
        """The text, and the values that are bound."""
        text, values = self.bound()
        return f"<Filter {text} {values}>" if values else f"<Filter {text}>"

    def bound(self) -> tuple[str, dict[str, str]]:
        """The text as the server reads it, and the values of its parameters by name."""
        parts = self._text.split(_HOLE)
        found = [parts[0]]
        for number, part in enumerate(parts[1:]):
            found += (f"{{:p{number}}}", part)
        return "".join(found), {f"p{number}": value for number, value in enumerate(self._values)}


class Macro:
    """A word of the grammar that the server knows the value of, such as `NOW`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        """As a filter writes it."""
        return self.text


class Sort:
    """One key of a sort."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        """As the server reads it."""
        return self.text


NOW: Final = Macro("@now")
YESTERDAY: Final = Macro("@yesterday")
TOMORROW: Final = Macro("@tomorrow")
TODAY_START: Final = Macro("@todayStart")
TODAY_END: Final = Macro("@todayEnd")
MONTH_START: Final = Macro("@monthStart")
MONTH_END: Final = Macro("@monthEnd")
YEAR_START: Final = Macro("@yearStart")
YEAR_END: Final = Macro("@yearEnd")
RANDOM: Final = Sort("@random")


def comparison(left: Path, operator: str, right: object) -> Filter:
    """A path compared with something."""
    text, values = _side(right)
    quantifier = "?" if left.hf_any else ""
    return Filter(f"{_path(left)} {quantifier}{operator} {text}", values)


def _path(path: Path) -> str:
    if not path.hf_path:
        raise ValueError("A record as a whole cannot be compared: name one of its fields.")
    return path.hf_path


def _side(value: object) -> tuple[str, tuple[str, ...]]:
    """A side of a comparison: its text, and what is bound in it."""
    path: str | None = getattr(value, "hf_path", None)
    if path is not None:
        return path or "id", ()
    if isinstance(value, Macro):
        return value.text, ()
    if value is None:
        return "null", ()
    if isinstance(value, bool):
        return ("true" if value else "false"), ()
    if isinstance(value, int | float):
        return _number(value), ()
    return _HOLE, (as_text(value),)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"A filter cannot compare with {value}.")
    return repr(value)


def as_text(value: object) -> str:
    """A value as the server reads it in a text. Raises TypeError for what it has no text for."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return as_moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    identity: object = getattr(value, "id", None)
    if isinstance(identity, str):
        return identity
    raise TypeError(f"A filter cannot compare with a {type(value).__name__}.")


def as_moment(value: datetime) -> str:
    """A moment as the server writes it. One without a time zone is UTC."""
    utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return utc.strftime("%Y-%m-%d %H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def contains(path: Path, text: str) -> Filter:
    """The value contains the text, whatever the case of the letters."""
    return comparison(path, "~", _literal(text))


def excludes(path: Path, text: str) -> Filter:
    """The value does not contain the text."""
    return comparison(path, "!~", _literal(text))


def _literal(text: str) -> str:
    return text.replace("%", "\\%")


def matches(path: Path, pattern: str) -> Filter:
    """The whole value fits a pattern, in which `%` is anything and `_` any one character.

    Raises ValueError for a pattern without `%`: the server would look for it anywhere.
    """
    if "%" not in pattern:
        raise ValueError("A pattern has a % in it; `contains` looks for a text anywhere.")
    return comparison(path, "~", pattern)


def one_of(path: Path, values: Iterable[object]) -> Filter:
    """The value is one of these; of no values none is."""
    return _joined([comparison(path, "=", value) for value in values], " || ", _NEVER)


def none_of(path: Path, values: Iterable[object]) -> Filter:
    """The value is none of these."""
    return _joined([comparison(path, "!=", value) for value in values], " && ", _ALWAYS)


def all_match(filters: Iterable[Filter]) -> Filter:
    """All of these."""
    return _joined(list(filters), " && ", _ALWAYS)


def any_match(filters: Iterable[Filter]) -> Filter:
    """At least one of these."""
    return _joined(list(filters), " || ", _NEVER)


def _joined(filters: list[Filter], joint: str, empty: str) -> Filter:
    if not filters:
        return Filter(empty)
    found = filters[0]
    for one in filters[1:]:
        found = found & one if joint == " && " else found | one
    return found


def distance_km(place: Point, lon: float, lat: float) -> Number:
    """How far a place is from a point, in kilometres."""
    from .paths import Number

    found = Number()
    found.hf_path = f"geoDistance({place.hf_path}.lon, {place.hf_path}.lat, {_number(lon)}, {_number(lat)})"
    return found


def where(text: str, **values: object) -> Filter:
    """A filter in the server's own words: `where("title ~ {:words} && due < {:now}", words=typed, now=NOW)`.

    Raises ValueError for a parameter that has no value, and for a value that has no parameter.
    """
    names = _NAMED.findall(text)
    if set(names) != set(values):
        raise ValueError(f"The filter has the parameters {sorted(set(names))}, and values for {sorted(values)}.")
    if _HOLE in text:
        raise ValueError("A parameter has a name: {:name}.")
    sides = {name: _side(value) for name, value in values.items()}
    bound = tuple(value for name in names for value in sides[name][1])
    return Filter(_NAMED.sub(lambda found: sides[found[1]][0], text), bound, "raw")


def sort_text(keys: Any) -> str:
    """A sort as the server reads it, of one key or many."""
    return ",".join(key.text if isinstance(key, Sort) else str(key.hf_path) for key in _many(keys))


def path_texts(paths: Any) -> str:
    """Paths with commas between them, of one path or many."""
    return ",".join(str(path.hf_path) for path in _many(paths))


def _many(given: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", given) if isinstance(given, list | tuple) else (given,)
