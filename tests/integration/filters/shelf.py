"""The library of the unit tests, in PostgreSQL: its tables, and filters run over them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from holdfast.catalog.scope import Scope
from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Inputs, Sql, Statement, inline, join, name, qualified, raw
from holdfast.expressions.read import Reading, read_filter
from holdfast.schema.collection import Collection
from holdfast.schema.vector import VectorField

NOW = datetime(2024, 5, 1, 10, 30, 15, 123_000, tzinfo=UTC)


class Shelf:
    """A connection to a database with the tables of a catalog."""

    def __init__(self, connection: "asyncpg.Connection[Any]", catalog: Catalog) -> None:
        self.connection = connection
        self.catalog = catalog

    async def make(self) -> None:
        for collection in self.catalog.collections:
            columns = [
                name(field.name)
                + raw(" ")
                + Sql((field.column().type,))
                + _options(field.column().not_null, field.column().default)
                for field in collection.fields
                if not isinstance(field, VectorField)
            ]
            table = qualified("public", collection.name)
            await self.connection.execute(
                inline(raw("CREATE TABLE ") + table + raw(" (") + join(", ", columns) + raw(", PRIMARY KEY (id))"))
            )

    async def put(self, collection: str, **values: Any) -> None:
        await self.connection.copy_records_to_table(
            collection, schema_name="public", columns=list(values), records=[tuple(values.values())]
        )

    async def find(self, text: str, params: dict[str, object] | None = None, *, among: str = "posts") -> list[str]:
        """The ids of the records that fulfil a filter, in order."""
        reading = read_filter(text, params or {})
        collection = self.catalog.get(among)
        rows = await self.connection.fetch(*self.statement(collection, reading, raw("record.id")))
        return sorted(row[0] for row in rows)

    def statement(self, collection: Collection, reading: Reading, columns: Sql) -> Sequence[Any]:
        scope = Scope(self.catalog, collection, raw("record"))
        condition = scope.condition(reading.tree)
        table = qualified("public", collection.name)
        found = (
            raw("SELECT ")
            + columns
            + raw(" FROM ")
            + table
            + raw(" AS record")
            + scope.joins()
            + raw(" WHERE ")
            + condition
        )
        statement = Statement.of(found)
        return (statement.text, *statement.args(Inputs(reading.literals, now=NOW)))

    async def plan(self, text: str) -> str:
        """How PostgreSQL would run a filter over posts if it could not read the whole table."""
        statement, *args = self.statement(self.catalog.get("posts"), read_filter(text), raw("record.id"))
        await self.connection.execute("SET enable_seqscan = off")
        rows = await self.connection.fetch("EXPLAIN (COSTS off) " + statement, *args)
        return "\n".join(row[0] for row in rows)


def _options(not_null: bool, default: Sql | None) -> Sql:
    given = Sql() if default is None else raw(" DEFAULT ") + default
    return given + raw(" NOT NULL") if not_null else given
