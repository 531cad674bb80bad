"""One backup, check or restore at a time over all processes, and no file deleted while it runs."""

from typing import Final

import asyncpg

from holdfast.db.pool import Connection, Pool
from holdfast.errors import Conflict
from holdfast.storage.register import FILES_LOCK

LOCK: Final = (0x48460000, 31)  # "HF", advisory lock of whoever works on backups
BUSY: Final = "Another backup, check or restore is at work: try again when it has ended."
GIVE_SECONDS: Final = 3.0
_PATIENT: Final = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '5min'"


async def give_back(connection: Connection) -> None:
    """Give both locks back, so that the next work can begin at once. Raises nothing."""
    try:
        await connection.execute("SELECT pg_advisory_unlock_all()", timeout=GIVE_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        pass  # the connection is lost, and with it the locks; a TimeoutError is an OSError
    finally:
        connection.terminate()


async def take(pool: Pool) -> Connection:
    """A connection that holds both locks until it is closed; what it does may take as long as it likes.

    Waits for a sweep of files that runs. Raises Conflict where somebody else is at work.
    """
    connection = await pool.connect()
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *LOCK):
            raise Conflict(BUSY)
        await connection.execute(_PATIENT)
        await connection.execute("SELECT pg_advisory_lock($1, $2)", *FILES_LOCK)
    except BaseException:
        connection.terminate()
        raise
    return connection
