"""The epoch of the log: another one when the database is no more the one that has numbered the events."""

import secrets
from typing import Final

import asyncpg

from holdfast.db.pool import Connection

_BYTES: Final = 6

# A standby that was promoted, and a recovery to a point in time, have a timeline of their own; a dump that is read into
# another database has its oid, into another cluster its identifier, and into the same database at least a new table.
_PLACE: Final = """
    SELECT (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())::text || '/'
        || 'holdfast.stream'::regclass::oid
"""
_CLUSTER: Final = """
    SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) || '/'
        || (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()) || '/'
"""
_SETTLE: Final = """
    UPDATE holdfast.stream SET epoch = CASE WHEN origin = '' THEN epoch ELSE $2 END, origin = $1
     WHERE origin <> $1
"""


async def settle_epoch(connection: Connection) -> str:
    """Make the epoch that of this database, before anything is numbered in it; returns it."""
    try:
        cluster: str = await connection.fetchval(_CLUSTER)
    except asyncpg.InsufficientPrivilegeError:  # some hosts of PostgreSQL keep these functions to themselves
        cluster = ""
    origin = cluster + await connection.fetchval(_PLACE)
    await connection.execute(_SETTLE, origin, new_epoch())
    return await connection.fetchval("SELECT epoch FROM holdfast.stream")


def new_epoch() -> str:
    """An epoch that no log has had."""
    return secrets.token_hex(_BYTES)
