"""Json fields: any JSON value."""

import re
from typing import Any, ClassVar, Final, LiteralString, cast

import msgspec
from typing_extensions import override

from holdfast.db.sql import Sql
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.limits import size_problem

DEFAULT_MAX_BYTES: Final = 1 << 20  # where `maxSize` is 0, as in PocketBase
MAX_DEPTH: Final = 64  # levels of lists and objects
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_BLANK: Final = frozenset((None, "null", '""', "[]", "{}"))
_NUMERAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class JsonField(Field, frozen=True, kw_only=True, tag="json"):
    """Any JSON value of at most `maxSize` bytes (0: 1 MiB) and 64 levels. JSON null is no value at all."""

    max_size: int = 0

    kind: ClassVar[Kind] = Kind.JSON
    type: ClassVar[str] = "json"

    @override
    def column(self) -> Column:
        return Column("jsonb", not_null=False)

    @property
    @override
    def cast(self) -> LiteralString:
        return "jsonb"

    @override
    def out(self, column: Sql) -> Sql:
        return column

    @override
    def read(self, value: object) -> object:
        found = _from_string(value) if isinstance(value, str) else value
        if found is None:
            return None
        _check_depth(found)
        text = encode_json(found)
        most = self.max_size or DEFAULT_MAX_BYTES
        if len(text) > most:
            raise FieldError("validation_json_size_limit", f"Must have at most {most} bytes.")
        return text.decode()

    @override
    def is_blank(self, taken: object) -> bool:
        return taken in _BLANK

    @override
    def zero(self) -> object:
        return None

    @property
    @override
    def can_be_unique(self) -> bool:
        return False

    @override
    def problems(self) -> dict[str, Problem]:
        return size_problem(self.max_size)


def encode_json(value: object) -> bytes:
    """JSON that PostgreSQL's jsonb takes. Raises FieldError for NUL characters and lone surrogates."""
    try:
        text = msgspec.json.encode(value)
    except (UnicodeEncodeError, TypeError, RecursionError) as failure:
        raise FieldError("validation_invalid_json", "Must be JSON, without half surrogate pairs.") from failure
    if b"\\u0000" in text and _NUL.search(text) is not None:
        raise FieldError("validation_invalid_json", "Must not hold a NUL character.")
    return text


def _from_string(text: str) -> Any:
    """What a string stands for: a form can send nothing else, so JSON in a string is read, as PocketBase does.

    Anything that is not JSON stays the string that it is.
    """
    bare = text.strip()
    if not (bare in ("true", "false", "null") or bare[:1] in ("{", "[", '"') or _NUMERAL.fullmatch(bare)):
        return text
    try:
        return msgspec.json.decode(bare)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return text


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for item in level if isinstance(item, dict | list) for inner in _inner(item)]
        if not level:
            return
    raise FieldError("validation_invalid_json", f"Must not be nested deeper than {MAX_DEPTH} levels.")


def _inner(item: Any) -> list[Any]:
    return list(cast(dict[str, Any], item).values()) if isinstance(item, dict) else cast(list[Any], item)
