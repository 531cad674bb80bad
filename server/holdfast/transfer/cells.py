"""The cells of a CSV file: what stands in them for a value, and which value they stand for. Pure.

A spreadsheet takes a cell that begins with one of `= + - @`, a tab or a carriage return for a formula. Such texts go
out behind an apostrophe, and so do texts that would look as if they had been, so that taking it off again is exact.
"""

import re
from typing import Any, Final

import msgspec

from holdfast.expressions.kind import Kind
from holdfast.schema.field import Field, FieldError
from holdfast.schema.json import JsonField

_BEGINNINGS: Final = frozenset("'=+-@\t\r")
# The apostrophes of a text that needs one more, and of one that has had it. A cell of nothing but apostrophes is one
# for an empty text where an empty cell is null.
_NEEDS: Final = re.compile(r"'*[=+\-@\t\r]|'+\Z")
_HAS: Final = re.compile(r"'+(?:[=+\-@\t\r]|\Z)")
_LIST_BEGINS: Final = "["


def guard(text: str, null: str = "") -> str:
    """A text as a cell that no spreadsheet runs, and that is not taken for `null`, the text that stands for null."""
    if text and text[0] in _BEGINNINGS and _NEEDS.match(text):
        return f"'{text}"
    return f"'{text}" if null and text.lstrip("'") == null else text


def unguard(cell: str, null: str = "") -> str:
    """The text behind a cell that `guard` has made."""
    if cell[:1] != "'":
        return cell
    return cell[1:] if _HAS.match(cell) or (null and cell.lstrip("'") == null) else cell


def write_cell(field: Field | None, raw: bytes, *, guarded: bool, null: str = "") -> str:
    """The cell for the JSON of a field's value; `field` is None for what belongs to no field, such as a label."""
    if isinstance(field, JsonField):
        return null if raw == b"null" else raw.decode()
    value: Any = msgspec.json.decode(raw)
    if value is None:
        return null
    if not isinstance(value, str):
        return raw.decode()
    if not guarded or (field is not None and not is_textual(field)):
        return value
    if not value and not null and field is not None and field.nullable and not field.many:
        return "'"
    return guard(value, null)


def is_textual(field: Field) -> bool:
    """Whether the field's cells are texts that somebody has chosen, and not numbers or dates."""
    return field.kind is Kind.TEXT


def read_cell(field: Field, cell: str, *, guarded: bool, null: str = "") -> object:
    """The value that a cell stands for, as a JSON body would have it. An empty cell is no value: null.

    Where another text stands for null, an empty cell of a text is an empty text. Raises FieldError for a cell that has
    to be JSON and is not.
    """
    if cell == null:
        return None
    if not cell:
        return "" if field.nullable and is_textual(field) and not field.many else None
    if isinstance(field, JsonField):
        return json_text(_json(cell))
    if field.many and is_textual(field):
        return _many(cell, guarded=guarded)
    return unguard(cell, null) if guarded else cell


def read_value(field: Field, value: object) -> object:
    """The same for a value of NDJSON: it is what it is. Of a json field, a string stays that string."""
    return json_text(value) if isinstance(field, JsonField) else value


def json_text(value: object) -> object:
    """A value for a json field, which would read a string as the JSON in it: a form can send nothing else."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError as failure:
        raise FieldError("validation_invalid_json", "Must be JSON, without half surrogate pairs.") from failure


def _many(cell: str, *, guarded: bool) -> object:
    """A JSON list, or one bare value."""
    if cell.startswith(_LIST_BEGINS):
        try:
            return msgspec.json.decode(cell, type=list[Any])
        except (msgspec.DecodeError, RecursionError):
            pass
    return [unguard(cell) if guarded else cell]


def _json(cell: str) -> object:
    try:
        return msgspec.json.decode(cell)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as failure:
        raise FieldError("validation_invalid_json", "Must be JSON: a text stands in quotes.") from failure
