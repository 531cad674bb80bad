"""What was dropped: what is there, and how it goes for good."""

from typing import Final

from holdfast.collections import trash_rows
from holdfast.collections.trash_rows import Dropped
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import qualified, raw
from holdfast.engine import Engine

SWEPT_AT_ONCE: Final = 20  # tables dropped in one transaction: each holds a lock until its end


async def dropped(engine: Engine) -> list[Dropped]:
    """Everything in the trash, what was dropped last first."""
    async with engine.pool.transaction() as tx:
        return [found.shown for found in await trash_rows.all_of(tx)]


async def delete_forever(engine: Engine, id: str) -> None:
    """Delete something in the trash before its time. Raises NotFound."""
    async with engine.pool.transaction() as tx:
        await forget(tx, await trash_rows.get(tx, id))


async def forget(tx: Transaction, found: trash_rows.DroppedWhole) -> None:
    """Drop the table, if there is one, and the row."""
    if found.table:
        await tx.execute(raw("DROP TABLE IF EXISTS ") + qualified("holdfast_trash", found.table))
    await trash_rows.forget(tx, found.shown.id)


async def sweep_trash(pool: Pool) -> int:
    """Delete what has expired; returns how much that was. Run by the background work, in one process at a time."""
    swept = 0
    while True:
        async with pool.transaction() as tx:
            expired = await trash_rows.expired(tx, SWEPT_AT_ONCE)
            for found in expired:
                await forget(tx, found)
        swept += len(expired)
        if len(expired) < SWEPT_AT_ONCE:
            return swept
