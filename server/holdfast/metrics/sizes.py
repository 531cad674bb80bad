"""How many records each collection has, and had on each of the last days: counted where that costs nothing."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Connection, Pool, Row
from holdfast.db.sql import Sql, Statement, inline, join, literal, qualified, raw

KEPT_DAYS: Final = 32
COMPARED_DAYS: Final = 7
COUNTED_BYTES: Final = 2 * 1024 * 1024  # of a table; the records of a larger one are estimated
_TABLES: Final = """
    SELECT c.relname AS name, pg_relation_size(c.oid) AS bytes,
           CASE WHEN pg_stat_get_live_tuples(c.oid) > 0 THEN pg_stat_get_live_tuples(c.oid)
                ELSE greatest(c.reltuples, 0)::bigint END AS rows
      FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
_IS_KEPT: Final = "SELECT EXISTS (SELECT FROM holdfast.collection_sizes WHERE day = $1)"
_KEEP: Final = """
    INSERT INTO holdfast.collection_sizes (day, collection, rows, exact)
    SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::boolean[]) ON CONFLICT DO NOTHING
"""
_BEFORE: Final = Statement.of(
    raw(
        "SELECT s.collection, s.day, s.rows, s.exact FROM holdfast.collection_sizes AS s WHERE s.day = (SELECT min(day)"
    )
    + raw(" FROM holdfast.collection_sizes WHERE day >= (now() AT TIME ZONE 'UTC')::date - 7)")
)
_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.collection_sizes WHERE day < (now() AT TIME ZONE 'UTC')::date - 32")
)


class Size(msgspec.Struct, frozen=True):
    """How many records a collection has, by its id; `exact` unless they were estimated."""

    collection: str
    rows: int
    exact: bool


class Growth(msgspec.Struct, frozen=True):
    """How many records a collection has, and had at the beginning of a day, if that is known."""

    now: Size
    before: Size | None
    since: date | None


async def sizes(connection: Connection, catalog: Catalog) -> list[Size]:
    """The sizes of all collections with records of their own."""
    tables = {row["name"]: row for row in await connection.fetch(_TABLES)}
    held = {one.name: one.id for one in catalog.collections if one.name in tables}
    small = [name for name in held if tables[name]["bytes"] <= COUNTED_BYTES]
    counted = {row["name"]: row["rows"] for row in await _count(connection, small)}
    return [Size(id, counted.get(name, tables[name]["rows"]), name in counted) for name, id in held.items()]


async def _count(connection: Connection, names: Sequence[str]) -> list[Row]:
    if not names:
        return []
    pieces: list[Sql] = [
        raw("SELECT ") + literal(name) + raw(" AS name, count(*) AS rows FROM ") + qualified("public", name)
        for name in names
    ]
    return await connection.fetch(inline(join(" UNION ALL ", pieces)))


async def keep_sizes(connection: Connection, catalog: Catalog, now: float) -> None:
    """Write down the sizes, once a day."""
    day = datetime.fromtimestamp(now, UTC).date()
    if await connection.fetchval(_IS_KEPT, day):
        return
    found = await sizes(connection, catalog)
    columns: list[Any] = [[one.collection for one in found], [one.rows for one in found], [one.exact for one in found]]
    await connection.execute(_KEEP, day, *columns)


async def growth(pool: Pool, catalog: Catalog) -> list[Growth]:
    """The sizes now, beside those of the first day within the last COMPARED_DAYS that is known."""
    rows = await pool.fetch(_BEFORE)
    before = {row["collection"]: (Size(row["collection"], row["rows"], row["exact"]), row["day"]) for row in rows}
    connection = await pool.acquire()
    try:
        found = await sizes(connection, catalog)
    finally:
        pool.release(connection)
    return [Growth(one, *before.get(one.collection, (None, None))) for one in found]


async def sweep_sizes(pool: Pool) -> int:
    """Let old sizes go; says how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
