"""A shape is cut into tokens."""

import enum
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from holdfast.expressions.tree import Unreadable


class Sort(enum.Enum):
    """What a token is, named as the groups of the pattern below."""

    SPACE = "space"
    EMPTY = "empty"
    SLOT = "slot"
    OPERATOR = "operator"
    JOIN = "join"
    OPEN = "open"
    CLOSE = "close"
    COMMA = "comma"
    PATH = "path"
    END = "end"


_TOKEN: Final = re.compile(
    r"(?P<space>\s+)"
    r"|\x00(?:(?P<empty>e)|(?P<slot>[a-zA-Z]))"
    r"|(?P<operator>\??(?:!=|>=|<=|!~|=|>|<|~))"
    r"|(?P<join>&&|\|\|)"
    r"|(?P<open>\()|(?P<close>\))|(?P<comma>,)"
    r"|(?P<path>@?[^\W\d]\w*(?::\w+)?(?:\.\w+(?::\w+)?)*)"
)
_HINTS: Final[Mapping[str, str]] = {
    "&": "and is written &&",
    "|": "or is written ||",
    "!": "not equal is written !=, not like !~",
    "?": "the ? stands before an operator, as in ?=",
    "{": "a parameter is written {:name}",
}


class Token(msgspec.Struct, frozen=True):
    """One word or sign, and where it begins."""

    sort: Sort
    text: str
    at: int


def tokenize(shape: str) -> Iterator[Token]:
    """The tokens without white space, and at last one of sort END.

    Raises Unreadable at the first character that begins none.
    """
    at = 0
    while at < len(shape):
        found = _TOKEN.match(shape, at)
        if found is None:
            char = shape[at]
            hint = f": {_HINTS[char]}" if char in _HINTS else ""
            raise Unreadable(at, f"{char!r} cannot stand here{hint}")
        sort = Sort(found.lastgroup)
        if sort is not Sort.SPACE:
            yield Token(sort, found[sort.value], at)
        at = found.end()
    yield Token(Sort.END, "", at)
