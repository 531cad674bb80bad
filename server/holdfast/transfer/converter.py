"""From the cells of a column to the text that COPY takes, by the same checks that a write over the API does. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import Problem
from holdfast.passwords import is_hash
from holdfast.schema.autodate import AutodateField
from holdfast.schema.date import DateField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.password import PasswordField
from holdfast.schema.text import TextField
from holdfast.transfer.asked import ImportAsked
from holdfast.transfer.bulk import bulk_of, plain_point
from holdfast.transfer.cells import is_textual, read_cell, read_value
from holdfast.transfer.columns import FileColumn, unknown_roles
from holdfast.transfer.copy_text import NULL, encoder
from holdfast.transfer.dates import Dates, as_iso

Convert: TypeAlias = Callable[[Any], str]
"""A cell, or a value of NDJSON, as COPY takes it. Raises FieldError."""

MOST_KEPT: Final = 5000  # values of a column that are remembered: few are ever different in most columns
MAX_KEPT_CHARS: Final = 100
_NO_FILES: Final = "Files cannot be imported: leave the column out, or ask for ignoreUnknown."


class Found:
    """What became of the cells of one column: their texts, and what is wrong with some, by their places."""

    __slots__ = ("problems", "texts")

    def __init__(self, texts: list[str], problems: dict[int, Problem]) -> None:
        self.texts = texts
        self.problems = problems


class ColumnConverter:
    """Converts one column. `value_of` gives what a body over HTTP would hold, for plugins that are asked."""

    def __init__(self, asked: ImportAsked, catalog: Catalog, column: FileColumn) -> None:
        self.column = column
        self._is_csv = asked.format == "csv"
        self._guarded = asked.guard
        self._null = asked.null
        self._empties = bool(asked.null) and not is_textual(column.field)
        self._check = checker(asked, catalog, column)
        self._encode = encoder(column.field.cast)
        self._is_point = isinstance(column.field, GeoPointField)
        self._keeps = self._is_csv and _can_be_kept(column.field)
        self._dates: Dates = asked.dates if isinstance(column.field, AutodateField | DateField) else "iso"
        plain = self._is_csv and self._dates == "iso" and (self._empties or not asked.null)
        self._bulk = bulk_of(column) if plain else None
        self._kept: dict[str, str] = {}

    @property
    def is_secret(self) -> bool:
        """Whether no value of the column may be told."""
        return isinstance(self.column.field, PasswordField)

    def value_of(self, given: Any) -> object:
        """The value behind a cell."""
        field = self.column.field
        found = (
            read_cell(field, given, guarded=self._guarded, null=self._null)
            if self._is_csv
            else read_value(field, given)
        )
        return as_iso(found, self._dates) if isinstance(found, str) and self._dates != "iso" else found

    def all(self, given: Sequence[Any]) -> Found:
        """Convert the cells of many records."""
        if self._empties:  # nothing but null is empty in them
            given = ["" if cell == self._null else cell for cell in given]
        if self._bulk is not None and given:
            texts = self._bulk(given)
            if texts is not None:
                return Found(texts, {})
        known: list[str | None] = list(map(self._kept.get, given)) if self._keeps else [None] * len(given)
        problems: dict[int, Problem] = {}
        made = [self._text(given[at], problems, at) if text is None else text for at, text in enumerate(known)]
        return Found(made, problems)

    def _text(self, cell: Any, problems: dict[int, Problem], at: int) -> str:
        try:
            text = self.one(cell)
        except FieldError as failure:
            problems[at] = failure.problem
            return NULL
        if self._keeps and len(self._kept) < MOST_KEPT and len(cell) < MAX_KEPT_CHARS:
            self._kept[cell] = text
        return text

    def one(self, given: Any) -> str:
        """Convert one. Raises FieldError."""
        if self._is_point and self._is_csv:
            text = plain_point(given)
            if text:
                return text
        taken = self._check(self.value_of(given))
        return NULL if taken is None else self._encode(taken)


def makes_values(field: Field) -> bool:
    """Whether the field makes a value for every record that comes without one: ids, token keys, generated texts."""
    return isinstance(field, TextField) and bool(field.autogenerate_pattern) and field.default is None


def _can_be_kept(field: Field) -> bool:
    generates = isinstance(field, TextField) and bool(field.autogenerate_pattern)
    return not generates and not isinstance(field, PasswordField)


def checker(asked: ImportAsked, catalog: Catalog, column: FileColumn) -> Callable[[object], object]:
    """What checks the values of a column, as the field does in a write. Raises FieldError."""
    field = column.field
    if isinstance(field, FileField):
        return _no_file
    if column.is_hash:
        return _hash
    if isinstance(field, PasswordField):
        return _password(asked, field)
    if column.natural is not None:
        return _natural(column)
    if isinstance(field, TextField) and field.autogenerate_pattern and asked.creates:
        return lambda value: field.take(field.initial(value))
    if field.system and field.type == "select":
        return _roles(catalog, field)
    return field.take


def _no_file(value: object) -> object:
    if value in (None, "", []):
        return None
    raise FieldError("validation_invalid_file", _NO_FILES)


def _hash(value: object) -> object:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not is_hash(value) or not value.isascii() or len(value) > 300:
        raise FieldError("validation_invalid_value", "Must be a hash of Argon2 or bcrypt, with its $ signs.")
    return value


def _password(asked: ImportAsked, field: PasswordField) -> Callable[[object], object]:
    """A password is hashed later. Without one an account that is there keeps the one that it has."""

    def check(value: object) -> object:
        if value in (None, "") and (asked.updates or not field.required):
            return None
        return field.take(value)

    return check


def _natural(column: FileColumn) -> Callable[[object], object]:
    field, folded = column.field, column.folded

    def check(value: object) -> object:
        taken = field.take(value)
        if not folded:
            return taken
        if isinstance(taken, list):
            return [one.lower() for one in cast("list[str]", taken)]
        return None if taken is None else str(taken).lower()

    return check


def _roles(catalog: Catalog, field: Field) -> Callable[[object], object]:
    def check(value: object) -> object:
        taken = field.take(value)
        problem = unknown_roles(catalog, field, taken)
        if problem is not None:
            raise FieldError(problem.code, problem.message)
        return taken

    return check
