"""Records of a file become lines for COPY, many at a time and column by column; what cannot is told."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from holdfast.errors import Problem
from holdfast.schema.field import Field, FieldError
from holdfast.schema.field_default import CALLER
from holdfast.transfer.asked import ImportAsked
from holdfast.transfer.columns import Into, Refused, find_column
from holdfast.transfer.converter import ColumnConverter, Found, makes_values
from holdfast.transfer.copy_text import DELIMITER, NULL, escape, numbers
from holdfast.transfer.csv_reading import Record
from holdfast.transfer.layout import Layout
from holdfast.transfer.ndjson_reading import JsonRecord
from holdfast.transfer.report import Findings

_ABSENT: Final = object()
_PASSWORDS: Final = "password"


class Encoded(msgspec.Struct, frozen=True):
    """Rows for the staging table: how many columns they have, their cells column by column, and their lines.

    `plain` are the numbers of cells' columns that hold passwords which have to be hashed.
    """

    width: int
    lines: list[int]
    cells: list[list[str]]
    plain: tuple[int, ...] = ()

    def text(self) -> str:
        """What COPY takes."""
        if not self.lines:
            return ""
        rows = zip(map(str, self.lines), *self.cells, strict=True)
        return "\n".join([DELIMITER.join(row) for row in rows]) + "\n"


class Encoder:
    """Encodes the records of one file."""

    def __init__(self, layout: Layout, findings: Findings) -> None:
        self._layout = layout
        self._findings = findings
        self._converters: list[ColumnConverter] = []
        self._known: dict[str, int | Problem | None] = {}
        self._must: dict[str, Problem] = {}
        if layout.asked.mode == "insert" and not layout.is_csv:
            self._must = needed(layout.into)

    def _sync(self) -> list[ColumnConverter]:
        """A converter for each column that there is by now."""
        layout, have = self._layout, self._converters
        for column in layout.columns[len(have) :]:
            have.append(ColumnConverter(layout.asked, layout.into.catalog, column))
        return have

    def csv(self, records: Sequence[Record], places: Sequence[int | None]) -> Encoded:
        """Encode records of CSV; `places` says which column of the layout each of their cells belongs to."""
        width = len(places)
        good: list[Record] = []
        for line, cells in records:
            if len(cells) == width:
                good.append((line, cells))
                continue
            message = f"There are {len(cells)} cells where the header has {width}."
            self._findings.fail(line, [("", "", Problem("validation_wrong_columns", message))])
        given: dict[int, Sequence[Any]] = {}
        if good:
            by_place = zip(*(cells for _, cells in good), strict=True)
            given = {at: cells for at, cells in zip(places, by_place, strict=True) if at is not None}
        empty = [""] * len(good)
        columns = [given.get(at, empty) for at in range(len(self._layout.columns))]
        return self._encoded([line for line, _ in good], columns, [])

    def json(self, records: Sequence[JsonRecord]) -> Encoded:
        """Encode records of NDJSON. A member with a new name is a new column of the layout."""
        lines: list[int] = []
        members: list[dict[int, Any]] = []
        given: list[str] = []
        for line, record in records:
            if isinstance(record, Problem):
                self._findings.fail(line, [("", "", record)])
                continue
            found, problems = self._members(record)
            if problems:
                self._findings.fail(line, problems)
                continue
            lines.append(line)
            members.append(found)
            given.append(numbers(tuple(found)))
        columns: list[Sequence[Any]] = [
            [one.get(at, _ABSENT) for one in members] for at in range(len(self._layout.columns))
        ]
        return self._encoded(lines, columns, [given])

    def _members(self, record: Mapping[str, Any]) -> tuple[dict[int, Any], list[tuple[str, str, Problem]]]:
        """The values of a record by the numbers of their columns, and what is wrong with its names."""
        found: dict[int, Any] = {}
        problems: list[tuple[str, str, Problem]] = []
        fields: set[str] = set()
        for label, value in record.items():
            at = self._find(label)
            if isinstance(at, Problem):
                problems.append((label, "", at))
            elif at is not None:
                field = self._layout.columns[at].field.name
                if field in fields:
                    problems.append((label, "", Problem("validation_duplicate_column", "The field is set twice.")))
                fields.add(field)
                found[at] = value
        problems += [(name, "", problem) for name, problem in self._must.items() if name not in fields]
        return found, problems

    def _find(self, label: str) -> int | Problem | None:
        if label not in self._known:
            try:
                column = find_column(self._layout.into, label)
                found = None if column is None else self._layout.add(column)
            except Refused as refusal:
                found = refusal.problem
            if len(self._known) > 10_000:  # names without end: they are looked up each time
                return found
            self._known[label] = found
        return self._known[label]

    def _encoded(self, lines: list[int], columns: list[Sequence[Any]], before: list[list[str]]) -> Encoded:
        found = [self._column(converter, given) for converter, given in zip(self._sync(), columns, strict=True)]
        if self._layout.hooked:
            before = [*before, self._bodies(columns, len(lines))]
        wrong = sorted({at for one in found for at in one.problems})
        cells = [*before, *(one.texts for one in found)]
        offset = len(before)
        plain = tuple(
            offset + at
            for at, one in enumerate(self._converters)
            if one.is_secret and not one.column.is_hash and not self._layout.hooked
        )
        if not wrong:
            return Encoded(len(found), lines, cells, plain)
        for at in wrong:
            self._findings.fail(lines[at], self._problems(at, found, columns))
        bad = set(wrong)
        kept = [at for at in range(len(lines)) if at not in bad]
        cells = [[column[at] for at in kept] for column in cells]
        return Encoded(len(found), [lines[at] for at in kept], cells, plain)

    def _column(self, converter: ColumnConverter, given: Sequence[Any]) -> Found:
        if self._layout.is_csv:
            return converter.all(given)
        makes = self._layout.asked.creates and makes_values(converter.column.field)
        there = [at for at, value in enumerate(given) if makes or value is not _ABSENT]
        found = converter.all([None if given[at] is _ABSENT else given[at] for at in there])
        texts = [NULL] * len(given)
        for at, text in zip(there, found.texts, strict=True):
            texts[at] = text
        return Found(texts, {there[at]: problem for at, problem in found.problems.items()})

    def _problems(
        self, at: int, found: Iterable[Found], columns: Sequence[Sequence[Any]]
    ) -> Iterable[tuple[str, str, Problem]]:
        for converter, one, given in zip(self._converters, found, columns, strict=True):
            if at in one.problems:
                value = "" if converter.is_secret else _told(given[at])
                yield converter.column.label, value, one.problems[at]

    def _bodies(self, columns: Sequence[Sequence[Any]], count: int) -> list[str]:
        """What bodies over HTTP would hold, as JSON by the labels of the columns."""
        bodies: list[dict[str, object]] = [{} for _ in range(count)]
        for at in self._layout.explicit:
            converter = self._converters[at]
            for body, given in zip(bodies, columns[at], strict=True):
                if given is not _ABSENT:
                    _put(body, converter, given)
        return [escape(msgspec.json.encode(body).decode()) for body in bodies]


def _put(body: dict[str, object], converter: ColumnConverter, given: Any) -> None:
    try:
        body[converter.column.label] = converter.value_of(given)
    except FieldError:
        return  # it is told where the column is converted


def _told(value: Any) -> str:
    """A value as the report shows it."""
    if value is _ABSENT or value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def needed(into: Into) -> dict[str, Problem]:
    """The fields without which no record can be made, and what is said where they are missing."""
    found: dict[str, Problem] = {}
    for field in into.collection.fields:
        if field.settable and not makes_values(field) and not _is_password(into, field):
            try:
                field.take(field.initial("x" if field.default == CALLER else field.default))
            except FieldError as failure:
                if field.default is None:
                    found[field.name] = failure.problem
    return found


def _is_password(into: Into, field: Field) -> bool:
    """An account without a password is made with one that nobody knows."""
    return into.collection.is_auth and field.system and field.name == _PASSWORDS


def missing(layout: Layout, asked: ImportAsked) -> dict[str, Problem]:
    """What a file lacks of which no line can be imported. NDJSON is asked line by line."""
    if asked.mode != "insert" or not layout.is_csv:
        return {}
    return {name: problem for name, problem in needed(layout.into).items() if layout.find(name) is None}
