"""What an archive is of: one moment of the database, which pg_dump and we see alike."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import msgspec

from holdfast.backups.manifest import CollectionThen, FieldThen
from holdfast.catalog import store
from holdfast.db.migrate import APP
from holdfast.db.pool import Connection
from holdfast.db.sql import inline, qualified, raw
from holdfast.schema.collection import Collection

UNDUMPED: Final = ("logs", "logs_*", "idempotency", "uploads", "challenges")
"""Tables of the server whose rows stay behind: the log of requests, answers that are kept for repeated ones, uploads
whose bytes are not in the storage yet, and half-done logins."""
_ABOUT: Final = """
    SELECT pg_export_snapshot() AS snapshot, current_setting('server_version') AS version,
           current_setting('server_version_num')::integer / 10000 AS major, now() AS at,
           (SELECT max(name) FROM holdfast.migration WHERE app_name = $1) AS migration
"""
_FILES: Final = "SELECT key, unused IS NULL AS used, size FROM holdfast.files ORDER BY key"
_FILES_SIZE: Final = "SELECT coalesce(sum(size), 0)::bigint FROM holdfast.files"


class Snapshot(msgspec.Struct, frozen=True):
    """A moment. `name` is what pg_dump is given, `major` the version of the server."""

    connection: Connection
    name: str
    version: str
    major: int
    at: datetime
    migration: str
    project: str
    collections: tuple[CollectionThen, ...]

    @property
    def options(self) -> Sequence[str]:
        """What pg_dump has to be told."""
        left_out = [f"--exclude-table-data=holdfast.{table}" for table in UNDUMPED]
        return ("--format=custom", f"--snapshot={self.name}", "--no-owner", "--no-privileges", *left_out)

    async def files_size(self) -> int:
        """How many bytes all files have, by the register."""
        return await self.connection.fetchval(_FILES_SIZE)

    async def files(self) -> AsyncGenerator[tuple[str, bool], None]:
        """The keys of all files, and whether a record holds them."""
        async for row in self.connection.cursor(_FILES, prefetch=1000):
            yield row["key"], row["used"]


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncGenerator[Snapshot]:
    """A moment that lasts for the block, on a connection of one's own."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        about = await connection.fetchrow(_ABOUT, APP)
        assert about is not None
        catalog = await store.load(connection)
        counted = [await _counted(connection, one) for one in catalog.collections]
        yield Snapshot(
            connection,
            about["snapshot"],
            about["version"],
            about["major"],
            about["at"],
            about["migration"],
            catalog.options.meta.app_name,
            tuple(counted),
        )


async def _counted(connection: Connection, collection: Collection) -> CollectionThen:
    rows = None if collection.is_view else await count_rows(connection, collection.name)
    fields = tuple(FieldThen(field.id, field.name, field.type) for field in collection.fields)
    return CollectionThen(collection.id, collection.name, collection.type, collection.system, rows, fields)


async def count_rows(connection: Connection, collection: str) -> int:
    """How many records a collection has, as the connection sees it."""
    return await connection.fetchval(inline(raw("SELECT count(*) FROM ") + qualified("public", collection)))
