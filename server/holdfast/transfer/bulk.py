"""Whole columns of plain cells are converted in a few steps, without a look at each of them. Pure.

What a field checks of every value (docs in schema/) holds for all cells of a column if it holds for their shortest and
their longest, and for all their characters. Where it does not, or may not, the cells are converted one by one.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from holdfast.schema.ids import ID_LENGTH
from holdfast.schema.number import NumberField
from holdfast.schema.text import DEFAULT_MAX_CHARS, TextField
from holdfast.transfer.columns import FileColumn
from holdfast.transfer.copy_text import escape

Bulk: TypeAlias = Callable[[Sequence[str]], "list[str] | None"]
"""The cells as COPY takes them; None if they have to be looked at one by one."""

MAX_DIGITS: Final = 15  # of a whole number that needs no look at its size
_BETWEEN: Final = "\x01"  # no text that anybody means; where one has it, its column is only slower
_IDS: Final = re.compile(r"[a-z0-9]+")
_POINT: Final = re.compile(r'\{"lon":(-?[0-9]{1,3}(?:\.[0-9]{1,15})?),"lat":(-?[0-9]{1,2}(?:\.[0-9]{1,15})?)\}')
_ID_PATTERN: Final = "^[a-z0-9]+$"


def bulk_of(column: FileColumn) -> Bulk | None:
    """How cells of CSV are converted together; None for a type of field that has no such way."""
    field = column.field
    if column.natural is not None:
        return None
    if isinstance(field, TextField):
        return _texts(field)
    if isinstance(field, NumberField) and field.only_int and field.min is None and field.max is None:
        return _whole(field)
    return None


def _texts(field: TextField) -> Bulk | None:
    is_id = field.primary_key and field.pattern == _ID_PATTERN and field.min == field.max == ID_LENGTH
    if not is_id and (field.pattern or field.autogenerate_pattern):
        return None
    least = field.min
    most = field.max or DEFAULT_MAX_CHARS
    may_be_empty = not (field.required or field.nullable or least)

    def convert(cells: Sequence[str]) -> list[str] | None:
        lengths = set(map(len, cells))
        if max(lengths) > most or min(lengths) < least or not (may_be_empty or min(lengths)):
            return None
        together = _BETWEEN.join(cells)
        if is_id:
            return list(cells) if _IDS.fullmatch("".join(cells)) else None
        # An apostrophe at the beginning of a cell may be a guard; what UTF-8 was read holds no half of a pair.
        if "\0" in together or together[:1] == "'" or _BETWEEN + "'" in together:
            return None
        return list(map(escape, cells)) if _has_special(together) else list(cells)

    return convert


def _has_special(text: str) -> bool:
    return "\\" in text or "\n" in text or "\t" in text or "\r" in text


def _whole(field: NumberField) -> Bulk:
    def convert(cells: Sequence[str]) -> list[str] | None:
        digits = "".join(cells)
        lengths = set(map(len, cells))
        if not (digits.isascii() and digits.isdecimal()) or not min(lengths) or max(lengths) > MAX_DIGITS:
            return None
        # Required numbers are not 0; a number that begins with a digit from 1 on is not.
        return None if field.required and any(cell[0] == "0" for cell in cells) else list(cells)

    return convert


def plain_point(cell: str) -> str:
    """A place that is written as an export writes it, as COPY takes it; empty for any other cell."""
    found = _POINT.fullmatch(cell)
    if found is None:
        return ""
    lon, lat = found.groups()
    # 0 may have a sign, and no place may be on both zeros: the field knows.
    return f"({lon},{lat})" if 0 < abs(float(lon)) <= 180 and 0 < abs(float(lat)) <= 90 else ""
