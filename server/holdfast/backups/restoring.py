"""Brings an archive back: it is loaded beside the database, which goes on, and then takes its place at once."""

import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final, TypeAlias

import asyncpg
import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write_after
from holdfast.auth.superusers import has_superuser
from holdfast.backups import shelf
from holdfast.backups.administration import (
    Database,
    administration,
    database_of,
    drop_left_behind,
    make_scratch,
)
from holdfast.backups.archive import Reading
from holdfast.backups.laying import lay_files
from holdfast.backups.ledger import Work
from holdfast.backups.loading import check_members, check_rows, load, opened
from holdfast.backups.making import Wanted, make_backup
from holdfast.backups.manifest import NotOurs
from holdfast.backups.settling import TARGET, finish, settle
from holdfast.backups.swapping import drop_quietly, swap
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Connection
from holdfast.engine import Engine
from holdfast.errors import Conflict, Unavailable

Prepare: TypeAlias = Callable[[Settings, str], Awaitable[object]]
"""Brings a database to this server's version. Raises CannotStart."""
ROOM: Final = 3  # times the dump: what a database takes, with its indexes and its log


class RestoreWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to be brought back. `safety`: a backup of what there is now is made before.

    `first`: in place of the first superuser, of whom there may be none when it is done. The archive was put there for
    this restore alone, and goes if that fails.
    """

    key: str
    safety: bool = True
    deliveries: bool = False
    by: str = ""
    first: bool = False


class Restored(msgspec.Struct, frozen=True):
    """What came of it. `safety` is the backup of what there was, or empty; `lost` are files that are nowhere."""

    safety: str
    rows: int
    collections: int
    files: int
    lost: int


async def restore_backup(
    engine: Engine, author: Author, holder: Connection, work: Work, wanted: RestoreWanted, prepare: Prepare
) -> Restored:
    """Bring an archive back, on the connection that holds the locks.

    When it returns, the database is another one, in which it is written down what was done; every process notices, and
    so does this one. Until then everything goes on as if nothing were, and if anything fails it stays so. Raises
    Conflict for an archive that cannot be brought back and for a role that may make no database, and Unavailable.
    """
    try:
        async with opened(engine.backups, wanted.key) as reading:
            _check_room(engine, reading)
            await check_members(reading, work)
            safety = await _safety(engine, author, holder, work, wanted)
            return await _bring_back(engine, author, holder, work, wanted, prepare, reading, safety)
    except NotOurs as failure:
        raise Conflict(f"The backup cannot be brought back, and nothing was changed: {failure}") from failure
    except CannotStart as failure:
        raise Conflict(f"The backup cannot be brought back, and nothing was changed: {failure}") from failure


def _check_room(engine: Engine, reading: Reading) -> None:
    """Raise Unavailable where the files surely do not fit on the disk of this machine."""
    if engine.storage.path("") is None:
        return
    files = 0 if reading.manifest.files is None else reading.manifest.files.bytes
    free = shutil.disk_usage(engine.settings.data).free
    there = ROOM * reading.manifest.database.size if not engine.settings.database_url else 0
    if free < there + files // 20:
        raise Unavailable("The disk has too little room to load the backup beside the database.", retry_after=60)


async def _safety(engine: Engine, author: Author, holder: Connection, work: Work, wanted: RestoreWanted) -> str:
    if not wanted.safety:
        return ""
    key = work.key
    work.at("safety")
    note = f"before {wanted.key} was brought back"
    made = await make_backup(engine, holder, work, Wanted(kind="safety", note=note, by=wanted.by))
    work.key = key
    after = {"size": made.size, "rows": made.rows, "files": made.files, "kind": "safety"}
    entry = Entry(action="backup.created", target=Target(TARGET, made.key, made.key), after=after)
    await write_after(engine.pool, author, entry)
    return made.key


async def _bring_back(
    engine: Engine,
    author: Author,
    holder: Connection,
    work: Work,
    wanted: RestoreWanted,
    prepare: Prepare,
    reading: Reading,
    safety: str,
) -> Restored:
    dsn, manifest = engine.pool.dsn, reading.manifest
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(administration(engine.settings, dsn)) for _ in range(2)]
        with as_api_errors():
            old = await database_of(engine.pool)
            await drop_left_behind(first, old)
            scratch = await make_scratch(first, old, dsn)
        try:
            rows = await _load(engine, reading, scratch, first, work, prepare)
            new = await _connect(scratch)
            try:
                brought, lost = await lay_files(engine, reading, new, work)
                done = Restored(safety, rows, manifest.declared, brought, lost)
                work.at("swap")
                with as_api_errors():
                    ours = manifest.origin == shelf.fingerprint(engine)
                    await settle(holder, new, manifest, ours=ours, deliveries=wanted.deliveries)
                    await finish(holder, new, author, work, manifest, msgspec.structs.asdict(done))
            finally:
                new.terminate()
            await _check_first(engine, wanted)
            with as_api_errors():
                before = await swap(first, second, holder, old, scratch.name)
            work.settled = True
        except BaseException:
            await drop_quietly(second, scratch.name)
            raise
        await drop_quietly(second, before)
        return done


async def _check_first(engine: Engine, wanted: RestoreWanted) -> None:
    """Raise Conflict where somebody was faster than a first run: they would lose what they have made."""
    if wanted.first and await has_superuser(engine.pool):
        raise Conflict("This server has a superuser by now, who can bring the backup back.")


async def _load(
    engine: Engine, reading: Reading, scratch: Database, admin: Connection, work: Work, prepare: Prepare
) -> int:
    await load(reading, scratch, admin, work)
    rows = await check_rows(scratch, reading.manifest, work)
    work.at("migrate")
    await prepare(engine.settings, scratch.dsn)
    return rows


async def _connect(database: Database) -> Connection:
    connection = await asyncpg.connect(database.dsn, statement_cache_size=0)
    await connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
    return connection
