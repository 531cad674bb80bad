"""The partitions of the log, one for each day: made ahead, and dropped when they are too old."""

from datetime import timedelta
from typing import Final

import structlog

from holdfast.db.daily import Daily, today
from holdfast.db.pool import Connection
from holdfast.db.sql import inline, qualified, raw

AHEAD_DAYS: Final = 2
EVENTS: Final = Daily("events")
_log: Final = structlog.get_logger("holdfast.events")


async def make_partitions(connection: Connection) -> None:
    """Make the partitions of today and of AHEAD_DAYS after it, by the clock of the database."""
    first = await today(connection)
    there = await EVENTS.partitions(connection)
    for day in (first + timedelta(days=ahead) for ahead in range(AHEAD_DAYS + 1)):
        if EVENTS.partition(day) not in there:
            await EVENTS.make(connection, day)


async def drop_old_partitions(connection: Connection, days: int) -> None:
    """Drop the partitions whose events are all older than so many days, and say where the log begins now."""
    oldest = await today(connection) - timedelta(days=days)
    for partition in await EVENTS.partitions(connection):
        day = EVENTS.day(partition)
        if day is None or day >= oldest:
            continue
        table = qualified("holdfast", partition)
        async with connection.transaction():
            newest = await connection.fetchval(inline(raw("SELECT max(seq) FROM ") + table))
            if newest is not None:
                await connection.execute("UPDATE holdfast.stream SET oldest = greatest(oldest, $1)", newest + 1)
            await connection.execute(inline(raw("DROP TABLE ") + table))
        _log.info("events that had their time were dropped", day=day.isoformat(), up_to=newest)
