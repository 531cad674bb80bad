"""One database takes the place of another, at once and for everybody, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import asyncpg

from holdfast.backups.administration import before_name, drop
from holdfast.backups.lock import LOCK
from holdfast.catalog.live import SWAP_CHANNEL
from holdfast.db.pool import Connection
from holdfast.db.sql import inline, name, raw
from holdfast.errors import Conflict, Unavailable

DRAIN_SECONDS: Final = 2.0  # for requests that run, before their connections are ended
LOOK_SECONDS: Final = 0.05
_OTHERS: Final = """
    SELECT count(*) FROM pg_catalog.pg_stat_activity
     WHERE datname = $1 AND backend_type = 'client backend' AND state <> 'idle' AND pid <> ALL ($2::integer[])
"""
_LOCKED: Final = """
    SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'object' AND mode = 'AccessExclusiveLock'
                      AND granted AND classid = 'pg_catalog.pg_database'::regclass AND objid = $1)
"""
# Only a superuser may end what belongs to no role (autovacuum, which makes way for a rename by itself).
_INSIDE: Final = """
    SELECT pid FROM pg_catalog.pg_stat_activity
     WHERE datname = ANY ($1::text[]) AND usesysid IS NOT NULL AND pid <> ALL ($2::integer[])
"""
_END: Final = "SELECT pg_terminate_backend($1)"
_OID: Final = "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1"
_WHO: Final = """
    SELECT string_agg(DISTINCT coalesce(nullif(application_name, ''), usename), ', ') FROM pg_catalog.pg_stat_activity
     WHERE datname = ANY ($1::text[]) AND usesysid IS NOT NULL -- backend_type is hidden of a superuser's
"""
HELD: Final = """
    SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                      AND classid = $1 AND objid = $2
                      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
"""


async def swap(first: Connection, second: Connection, holder: Connection, old: str, new: str) -> str:
    """Let the database `new` be called as `old` is; what that is called now.

    `first` and `second` are connections for administration, `holder` the one that holds the locks of the work, in the
    old database: it is ended with all others there. Both renames are one transaction, so whenever a process dies, one
    of the two databases has the name. Raises Conflict where somebody cannot be put out, and asyncpg's errors; then all
    is as it was, but for connections that were ended.
    """
    oid = await first.fetchval(_OID, old)
    before = before_name(old)
    await holder.execute("SELECT pg_notify($1, '')", SWAP_CHANNEL)
    await _drained(first, old, holder)
    ending = asyncio.create_task(_end_others(second, oid, [old, new]), name="end the connections of a database")
    try:
        async with first.transaction():
            # The lock of the first rename keeps everybody out until both are committed; it waits 5 s for those inside.
            await first.execute(inline(raw("ALTER DATABASE ") + name(old) + raw(" RENAME TO ") + name(before)))
            await first.execute(inline(raw("ALTER DATABASE ") + name(new) + raw(" RENAME TO ") + name(old)))
    except asyncpg.ObjectInUseError as failure:
        who = await first.fetchval(_WHO, [old, new])
        others = who or "prepared transactions"
        raise Conflict(f"Others work in the database and cannot be put out: {others}.") from failure
    finally:
        ending.cancel()
        with suppress(asyncio.CancelledError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await ending
    return before


async def _drained(connection: Connection, database: str, holder: Connection) -> None:
    """Wait until nobody is in the middle of something, but not for long."""
    pids = [connection.get_server_pid(), holder.get_server_pid()]
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await _until(lambda: connection.fetchval(_OTHERS, database, pids), 0)


async def _until(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    while await look() != wanted:  # noqa: ASYNC110 - PostgreSQL tells nobody
        await asyncio.sleep(LOOK_SECONDS / 5)


async def _end_others(connection: Connection, oid: int, databases: list[str]) -> None:
    await _until(lambda: connection.fetchval(_LOCKED, oid), True)
    spared: list[int] = []
    while True:
        for row in await connection.fetch(_INSIDE, databases, spared):
            try:
                await connection.execute(_END, row["pid"])
            except asyncpg.InsufficientPrivilegeError:  # of a superuser, or of a role that ours is no member of
                spared.append(row["pid"])
        await asyncio.sleep(LOOK_SECONDS)


async def drop_quietly(connection: Connection, database: str) -> None:
    """Drop a database that nobody needs; if that fails, the next work on backups does it."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await drop(connection, database)


async def until_over(dsn: str, oid: int | None) -> None:
    """Wait while another database takes the place of the one with this oid: until it has, or nobody is at it."""
    while True:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable):
            connection = await asyncpg.connect(dsn, timeout=5.0, statement_cache_size=0)
            try:
                if await connection.fetchval(_OWN_OID) != oid or not await connection.fetchval(HELD, *LOCK):
                    return
            finally:
                connection.terminate()
        await asyncio.sleep(LOOK_SECONDS * 4)


_OWN_OID: Final = "SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()"
