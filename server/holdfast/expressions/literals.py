"""Literals are taken out of a filter, so that filters which differ only in their values have one shape.

Runs at every request, also for shapes that are known: everything here is one compiled regex and little else.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from holdfast.errors import InvalidFilter
from holdfast.expressions.moment import read_moment, stamp
from holdfast.expressions.tree import Form

MARK: Final = "\0"
"""Begins a marker in a shape. No filter can hold it, because PostgreSQL's text cannot."""
EMPTY_MARK: Final = MARK + "e"
"""The empty text. It is a part of the shape, since comparing with nothing is SQL of its own."""
MAX_NUMERAL_CHARS: Final = 400  # characters; the longest plain double has 309 digits before the point
MAX_WHOLE: Final = 2**63 - 1  # PostgreSQL's bigint

# A text goes to the next quote of its kind that no backslash precedes, or to the end when there is none. Nothing here
# can fail after it has begun, so nothing is tried twice.
_PULL: Final = re.compile(
    r"""('[^']*(?:(?<=\\)'[^']*)*'?|"[^"]*(?:(?<=\\)"[^"]*)*"?|//[^\n]*|\{:[^{}]*\}"""
    r"""|(?<![\w.@:])-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))"""
)
_NUMERAL: Final = re.compile(r"[ \t\r\n]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?[ \t\r\n]*")
_WHOLE: Final = re.compile(r"[ \t\r\n]*[+-]?[0-9]+[ \t\r\n]*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NUMERAL_STARTS: Final = frozenset("0123456789+-. \t\r\n")
_MARKS: Final = {form: MARK + form.value for form in Form}


def pull(text: str, params: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """The shape in pieces, of which every second stands for a literal or a comment, and the literals.

    Raises InvalidFilter for a text that is not closed, a parameter that is not there and characters that
    PostgreSQL cannot hold.
    """
    pieces = _PULL.split(text)
    literals: list[str] = []
    for number in range(1, len(pieces), 2):
        piece = pieces[number]
        first = piece[0]
        if first in "'\"":
            pieces[number] = _take(_unquoted(piece, pieces, number, text), literals)
        elif first == "/":
            pieces[number] = " "
        elif first == "{":
            pieces[number] = _param(piece, params, literals, text)
        else:
            pieces[number] = _numeral(piece, literals, text)
    return pieces, literals


def _unquoted(piece: str, pieces: list[str], number: int, text: str) -> str:
    quote = piece[0]
    if len(piece) < 2 or piece[-1] != quote or piece[-2] == "\\":
        # An unclosed text runs to the end, so this is where it began.
        place = len(text) - len(piece) + 1
        raise InvalidFilter(f"This text has no closing {quote} (at character {place}).")
    inner = piece[1:-1]
    return inner.replace("\\" + quote, quote) if "\\" in inner else inner


def _take(value: str, literals: list[str]) -> str:
    if not value:
        return EMPTY_MARK
    literals.append(value)
    return _MARKS[form_of(value)]


def form_of(value: str) -> Form:
    """What a text that is not empty looks like: the date of a day, a number, or just a text."""
    if value[0] not in _NUMERAL_STARTS:
        return Form.TEXT
    dated = value[:1] not in "+-." and read_moment(value) is not None
    if len(value) > MAX_NUMERAL_CHARS or _NUMERAL.fullmatch(value) is None or math.isinf(float(value)):
        return Form.DATE_TEXT if dated else Form.TEXT
    if _WHOLE.fullmatch(value) is None or abs(int(value)) > MAX_WHOLE:
        return Form.REAL_TEXT
    return Form.YEAR_TEXT if dated else Form.WHOLE_TEXT


def _numeral(piece: str, literals: list[str], text: str) -> str:
    if len(piece) > MAX_NUMERAL_CHARS or math.isinf(float(piece)):
        raise InvalidFilter(f"This number is too large (at character {text.find(piece) + 1}).")
    literals.append(piece)
    if "." in piece or "e" in piece or "E" in piece or abs(int(piece)) > MAX_WHOLE:
        return _MARKS[Form.REAL]
    return _MARKS[Form.WHOLE]


def _param(piece: str, params: Mapping[str, object], literals: list[str], text: str) -> str:
    key = piece[2:-1]
    if key not in params:
        place = text.find(piece) + 1
        raise InvalidFilter(f"There is no parameter for {piece}: send p.{key} (at character {place}).")
    value = params[key]
    if isinstance(value, str):
        check_characters(value, f"The parameter p.{key}")
        return _take(value, literals)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _number(value, key, literals)
    if isinstance(value, datetime):
        return _take(stamp(value.astimezone(UTC) if value.tzinfo else value), literals)
    raise InvalidFilter(f"The parameter p.{key} must be a text, a number, true, false or null.")


def _number(value: float, key: str, literals: list[str]) -> str:
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond every double
        finite = False
    if not finite:
        raise InvalidFilter(f"The parameter p.{key} is no number that fits into 64 bits.")
    whole = isinstance(value, int) or value.is_integer()
    literals.append(str(int(value)) if whole else repr(value))
    return _MARKS[Form.WHOLE if whole and abs(value) <= MAX_WHOLE else Form.REAL]


def check_characters(text: str, what: str) -> None:
    """Raise InvalidFilter for a text that PostgreSQL cannot hold: with NUL, or with half a surrogate pair."""
    if MARK in text or (not text.isascii() and _SURROGATE.search(text) is not None):
        raise InvalidFilter(f"{what} holds a character that no text can hold.")


def place_in(text: str, pieces: list[str], at: int) -> int:
    """The place in a text, in characters from 1, of a place in the shape that `pull` made from it."""
    origin = 0
    for written, marked in zip(_PULL.split(text), pieces, strict=True):
        if at < len(marked):
            return origin + (at if marked == written else 0) + 1
        at -= len(marked)
        origin += len(written)
    return origin + at + 1
