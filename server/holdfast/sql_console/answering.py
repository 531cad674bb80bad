"""Runs one statement on a connection of the console's role, and makes texts of what comes of it.

PostgreSQL takes one statement at a time here (the extended protocol), so nothing can follow a semicolon. Where it can,
the statement is put into another that makes texts of the values and cuts them: so no answer is larger than its bounds,
and values that Python cannot hold are shown as PostgreSQL writes them.
"""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.db.pool import Connection
from holdfast.db.sql import Sql, as_written, inline, join, name, number, raw
from holdfast.errors import Problem, ValidationFailed
from holdfast.sql_console.asked import Asked

MAX_CELL_CHARS: Final = 10_000
MAX_BYTES: Final = 8 * 1024 * 1024  # of an answer
ROWS_AT_ONCE: Final = 20
_AFFECTED: Final = "hf affected"


class Column(msgspec.Struct, frozen=True):
    """A column of the answer: its name, and its type as PostgreSQL calls it."""

    name: str
    type: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a statement. `cut` says why rows are missing; `affected` is how many were changed, of a write."""

    columns: tuple[Column, ...] = ()
    rows: list[list[str | None]] = []
    cut: str = ""
    affected: int | None = None
    tag: str = ""
    plan: msgspec.Raw | None = None


async def answer(connection: Connection, asked: Asked) -> Answer:
    """Run the statement in the transaction that is open. Raises ValidationFailed, and PostgreSQL's errors."""
    text = asked.sql.strip(" \t\r\n;")
    if asked.explain:
        return await _explained(connection, text, analyze=asked.explain == "analyze")
    try:
        statement = await connection.prepare(text)
    except asyncpg.InternalClientError as failure:  # anyarray, of the system's own tables
        raise _wrong("Has a column of a type that cannot be shown: write column::text.") from failure
    if statement.get_parameters():
        raise _wrong("Has parameters ($1): write the values themselves.")
    columns = tuple(Column(one.name, one.type.name) for one in statement.get_attributes())
    if not columns:
        await statement.fetch()
        tag = statement.get_statusmsg() or ""
        return Answer(tag=tag, affected=_affected(tag) if asked.mode == "write" else None)
    bounded = await _bounded(connection, text, columns, asked)
    if bounded is not None:
        return await _rows(bounded, columns, asked, counted=asked.mode == "write")
    return await _rows(statement, columns, asked, counted=False)


async def _explained(connection: Connection, text: str, *, analyze: bool) -> Answer:
    head = raw("EXPLAIN (FORMAT JSON, ANALYZE, BUFFERS) ") if analyze else raw("EXPLAIN (FORMAT JSON) ")
    statement = await connection.prepare(inline(head + as_written(text)))
    plan: Any = await statement.fetchval()
    return Answer(tag="EXPLAIN", plan=msgspec.Raw(str(plan).encode()))


async def _bounded(connection: Connection, text: str, columns: Sequence[Column], asked: Asked) -> Any:
    """The statement inside another one that bounds it; None where PostgreSQL does not take it there."""
    names = [name(f"c{at}") for at in range(len(columns))]
    cells = [raw("left((") + one + raw(")::text, ") + number(MAX_CELL_CHARS + 1) + raw(")") for one in names]
    # What changes rows is counted, which reads them all; what only reads them stops at the limit.
    counted: list[Sql] = [raw("count(*) OVER () AS ") + name(_AFFECTED)] if asked.mode == "write" else []
    around = (
        raw("WITH answer (")
        + join(", ", names)
        + raw(") AS (\n")
        + as_written(text)
        + raw("\n) SELECT ")
        + join(", ", [*cells, *counted])
        + raw(" FROM answer LIMIT ")
        + number(asked.limit + 1)
    )
    try:
        async with connection.transaction():
            return await connection.prepare(inline(around))
    except asyncpg.PostgresSyntaxError:  # EXPLAIN, SHOW, CALL
        return None
    except asyncpg.FeatureNotSupportedError:
        return None


async def _rows(statement: Any, columns: tuple[Column, ...], asked: Asked, *, counted: bool) -> Answer:
    cursor = await statement.cursor()
    rows: list[list[str | None]] = []
    size, cut, affected = 0, "", 0 if asked.mode == "write" else None
    while not cut:
        found = await cursor.fetch(ROWS_AT_ONCE)
        if not found:
            break
        for record in found:
            if counted:
                affected = record[_AFFECTED]
            if len(rows) == asked.limit:
                cut = "rows"
                break
            row = [_cell(record[at]) for at in range(len(columns))]
            rows.append(row)
            size += sum(len(cell) for cell in row if cell is not None)
            if size > MAX_BYTES:
                cut = "bytes"
                break
    return Answer(columns=columns, rows=rows, cut=cut, affected=affected, tag=f"{len(rows)} rows")


def _cell(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_CELL_CHARS else text[:MAX_CELL_CHARS] + "…"


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed({"sql": Problem("validation_invalid_value", message)})


def _affected(tag: str) -> int:
    """How many rows a command tag tells of: `UPDATE 12`, `INSERT 0 3`."""
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
