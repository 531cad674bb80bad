"""A transaction that is always undone: what is tried in it leaves nothing behind, not even when it succeeds."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import raw, value


class _Undone(Exception):
    """Ends the transaction. Never seen outside."""


@asynccontextmanager
async def rehearsal(pool: Pool, statement_timeout_ms: int) -> AsyncGenerator[Transaction]:
    """A transaction for the block, rolled back at its end. Each statement in it has so long."""
    try:
        async with pool.transaction() as tx:
            timeout = value(str(statement_timeout_ms), "text")
            await tx.execute(raw("SELECT set_config('statement_timeout', ") + timeout + raw(", true)"))
            yield tx
            raise _Undone
    except _Undone:
        return
