"""A sort such as `-created,author.name` becomes the keys that rows are ordered by."""

import re
from collections.abc import Mapping
from typing import Final, LiteralString

import msgspec

from holdfast.catalog.row import Row
from holdfast.catalog.side import ListSide, Sides
from holdfast.catalog.term import Names
from holdfast.db.sql import Sql, raw
from holdfast.errors import InvalidSort
from holdfast.expressions.kind import Kind
from holdfast.expressions.parse import meant, read_path
from holdfast.expressions.tree import Unreadable
from holdfast.expressions.value import Value, shown_text

MAX_KEYS: Final = 8
MAX_CHARS: Final = 3500
RANDOM: Final = "@random"
ROWID: Final = "@rowid"
_PATH: Final = re.compile(r"[^\W\d]\w*(?::\w+)?(?:\.\w+(?::\w+)?)*")
_CASTS: Final[Mapping[Kind, LiteralString]] = {
    Kind.TEXT: "text",
    Kind.NUMBER: "double precision",
    Kind.DECIMAL: "numeric",
    Kind.BOOL: "boolean",
    Kind.DATE: "timestamptz",
    Kind.JSON: "jsonb",
}


class SortKey(msgspec.Struct, frozen=True):
    """One key of a sort. `cast` is the type of `sql`; `path` is what was asked for, without its sign.

    Null comes before every value: where `nullable`, order NULLS FIRST if ascending and NULLS LAST if descending.
    """

    sql: Sql
    descending: bool
    nullable: bool
    kind: Kind
    path: str
    cast: LiteralString


def read_sort(text: str, names: Names, sides: Sides, base: Row) -> tuple[SortKey, ...]:
    """The keys of a sort. Raises InvalidSort for what cannot be sorted by, with the nearest name."""
    if len(text) > MAX_CHARS:
        raise InvalidSort(f"A sort has at most {MAX_CHARS} characters.")
    wanted = [part.strip() for part in text.split(",")]
    wanted = [part for part in wanted if part]
    if len(wanted) > MAX_KEYS:
        raise InvalidSort(f"A sort has at most {MAX_KEYS} keys.")
    return tuple(_key(part, names, sides, base) for part in wanted)


def _key(part: str, names: Names, sides: Sides, base: Row) -> SortKey:
    path = part[1:].strip() if part[0] in "+-" else part
    try:
        value, cast = _value(path, names, sides, base)
    except Unreadable as failure:
        raise InvalidSort(failure.told(f'in the sort key "{part[:100]}"')) from None
    return SortKey(value.sql, part[0] == "-", value.nullable, value.kind, path, cast)


def _value(path: str, names: Names, sides: Sides, base: Row) -> tuple[Value, LiteralString]:
    if path == RANDOM:
        return Value(raw("random()"), Kind.NUMBER), "double precision"
    if path == ROWID:
        return Value(base.column("id"), Kind.TEXT), "text"
    if path.startswith("@"):
        raise Unreadable(0, f'There is no "{path}" to sort by{meant(path, (RANDOM, ROWID))}')
    if _PATH.fullmatch(path) is None:
        raise Unreadable(0, f"{path!r} is no field")
    found = names.find(read_path(path, 0))
    if found.manys:
        raise Unreadable(0, f'"{path}" leads to many values, which have no order')
    side = sides.side(names.without_id(found), {})
    if isinstance(side, ListSide):
        return Value(raw("array_to_string(") + side.column + raw(", ',')"), Kind.TEXT, nullable=True), "text"
    assert isinstance(side, Value)  # a path is a list or a value
    value = shown_text(side)
    if value.kind not in _CASTS:
        raise Unreadable(0, f'"{path}" has no order')
    if value.kind is Kind.JSON:
        return msgspec.structs.replace(value, sql=raw("nullif(") + value.sql + raw(", 'null')")), "jsonb"
    return value, "bigint" if value.whole else _CASTS[value.kind]
