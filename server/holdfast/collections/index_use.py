"""How large the indexes of a collection are, and how much they are used, as far as PostgreSQL tells."""

from typing import Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.schema.collection import Collection

# `last_idx_scan` is there from version 16 on.
_USE: Final = Statement.of(
    raw("SELECT used.indexrelname AS name, pg_relation_size(used.indexrelid) AS bytes, used.idx_scan AS scans,")
    + raw(" coalesce(holdfast.stamp((to_jsonb(used) ->> 'last_idx_scan')::timestamptz), '') AS last_used,")
    + raw(" one.indisvalid AS valid FROM pg_stat_user_indexes AS used")
    + raw(" JOIN pg_index AS one ON one.indexrelid = used.indexrelid")
    + raw(" WHERE used.schemaname = 'public' AND used.relname = ")
    + named("table", "text")
    + raw(" ORDER BY used.indexrelname")
)


class IndexUse(msgspec.Struct, frozen=True, rename="camel"):
    """One index. `scans` are counted since PostgreSQL's statistics were reset; `last_used` is empty if it never was,
    and before version 16. One that is not `valid` is still being built, or was given up."""

    name: str
    bytes: int
    scans: int
    last_used: str
    valid: bool


async def indexes_of(engine: Engine, collection: Collection) -> list[IndexUse]:
    """The indexes of its table, those too that PostgreSQL and Holdfast need themselves."""
    with as_api_errors():
        rows = await engine.pool.fetch(_USE, Inputs(named={"table": collection.name}))
    return [IndexUse(row["name"], row["bytes"], row["scans"], row["last_used"], row["valid"]) for row in rows]
