"""Which version of the catalog each process has loaded, as PostgreSQL knows it: a session's advisory lock.

The lock goes with the connection, so a process that was killed holds nobody up.
"""

from typing import Final

from holdfast.db.pool import Connection

CLASS: Final = 0x48460001  # "HF", the first half of the lock's key
WRAP: Final = 2**31  # the second half is a 32-bit integer

_HOLD: Final = "SELECT pg_advisory_lock_shared($1::int, $2::int)"
_LET_GO: Final = "SELECT pg_advisory_unlock_shared($1::int, $2::int)"
_OLDER: Final = """
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_locks
         WHERE locktype = 'advisory' AND classid = $1::bigint AND objsubid = 2 AND objid < $2::bigint
           AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
"""


async def hold(connection: Connection, version: int) -> int:
    """Say, for as long as the connection lives, that this process may still use `version`; returns it."""
    await connection.execute(_HOLD, CLASS, version % WRAP)
    return version


async def move(connection: Connection, held: int, version: int) -> int:
    """The same for a newer version in place of `held`; returns the newer one."""
    if version == held:
        return held
    await hold(connection, version)
    await connection.execute(_LET_GO, CLASS, held % WRAP)
    return version


async def older(connection: Connection, version: int) -> bool:
    """Whether some process of this database may still use a version before this one."""
    return await connection.fetchval(_OLDER, CLASS, version % WRAP)
