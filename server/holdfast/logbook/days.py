"""The partitions of the kept log, one for each day: made when their first line comes, dropped when they are too old."""

from datetime import date, timedelta
from typing import Final

from holdfast.db.daily import Daily, today
from holdfast.db.pool import Connection
from holdfast.db.sql import inline, qualified, raw

LOCK: Final = (0x48460008, 1)  # "HF", advisory lock of whoever makes a partition
LOGS: Final = Daily("logs")


async def make_day(connection: Connection, day: date) -> None:
    """Make the partition of a day, unless it is there. Safe from several processes at once."""
    if LOGS.partition(day) in await LOGS.partitions(connection):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", *LOCK)
        if LOGS.partition(day) not in await LOGS.partitions(connection):
            await LOGS.make(connection, day)


async def drop_days(connection: Connection, days: int) -> int:
    """Drop the partitions that are older than so many days; says how many. With 0 all of them go."""
    first = await today(connection) - timedelta(days=days - 1)
    dropped = 0
    for partition in await LOGS.partitions(connection):
        day = LOGS.day(partition)
        if day is not None and day < first:
            await connection.execute(inline(raw("DROP TABLE ") + qualified("holdfast", partition)))
            dropped += 1
    return dropped
