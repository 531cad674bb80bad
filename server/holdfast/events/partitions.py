"""The partitions of the log, one for each day: made ahead, and dropped when they are too old."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import structlog

from holdfast.db.pool import Connection
from holdfast.db.sql import inline, literal, qualified, raw

AHEAD_DAYS: Final = 2
_PREFIX: Final = "events_"
_PARTITIONS: Final = """
    SELECT c.relname AS name FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'holdfast.events'::regclass ORDER BY c.relname
"""
_log: Final = structlog.get_logger("holdfast.events")


async def make_partitions(connection: Connection) -> None:
    """Make the partitions of today and of AHEAD_DAYS after it, by the clock of the database."""
    today = await _today(connection)
    there = {row["name"] for row in await connection.fetch(_PARTITIONS)}
    for day in (today + timedelta(days=ahead) for ahead in range(AHEAD_DAYS + 1)):
        if partition_name(day) not in there:
            # Made beside the log and attached to it, which lets everybody go on reading and writing.
            await connection.execute(_create(day))


async def drop_old_partitions(connection: Connection, days: int) -> None:
    """Drop the partitions whose events are all older than so many days, and say where the log begins now."""
    today = await _today(connection)
    for row in await connection.fetch(_PARTITIONS):
        day = partition_day(row["name"])
        if day is None or day >= today - timedelta(days=days):
            continue
        table = qualified("holdfast", row["name"])
        async with connection.transaction():
            newest = await connection.fetchval(inline(raw("SELECT max(seq) FROM ") + table))
            if newest is not None:
                await connection.execute("UPDATE holdfast.stream SET oldest = greatest(oldest, $1)", newest + 1)
            await connection.execute(inline(raw("DROP TABLE ") + table))
        _log.info("events that had their time were dropped", day=day.isoformat(), up_to=newest)


def partition_name(day: date) -> str:
    """The table that holds a day."""
    return f"{_PREFIX}{day:%Y%m%d}"


def partition_day(name: str) -> date | None:
    """The day of a table; None for one that somebody else has attached."""
    text = name.removeprefix(_PREFIX)
    if text == name or len(text) != len("20260102") or not text.isdecimal():
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _create(day: date) -> str:
    table = qualified("holdfast", partition_name(day))
    first, last = (literal(f"{one.isoformat()} 00:00:00+00") for one in (day, day + timedelta(days=1)))
    make = raw("CREATE TABLE ") + table + raw(" (LIKE holdfast.events INCLUDING ALL); ")
    attach = raw("ALTER TABLE holdfast.events ATTACH PARTITION ") + table
    return inline(make + attach + raw(" FOR VALUES FROM (") + first + raw(") TO (") + last + raw(")"))


async def _today(connection: Connection) -> date:
    now: datetime = await connection.fetchval("SELECT now()")
    return now.astimezone(UTC).date()
