"""A table of the schema holdfast with a partition for each day."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from holdfast.db.pool import Connection
from holdfast.db.sql import inline, literal, qualified, raw

_NAMES: Final = """
    SELECT c.relname AS name FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = format('holdfast.%I', $1::text)::regclass ORDER BY c.relname
"""


class Daily(msgspec.Struct, frozen=True):
    """Its name. The partition of 2 January 2026 is `NAME_20260102`; days are those of UTC."""

    name: str

    def partition(self, day: date) -> str:
        """The table that holds a day."""
        return f"{self.name}_{day:%Y%m%d}"

    def day(self, partition: str) -> date | None:
        """The day of a table; None for one that somebody else has attached."""
        text = partition.removeprefix(f"{self.name}_")
        if text == partition or len(text) != len("20260102") or not text.isdecimal():
            return None
        try:
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            return None

    async def partitions(self, connection: Connection) -> list[str]:
        """The tables that are there, in order."""
        return [row["name"] for row in await connection.fetch(_NAMES, self.name)]

    async def make(self, connection: Connection, day: date) -> None:
        """Make the partition of a day, beside the table and attached to it: everybody goes on reading and writing."""
        whole, part = qualified("holdfast", self.name), qualified("holdfast", self.partition(day))
        first, last = (literal(f"{one.isoformat()} 00:00:00+00") for one in (day, day + timedelta(days=1)))
        make = raw("CREATE TABLE ") + part + raw(" (LIKE ") + whole + raw(" INCLUDING ALL); ")
        attach = raw("ALTER TABLE ") + whole + raw(" ATTACH PARTITION ") + part
        await connection.execute(
            inline(make + attach + raw(" FOR VALUES FROM (") + first + raw(") TO (") + last + raw(")"))
        )


async def today(connection: Connection) -> date:
    """The day, by the clock of the database."""
    now: datetime = await connection.fetchval("SELECT now()")
    return now.astimezone(UTC).date()
