"""What `~` looks for, as a pattern for PostgreSQL's LIKE."""

import re
from typing import Final

_ESCAPED: Final = re.compile(r"\\[%_\\]|[%_\\]")
_PART: Final = re.compile(r"(?s)\\(.)|\\$")


def like_pattern(text: str) -> str:
    r"""The pattern that finds a text anywhere, or, if it holds a % of its own, the one that it is.

    In such a pattern % stands for anything and _ for one character. A backslash takes the meaning of the
    character after it: \% is a percent sign in both. Every other backslash is one, also at the end, where LIKE
    would fail.
    """
    if any(found[0] == "%" for found in _ESCAPED.finditer(text)):
        return _PART.sub(_part, text)
    return "%" + _ESCAPED.sub(_escaped, text) + "%"


def _part(found: re.Match[str]) -> str:
    return found[0] if found[1] and found[1] in "%_\\" else "\\\\" + (found[1] or "")


def _escaped(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) == 2 else "\\" + found[0]
