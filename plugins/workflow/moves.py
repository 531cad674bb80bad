"""The log of moves: a table of the plugin's own, written in the transaction of the move."""

from typing import Any, Final

import msgspec

from holdfast.db.sql import Sql, raw, value
from holdfast.plugin import Context

# Two processes that start at once must not make the same things.
LOCK: Final = raw("SELECT pg_advisory_xact_lock(hashtextextended('workflow', 0))")
TABLES: Final[tuple[Sql, ...]] = (
    raw("CREATE SCHEMA IF NOT EXISTS workflow"),
    raw(
        "CREATE TABLE IF NOT EXISTS workflow.moves (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " at timestamptz NOT NULL DEFAULT now(), collection text NOT NULL, record text NOT NULL,"
        " from_state text NOT NULL, to_state text NOT NULL, who text NOT NULL, request text NOT NULL)"
    ),
    raw("CREATE INDEX IF NOT EXISTS moves_record ON workflow.moves (record, collection, id)"),
)


class LoggedMove(msgspec.Struct, frozen=True):
    """A move that was made. `who` is as in the log (`users/abc`, `key:…`); `from_state` is empty for a new record."""

    collection: str
    record: str
    from_state: str
    to_state: str
    who: str
    request: str


async def make_tables(ctx: Context) -> None:
    """Make what is missing."""
    async with ctx.transaction() as tx:
        await tx.execute(LOCK)
        for sql in TABLES:
            await tx.execute(sql)


async def write_move(ctx: Context, move: LoggedMove) -> None:
    """Write down a move."""
    await ctx.execute(
        raw("INSERT INTO workflow.moves (collection, record, from_state, to_state, who, request) VALUES (")
        + value(move.collection, "text")
        + raw(", ")
        + value(move.record, "text")
        + raw(", ")
        + value(move.from_state, "text")
        + raw(", ")
        + value(move.to_state, "text")
        + raw(", ")
        + value(move.who, "text")
        + raw(", ")
        + value(move.request, "text")
        + raw(")")
    )


async def moves_of(ctx: Context, collection: str, record: str) -> list[dict[str, Any]]:
    """The moves of a record, the oldest first."""
    return await ctx.fetch(
        raw("SELECT at, from_state AS from, to_state AS to, who FROM workflow.moves WHERE collection = ")
        + value(collection, "text")
        + raw(" AND record = ")
        + value(record, "text")
        + raw(" ORDER BY id")
    )
