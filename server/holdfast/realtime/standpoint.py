"""Where the log of events stands, counting what is committed but has no number yet."""

import asyncio
from typing import Final

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.events.position import Position

MOST_SECONDS: Final = 0.5  # longer than a relay that works; without one nothing has a number
PAUSE_SECONDS: Final = 0.01
_LOOK: Final = Statement.of(
    raw("SELECT epoch, seq, (SELECT max(id) FROM holdfast.outbox WHERE id <= ")
    + named("until", "bigint")
    + raw(") AS waiting FROM holdfast.stream")
)
_ALL: Final = 2**63 - 1


async def standpoint(pool: Pool) -> Position:
    """A position that everything is before that is committed now: who starts there hears nothing old.

    Costs one query, and waits for the relay where somebody has just written. Raises Unavailable.
    """
    until = _ALL
    for _ in range(round(MOST_SECONDS / PAUSE_SECONDS)):
        position, waiting = await _look(pool, until)
        if waiting is None:
            return position
        until = waiting
        await asyncio.sleep(PAUSE_SECONDS)
    return (await _look(pool, until))[0]


async def _look(pool: Pool, until: int) -> tuple[Position, int | None]:
    """Where it stands, and the newest of what waits for a number."""
    with as_api_errors():
        row = await pool.fetchrow(_LOOK, Inputs(named={"until": until}))
    if row is None:
        raise RuntimeError("holdfast.stream has no row: the system schema is damaged")
    return Position(row["epoch"], row["seq"]), row["waiting"]
