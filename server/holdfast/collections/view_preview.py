"""What the query of a view would show: its fields and its first rows, before there is a view."""

from typing import Any, Final

import asyncpg
import msgspec

from holdfast.collections.view_fields import view_fields
from holdfast.collections.view_query import ViewQuery, read_view
from holdfast.collections.view_steps import CODE
from holdfast.collections.view_syntax import InvalidView
from holdfast.db.pool import Transaction
from holdfast.db.sql import Statement, number, raw
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, ValidationFailed

ROWS: Final = 20
PATIENCE_MS: Final = 3000  # somebody types, and waits for it
_NOT_A_VIEW: Final = ("42", "22", "0A", "21")  # SQLSTATE classes of queries that PostgreSQL does not take
_TOO_LONG: Final = "57014"
_LIMITS: Final = raw("SELECT set_config('statement_timeout', ") + number(PATIENCE_MS) + raw("::text, true)")


class Column(msgspec.Struct, frozen=True):
    """A field as the view would have it."""

    name: str
    type: str
    hidden: bool


class Preview(msgspec.Struct, frozen=True):
    """The fields, and at most ROWS rows, with values as PostgreSQL writes them as JSON."""

    fields: tuple[Column, ...]
    items: msgspec.Raw


async def preview_view(engine: Engine, given: object) -> Preview:
    """Look at a query without making the view. Writes nothing.

    Raises ValidationFailed for a query that no view can have, BadRequest for one that takes more than PATIENCE_MS.
    """
    if not isinstance(given, str) or not given.strip():
        raise _wrong("Must be a SELECT.", "validation_required")
    try:
        query = read_view(given, engine.catalog.by_name)
    except InvalidView as failure:
        raise _wrong(str(failure)) from failure
    try:
        async with engine.pool.transaction() as tx:
            await tx.execute(raw("SET TRANSACTION READ ONLY"))
            await tx.execute(_LIMITS)
            types = await _types(tx, query)
            items = await _items(tx, query)
    except asyncpg.PostgresError as failure:
        if failure.sqlstate == _TOO_LONG:
            seconds = PATIENCE_MS // 1000
            raise BadRequest(f"The query takes longer than {seconds} s: it would make a slow view.") from failure
        if (failure.sqlstate or "").startswith(_NOT_A_VIEW):
            raise _wrong(f"PostgreSQL does not take it: {failure.message}.") from failure
        raise
    fields = view_fields(query, types, engine.catalog.by_name)
    return Preview(tuple(Column(field.name, field.type, field.hidden) for field in fields), items)


def _wrong(message: str, code: str = CODE) -> ValidationFailed:
    return ValidationFailed({"viewQuery": Problem(code, message)})


async def _types(tx: Transaction, query: ViewQuery) -> dict[str, str]:
    """The PostgreSQL type of each column, by name."""
    prepared: Any = await tx.connection.prepare(Statement.of(query.select()).text)
    return {attribute.name: attribute.type.name for attribute in prepared.get_attributes()}


async def _items(tx: Transaction, query: ViewQuery) -> msgspec.Raw:
    rows = raw("(SELECT * FROM (") + query.select() + raw(") AS query LIMIT ") + number(ROWS) + raw(") AS shown")
    row = await tx.fetchrow(raw("SELECT coalesce(json_agg(shown), '[]')::text AS items FROM ") + rows)
    return msgspec.Raw(row["items"].encode() if row is not None else b"[]")
