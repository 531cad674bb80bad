"""A connection of the console: one of its own for each statement, as the role that may only do so much."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from holdfast.db.console_roles import Mode, ensure_roles, role_key, role_name, role_password
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Connection, Transaction
from holdfast.db.sql import Statement, inline, raw
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Unavailable
from holdfast.sql_console.asked import Asked
from holdfast.sql_console.grants import grants

MOST_AT_ONCE: Final = 3  # statements of one process
CONNECT_SECONDS: Final = 5.0
LOCK_TIMEOUT: Final = "2s"
LOCK: Final = "SELECT pg_advisory_xact_lock(1212547081, 1)"  # 0x48460009, of whoever grants
_WHO: Final = Statement.of(raw("SELECT current_user AS owner, current_database() AS database"))
# That it is the role we think it is. Whatever else it were, it could do what is not meant to be done here.
_CHECK: Final = """
    SELECT current_user = $1 AND session_user = $1 AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls
           OR rolreplication) AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m WHERE m.member = r.oid)
      FROM pg_catalog.pg_roles AS r WHERE r.rolname = $1
"""


class ConsoleLines:
    """Opens the connections of one process, and grants what the collections of the moment ask for."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._granted: int | None = None
        self._owner = ""

    @asynccontextmanager
    async def open(self, engine: Engine, asked: Asked, context: str) -> AsyncGenerator[Connection]:
        """A connection for one statement, which is gone after the block. `context` is who writes, for the triggers.

        Raises Unavailable when too many are open, and BadRequest where the roles cannot be made.
        """
        if self._room.locked():
            raise Unavailable("Too many statements run at once: try again in a moment.")
        async with self._room:
            await self._grant(engine)
            connection = await self._connect(engine, asked, context)
            try:
                yield connection
            finally:
                connection.terminate()  # whatever it has set or locked goes with it

    async def _connect(self, engine: Engine, asked: Asked, context: str) -> Connection:
        role = role_name(self._owner, asked.mode)
        settings = {
            "application_name": "holdfast sql",
            "statement_timeout": f"{asked.timeout}s",
            "lock_timeout": LOCK_TIMEOUT,
            "idle_in_transaction_session_timeout": f"{asked.timeout + 10}s",
            "default_transaction_read_only": "on" if asked.mode == "read" else "off",
            "search_path": "public",
            "timezone": "UTC",
            "jit": "off",
            "holdfast.context": context,
        }
        with as_api_errors():
            connection = await asyncpg.connect(
                self._dsn,
                user=role,
                password=role_password(role_key(self._dsn, engine.secret), role),
                timeout=CONNECT_SECONDS,
                statement_cache_size=0,
                server_settings=settings,
            )
        if not await connection.fetchval(_CHECK, role):
            connection.terminate()
            raise BadRequest(f"The database role {role} may do more than the console is meant to: drop it.")
        return connection

    async def _grant(self, engine: Engine) -> None:
        """Make the roles and grant them what they may do, unless that was done for the collections as they stand."""
        catalog = engine.catalog
        if self._granted == catalog.version:
            return
        with as_api_errors():
            about = await engine.pool.fetchrow(_WHO)
        assert about is not None
        self._owner = about["owner"]
        async with engine.pool.transaction() as tx:
            await tx.connection.execute(LOCK)
            if self._granted is None:
                await self._make(engine, tx)
            for sql in grants(catalog, self._owner, about["database"]):
                await tx.connection.execute(inline(sql))
        self._granted = catalog.version

    async def _make(self, engine: Engine, tx: Transaction) -> None:
        try:
            async with tx.savepoint():
                await ensure_roles(tx.connection, self._owner, role_key(self._dsn, engine.secret))
        except asyncpg.InsufficientPrivilegeError as failure:
            # Of the embedded PostgreSQL they are made by whoever starts it.
            names = [role_name(self._owner, mode) for mode in _MODES]
            there = await tx.connection.fetchval(
                "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = ANY ($1::text[])", names
            )
            if there != len(names):
                raise BadRequest(
                    f"The SQL console works as the database roles {' and '.join(names)}, which {self._owner} may not"
                    f" make: run ALTER ROLE {self._owner} CREATEROLE once."
                ) from failure


_MODES: Final[tuple[Mode, ...]] = ("read", "write")
