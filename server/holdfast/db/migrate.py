"""Brings the system schema to this server's version: all of it in one transaction, or nothing.

Piccolo runs the migrations, but costs half a second to import. So what is applied is compared with the
files first, in plain SQL, and on a normal start Piccolo is never loaded.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, LiteralString, cast

import asyncpg

from holdfast import paths
from holdfast.db.cannot_start import CannotStart
from holdfast.db.pool import Connection

APP: Final = "holdfast"
LOCK: Final = (0x48460000, 1)  # "HF", advisory lock of whoever migrates
LOCK_WAIT: Final = "15min"  # for another process that migrates; it may be building indexes
LOCK_TIMEOUT: Final = "10s"  # for a table that somebody else is using

_PREPARE: Final = """
CREATE SCHEMA IF NOT EXISTS holdfast;
REVOKE ALL ON SCHEMA holdfast FROM PUBLIC;
CREATE TABLE IF NOT EXISTS holdfast.migration (
    id          serial          PRIMARY KEY,
    name        varchar(200)    NOT NULL DEFAULT '',
    app_name    varchar(200)    NOT NULL DEFAULT '',
    ran_on      timestamp       NOT NULL DEFAULT now()
);
SET LOCAL search_path TO holdfast;
SET LOCAL timezone TO 'UTC'; -- what ran_on is in
"""


# Last of all, and only where it is not there yet: whoever asks what was applied waits from here until the commit.
_REMEMBER: Final = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                    WHERE attrelid = 'holdfast.migration'::regclass AND attname = 'checksum') THEN
        ALTER TABLE holdfast.migration ADD COLUMN checksum text; -- of its file; null for those of before
    END IF;
END $$;
"""
_CHECKSUM: Final = "UPDATE holdfast.migration SET checksum = $2 WHERE name = $1 AND app_name = $3"


class MigrationError(CannotStart):
    """The system schema cannot be brought to this server's version; the message says which migration and why."""


async def migrate(dsn: str, *, folder: Path | None = None, options: dict[str, Any] | None = None) -> list[str]:
    """Apply the migrations that this database does not have yet; returns their names, in order.

    Safe from several processes at once: one applies, the others wait and find nothing.
    Raises MigrationError for a migration that fails, which leaves nothing behind, and for a database that a newer
    server has migrated. `options` go to asyncpg.connect.
    """
    files = _files(folder or paths.migrations())
    connection = await _connect(dsn, options)
    try:
        if not pending(tuple(files), await _applied(connection)):
            return []
        async with connection.transaction():
            await _lock(connection)
            missing = pending(tuple(files), await _applied(connection))
            if missing:
                await _run(connection, [files[name] for name in missing], backwards=False)
        return missing
    finally:
        await connection.close()


async def outstanding(dsn: str, *, folder: Path | None = None, options: dict[str, Any] | None = None) -> list[str]:
    """The migrations that `migrate` would apply, in order. Changes nothing.

    Raises MigrationError for a database that a newer server has migrated.
    """
    connection = await _connect(dsn, options)
    try:
        return pending(tuple(_files(folder or paths.migrations())), await _applied(connection))
    finally:
        await connection.close()


async def revert(dsn: str, name: str, *, folder: Path | None = None) -> list[str]:
    """Undo the migration `name` and all after it, newest first; returns what was undone.

    Raises MigrationError when it was never applied, or cannot be undone.
    """
    files = _files(folder or paths.migrations())
    connection = await _connect(dsn, None)
    try:
        async with connection.transaction():
            await _lock(connection)
            applied = await _applied(connection)
            pending(tuple(files), applied)
            if name not in applied:
                raise MigrationError(f"The migration {name} is not applied in this database.")
            undone = [one for one in reversed(applied) if one >= name]
            await _run(connection, [files[one] for one in undone], backwards=True)
        return undone
    finally:
        await connection.close()


def pending(known: Sequence[str], applied: Sequence[str]) -> list[str]:
    """The migrations to apply, in order.

    Raises MigrationError if the database has some that this server does not know.
    """
    newer = sorted(set(applied) - set(known))
    if newer:
        raise MigrationError(
            f"The database was migrated by a newer Holdfast (it has {', '.join(newer)}): "
            "start that version, or restore a backup from before the upgrade."
        )
    return sorted(set(known) - set(applied))


def _files(folder: Path) -> dict[str, Path]:
    """The migrations by name: m0001_system_initial.py is 0001_system_initial."""
    return {path.stem.removeprefix("m"): path for path in sorted(folder.glob("m[0-9]*.py"))}


def checksum(path: Path) -> str:
    """What a file is known by: another text has another one, another way to end lines has not."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


async def _connect(dsn: str, options: dict[str, Any] | None) -> Connection:
    # Without a cache of statements this works through PgBouncer, too.
    connection = await asyncpg.connect(dsn, statement_cache_size=0, **(options or {}))
    return cast(Connection, connection)


async def _applied(connection: Connection) -> list[str]:
    # Not to_regclass: a transaction that waited for the lock would be told from its cache that there is no table.
    if not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'holdfast' AND tablename = 'migration')"
    ):
        return []
    rows = await connection.fetch("SELECT name FROM holdfast.migration WHERE app_name = $1 ORDER BY name", APP)
    return [row["name"] for row in rows]


async def _lock(connection: Connection) -> None:
    await _set(connection, "lock_timeout", LOCK_WAIT)
    try:
        await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", *LOCK)
    except asyncpg.LockNotAvailableError as failure:
        raise MigrationError(f"Another process has been migrating this database for {LOCK_WAIT}.") from failure
    await _set(connection, "lock_timeout", LOCK_TIMEOUT)
    await _set(connection, "statement_timeout", "0")


async def _set(connection: Connection, setting: LiteralString, content: str) -> None:
    await connection.execute("SELECT set_config($1, $2, true)", setting, content)


async def _run(connection: Connection, files: list[Path], *, backwards: bool) -> None:
    from holdfast.db.apply import apply, undo  # imports Piccolo

    try:
        await connection.execute(_PREPARE)
    except asyncpg.InsufficientPrivilegeError as failure:
        raise MigrationError(
            "The database role may not make schemas: run GRANT CREATE ON DATABASE <database> TO <role>."
        ) from failure
    for path in files:
        name = path.stem.removeprefix("m")
        try:
            await (undo if backwards else apply)(connection, path)
        except Exception as failure:
            verb = "undone" if backwards else "applied"
            raise MigrationError(
                f"The migration {name} cannot be {verb}, and nothing was changed: {_reason(failure)}"
            ) from failure
    if not backwards:
        await _remember(connection, files)


async def _remember(connection: Connection, files: list[Path]) -> None:
    """Write down of which text the migrations were that have just been applied."""
    await connection.execute(_REMEMBER)
    for path in files:
        await connection.execute(_CHECKSUM, path.stem.removeprefix("m"), checksum(path), APP)


def _reason(failure: Exception) -> str:
    if isinstance(failure, asyncpg.LockNotAvailableError):
        return f"a lock on a table was not to be had within {LOCK_TIMEOUT}; stop what uses it and start again."
    return f"{type(failure).__name__}: {failure}"
