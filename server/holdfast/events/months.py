"""The partitions of the history, one for each month: made ahead, and dropped when nothing in them is kept any more."""

from datetime import UTC, date, datetime
from typing import Final

import structlog

from holdfast.db.pool import Connection
from holdfast.db.sql import inline, literal, qualified, raw

_PREFIX: Final = "history_"
_MONTHS: Final = """
    SELECT c.relname AS name FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'holdfast.history'::regclass ORDER BY c.relname
"""
_log: Final = structlog.get_logger("holdfast.events")


async def make_months(connection: Connection) -> None:
    """Make the partitions of this month and of the next, by the clock of the database."""
    this = await _this_month(connection)
    there = await _names(connection)
    for month in (this, following(this)):
        if month_name(month) not in there:
            await connection.execute(_create(month))


async def drop_months(connection: Connection, *, days: int | None) -> int:
    """Drop the partitions of past months that are empty, or older than so many days if there are any; how many."""
    now: datetime = await connection.fetchval("SELECT now()")
    dropped = 0
    for name in await _names(connection):
        month = month_of(name)
        if month is None or following(month) > now.astimezone(UTC).date():
            continue
        table = qualified("holdfast", name)
        aged = days is not None and (now.astimezone(UTC).date() - following(month)).days > days
        if aged or not await connection.fetchval(inline(raw("SELECT EXISTS (SELECT FROM ") + table + raw(")"))):
            await connection.execute(inline(raw("DROP TABLE ") + table))
            _log.info("versions of records that had their time were dropped", month=month.isoformat())
            dropped += 1
    return dropped


def month_name(month: date) -> str:
    """The table that holds a month, which is given by its first day."""
    return f"{_PREFIX}{month:%Y%m}"


def month_of(name: str) -> date | None:
    """The month of a table; None for one that somebody else has attached."""
    text = name.removeprefix(_PREFIX)
    if text == name or len(text) != len("202601") or not text.isdecimal():
        return None
    try:
        return datetime.strptime(text, "%Y%m").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def following(month: date) -> date:
    """The month after one."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _create(month: date) -> str:
    table = qualified("holdfast", month_name(month))
    first, last = (literal(f"{one.isoformat()} 00:00:00+00") for one in (month, following(month)))
    # Made beside the history and attached to it, which lets everybody go on reading and writing.
    make = raw("CREATE TABLE ") + table + raw(" (LIKE holdfast.history INCLUDING ALL); ")
    attach = raw("ALTER TABLE holdfast.history ATTACH PARTITION ") + table
    return inline(make + attach + raw(" FOR VALUES FROM (") + first + raw(") TO (") + last + raw(")"))


async def _names(connection: Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch(_MONTHS)]


async def _this_month(connection: Connection) -> date:
    now: datetime = await connection.fetchval("SELECT now()")
    return now.astimezone(UTC).date().replace(day=1)
