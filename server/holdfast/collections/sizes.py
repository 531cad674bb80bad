"""How large tables are, as far as PostgreSQL knows without counting."""

from collections.abc import Iterable
from typing import Final

from holdfast.collections.estimate import Size
from holdfast.db.pool import Transaction
from holdfast.db.sql import raw, value

_INDEXES: Final = raw("(SELECT count(*) FROM pg_catalog.pg_index AS held WHERE held.indrelid = one.oid)")


async def sizes_of(tx: Transaction, names: Iterable[str]) -> dict[str, Size]:
    """The sizes of these tables of collections, in one look at the catalog."""
    rows = await tx.fetch(
        raw("SELECT one.relname, pg_table_size(one.oid) AS bytes, one.reltuples, ")
        + _INDEXES
        + raw(" AS indexes FROM pg_catalog.pg_class AS one")
        + raw(" WHERE one.relnamespace = 'public'::regnamespace AND one.relname = ANY (")
        + value(sorted(set(names)), "name[]")
        + raw(")")
    )
    return {row["relname"]: Size(row["bytes"], row["reltuples"], row["indexes"]) for row in rows}
