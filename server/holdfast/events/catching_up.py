"""Waiting until the log has what was committed before."""

import asyncio
import time
from typing import Final

from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.errors import Unavailable

LONGEST_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.02
_LAST: Final = Statement.of(
    raw("SELECT max(id) AS id FROM holdfast.outbox WHERE collection_id = ") + named("collection", "text")
)
_WAITS: Final = Statement.of(
    raw("SELECT FROM holdfast.outbox WHERE collection_id = ")
    + named("collection", "text")
    + raw(" AND id <= ")
    + named("last", "bigint")
    + raw(" LIMIT 1")
)


async def caught_up(pool: Pool, collection_id: str, *, seconds: float = LONGEST_SECONDS) -> None:
    """Wait until every change of the collection that was committed before this call has its number.

    Raises Unavailable when that takes longer: nobody relays, or too much is waiting.
    """
    row = await pool.fetchrow(_LAST, Inputs(named={"collection": collection_id}))
    if row is None or row["id"] is None:
        return
    inputs = Inputs(named={"collection": collection_id, "last": row["id"]})
    until = time.monotonic() + seconds
    while await pool.fetchrow(_WAITS, inputs) is not None:
        if time.monotonic() > until:
            raise Unavailable("The log of changes is behind: try again in a moment.")
        await asyncio.sleep(LOOK_SECONDS)
