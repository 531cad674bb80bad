"""The records of a list go out as a file: out of one snapshot, a few at a time, as fast as the client takes them."""

import csv
import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Final, TypeAlias

import asyncpg
import msgspec

from holdfast.db.pool import Connection, Pool, Row
from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.records.plan import Asked, Plan, inputs, plan_all
from holdfast.records.render import compact
from holdfast.rules.access import audience
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField
from holdfast.transfer.cells import write_cell
from holdfast.transfer.export_asked import ExportAsked, ExportColumn, columns_of, query_of

PIECE_BYTES: Final = 64 << 10
FIRST_ROWS: Final = 50
MOST_ROWS: Final = 1000  # at once; fewer where records are large
FETCHED_BYTES: Final = 1 << 20  # about as much is fetched at once
_BOM: Final = "\ufeff"
_NULL: Final = msgspec.Raw(b"null")
_decode: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.json.encode

Change: TypeAlias = Callable[[list[bytes]], Awaitable[list[bytes]]]
"""Gives what plugins leave of some records."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export that may be made."""

    plan: Plan
    columns: tuple[ExportColumn, ...]
    asked: ExportAsked
    facts: Facts


def plan_export(engine: Engine, collection: Collection, facts: Facts, asked: ExportAsked) -> Export:
    """Plan an export under the list rule. Raises Forbidden, InvalidFilter, InvalidSort, BadRequest."""
    of = Asked(engine.catalog, collection, audience(facts.who))
    relations = [field for field in collection.fields if isinstance(field, RelationField)]
    targets = {field.name: engine.catalog.target(field) for field in relations}
    columns = columns_of(collection, of.access("list"), asked, targets)
    return Export(plan=plan_all(of, query_of(asked, columns)), columns=columns, asked=asked, facts=facts)


async def pieces_of(engine: Engine, export: Export, change: Change | None = None) -> AsyncGenerator[bytes, None]:
    """The file."""
    writer = _CsvWriter(export) if export.asked.format == "csv" else _JsonWriter(export)
    tail = tail_of(export)
    yield writer.head()
    waiting: list[bytes] = []
    size = 0
    async with aclosing(_rows(engine.pool, export)) as turns:
        async for rows in turns:
            items = [compact(row["item"].encode(), spaced=export.plan.compiled.spaced) for row in rows]
            if change is not None:
                items = await change(items)
            waiting.append(writer.rows(items))
            size += len(waiting[-1])
            if size >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
    if size:
        yield b"".join(waiting)
    if tail:
        yield tail


def tail_of(export: Export) -> bytes:
    """The last piece of the file, which is no record: of a JSON list its end."""
    return b"\n]\n" if export.asked.format == "json" else b""


async def _rows(pool: Pool, export: Export) -> AsyncGenerator[list[Row], None]:
    """The records, some at a time, all of one moment."""
    connection = await _connect(pool)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            statement = export.plan.compiled.statement
            args = statement.args(inputs({}, export.facts, export.plan.literals))
            cursor = await connection.cursor(statement.text, *args)
            count = FIRST_ROWS
            while rows := await cursor.fetch(count):
                yield rows
                size = sum(len(row["item"]) for row in rows) or 1
                count = max(1, min(MOST_ROWS, len(rows) * FETCHED_BYTES // size))
    finally:
        if not connection.is_closed():
            connection.terminate()


async def _connect(pool: Pool) -> Connection:
    """A connection of the export's own: a slow client must not keep one from those who come to read."""
    try:
        return await pool.connect()
    except (asyncpg.PostgresError, OSError) as failure:
        raise Unavailable("The database has no connection for an export just now: try again later.") from failure


class _CsvWriter:
    """Writes records as CSV."""

    def __init__(self, export: Export) -> None:
        self._columns = export.columns
        self._asked = export.asked

    def head(self) -> bytes:
        """The first line."""
        line = self._lines([[column.header for column in self._columns]])
        return (_BOM.encode() if self._asked.bom else b"") + line

    def rows(self, items: Iterable[bytes]) -> bytes:
        """Records as lines."""
        return self._lines([self._cells(_decode(item)) for item in items])

    def _lines(self, rows: Iterable[Iterable[str]]) -> bytes:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self._asked.delimiter).writerows(rows)
        return out.getvalue().encode()

    def _cells(self, record: Mapping[str, msgspec.Raw]) -> list[str]:
        related = _related(record)
        return [
            write_cell(column.field if column.through is None else None, _value(column, record, related),
                       guarded=self._asked.guard, null=self._asked.null)
            for column in self._columns
        ]  # fmt: skip


class _JsonWriter:
    """Writes records as NDJSON, or as a JSON list with a record on each line."""

    def __init__(self, export: Export) -> None:
        self._is_list = export.asked.format == "json"
        self._begun = False
        self._columns = export.columns
        self._labelled = any(column.through is not None for column in export.columns)

    def head(self) -> bytes:
        """What comes before the records."""
        return b"[" if self._is_list else b""

    def rows(self, items: Iterable[bytes]) -> bytes:
        """Records as lines."""
        lines = [self._line(item) for item in items] if self._labelled else list(items)
        if not lines:
            return b""
        if not self._is_list:
            return b"\n".join((*lines, b""))
        between, self._begun = b",\n" if self._begun else b"\n", True
        return between + b",\n".join(lines)

    def _line(self, item: bytes) -> bytes:
        record = _decode(item)
        related = _related(record)
        return _encode({
            column.header: msgspec.Raw(_value(column, record, related))
            for column in self._columns
            if column.through is not None or column.name in record
        })  # fmt: skip


def _related(record: Mapping[str, msgspec.Raw]) -> Mapping[str, msgspec.Raw]:
    """The records that the record points at, as far as the caller may view them."""
    found = record.get("expand")
    return {} if found is None else _decode(found)


def _value(column: ExportColumn, record: Mapping[str, msgspec.Raw], related: Mapping[str, msgspec.Raw]) -> bytes:
    """The JSON of a column's value in a record."""
    if column.through is None:
        return bytes(record.get(column.name, _NULL))
    found = related.get(column.through.name)
    if found is None:
        return b"[]" if column.through.many else b"null"
    if not column.through.many:
        return bytes(_decode(found).get(column.name, _NULL))
    several = msgspec.json.decode(found, type=list[dict[str, msgspec.Raw]])
    return _encode([one.get(column.name, _NULL) for one in several])
