"""Values as COPY reads them in its text format: how each type is written, and what has to be escaped. Pure."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

Encode: TypeAlias = Callable[[Any], str]

NULL: Final = "\\N"
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PLAIN: Final[dict[str, str]] = {"n": "\n", "t": "\t", "r": "\r"}
DELIMITER: Final = "\t"


def encoder(cast: str) -> Encode:
    """What writes values of this PostgreSQL type, as a field's `cast` names it."""
    return _ENCODERS[cast.partition("::")[0]]


def escape(text: str) -> str:
    """A text as a cell."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "\n" in text:
        text = text.replace("\n", "\\n")
    if "\t" in text:
        text = text.replace("\t", "\\t")
    return text.replace("\r", "\\r") if "\r" in text else text


def unescape(cell: str) -> str:
    """The text that `escape` has made a cell of."""
    return _ESCAPED.sub(lambda found: _PLAIN.get(found[1], found[1]), cell)


def texts(items: list[str]) -> str:
    """A list of texts as a cell."""
    quoted = ['"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items]
    return escape("{" + ",".join(quoted) + "}")


def numbers(items: tuple[int, ...]) -> str:
    """A list of numbers as a cell."""
    return "{" + ",".join(map(str, items)) + "}"


def _flag(value: bool) -> str:
    return "t" if value else "f"


def _moment(value: datetime) -> str:
    return value.isoformat(sep=" ")


def _point(value: tuple[float, float]) -> str:
    return f"({value[0]!r},{value[1]!r})"


_ENCODERS: Final[dict[str, Encode]] = {
    "text": escape,
    "text[]": texts,
    "jsonb": escape,
    "boolean": _flag,
    "bigint": str,
    "double precision": repr,
    "numeric": str,
    "timestamptz": _moment,
    "point": _point,
}
