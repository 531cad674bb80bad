"""Patterns of fields: regular expressions that run in linear time, whatever the pattern and the text.

RE2 has no backtracking, so a pattern like `(a+)+$` cannot hold the server up (Python's `re` can). What it
does not know (look-around, back-references) is refused when the field is saved.
"""

from typing import Any, Final, cast

import re2  # pyright: ignore[reportMissingTypeStubs]
from typing_extensions import Protocol

MAX_PATTERN_CHARS: Final = 1000
_re2: Final = cast(Any, re2)
_MEMORY: Final = 1 << 20  # bytes for one compiled pattern: stops `(a{1000}){1000}`


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> object | None:
        """A match anywhere in the text, or None."""
        ...


class InvalidPattern(ValueError):
    """The text is no pattern; the message says why."""


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern. It may match anywhere unless it says `^` and `$`, as in PocketBase.

    Raises InvalidPattern.
    """
    if len(text) > MAX_PATTERN_CHARS:
        raise InvalidPattern(f"it is longer than {MAX_PATTERN_CHARS} characters")
    options = _re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return _re2.compile(text, options)
    except _re2.error as failure:
        raise InvalidPattern(_reason(failure)) from failure


def _reason(failure: Exception) -> str:
    said = failure.args[0] if failure.args else b""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
