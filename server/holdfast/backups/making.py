"""Makes an archive: the database of one moment, and the files that it names."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from holdfast import __version__
from holdfast.backups import shelf
from holdfast.backups.archive import Writing
from holdfast.backups.ledger import Work
from holdfast.backups.manifest import DATABASE, FILES, FORMAT, FilesThen, Kind, Manifest, Member
from holdfast.backups.name import SUFFIX, made_up
from holdfast.backups.programs import dumped
from holdfast.backups.snapshot import Snapshot, snapshot
from holdfast.db.pool import Connection
from holdfast.engine import Engine
from holdfast.errors import ValidationFailed
from holdfast.expressions.moment import stamp
from holdfast.storage.disk import Missing, Taken
from holdfast.storage.place import BACKUPS
from holdfast.storage.spool import Spooled, disk_failure
from holdfast.storage.storage import Storage

_Done = TypeVar("_Done")
PART: Final = ".part-"
"""What the file of an archive that is being made begins with."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What archive somebody wants. Without a `name` one is made up. `by` is who that is, in words."""

    name: str = ""
    files: bool = True
    note: str = ""
    kind: Kind = "manual"
    by: str = ""


class Made(msgspec.Struct, frozen=True):
    """An archive that was made; sizes are in bytes."""

    key: str
    size: int
    sha256: str
    rows: int
    collections: int
    files: int


async def make_backup(engine: Engine, connection: Connection, work: Work, wanted: Wanted) -> Made:
    """Make an archive and put it on the shelf, on the connection that holds the locks.

    Raises Unavailable when the database, the disk, pg_dump or the storage fails, and ValidationFailed for a name that
    is taken; then nothing is left behind.
    """
    storage = engine.backups
    if wanted.name:
        await shelf.check_free(storage, wanted.name)
    folder = engine.settings.data / BACKUPS
    writing = await asyncio.to_thread(_begin, folder)
    try:
        async with snapshot(connection) as moment:
            key = wanted.name or await _free_name(storage, made_up(wanted.kind, moment.project, datetime.now(UTC)))
            work.key = key
            manifest = await _write(engine, moment, writing, work, wanted)
        work.at("keep")
        size, sha256 = await _on_disk(lambda: writing.finish(manifest))
        key = work.key = await _keep(storage, key, Spooled(size, sha256, b"PK\x03\x04", b"", writing.path), wanted)
        stored = await shelf.stored_now(storage, key)
        await shelf.put(engine.pool, stored, sha256, manifest, "")
    finally:
        await asyncio.to_thread(writing.discard)
    files = 0 if manifest.files is None else manifest.files.count
    return Made(key, size, sha256, manifest.rows, manifest.declared, files)


async def _free_name(storage: Storage, name: str) -> str:
    """A made-up name, or one with a number where another backup of the same second has it."""
    number, free = 1, name
    while await storage.size(free) is not None:
        number += 1
        free = f"{name.removesuffix(SUFFIX)}_{number}{SUFFIX}"
    return free


async def _keep(storage: Storage, key: str, content: Spooled, wanted: Wanted) -> str:
    """Give an archive its name, or another one that is made up; that name.

    Raises ValidationFailed where somebody has put an archive of the wanted name there meanwhile.
    """
    while True:
        try:
            await storage.keep_new(key, content)
        except Taken as failure:
            if wanted.name:
                raise ValidationFailed({"name": shelf.TAKEN}) from failure
            key = await _free_name(storage, key)
        else:
            return key


def _begin(folder: Path) -> Writing:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for left in folder.glob(f"{PART}*"):  # whoever began it was killed: there is one at a time
            left.unlink(missing_ok=True)
        return Writing(folder / f"{PART}{secrets.token_hex(8)}")
    except OSError as failure:
        raise disk_failure(failure) from failure


async def _write(engine: Engine, moment: Snapshot, writing: Writing, work: Work, wanted: Wanted) -> Manifest:
    database = await _database(engine.pool.dsn, moment, writing, work)
    files = await _files(engine, moment, writing, work) if wanted.files else None
    return Manifest(
        format=FORMAT,
        holdfast=__version__,
        postgres=moment.version,
        migration=moment.migration,
        project=moment.project,
        origin=shelf.fingerprint(engine),
        made=stamp(moment.at),
        by=wanted.by,
        kind=wanted.kind,
        note=wanted.note,
        collections=moment.collections,
        database=database,
        sums=await _on_disk(writing.sums),
        files=files,
    )


async def _database(dsn: str, moment: Snapshot, writing: Writing, work: Work) -> Member:
    work.at("database")
    await _on_disk(lambda: writing.begin(DATABASE))
    async for piece in dumped(dsn, moment.major, moment.options):
        await _on_disk(lambda piece=piece: writing.add(piece))
        work.done = writing.size
    return await _on_disk(writing.end)


async def _files(engine: Engine, moment: Snapshot, writing: Writing, work: Work) -> FilesThen:
    work.at("files", await moment.files_size())
    count, size, missing = 0, 0, 0
    async for key, used in moment.files():
        pieces = engine.storage.read(key)
        try:
            first = await anext(pieces, b"")
        except Missing:
            missing += used  # what no record holds may go, and has no need to come back
            continue
        await _on_disk(lambda key=key, first=first: (writing.begin(FILES + key), writing.add(first)))
        size += len(first)
        async for piece in pieces:
            await _on_disk(lambda piece=piece: writing.add(piece))
            size += len(piece)
            work.done = size
        await _on_disk(writing.end)
        count, work.done = count + 1, size
    return FilesThen(count, size, missing)


async def _on_disk(step: Callable[[], _Done]) -> _Done:
    """A step that blocks, in a thread. Raises Unavailable when the disk takes no more."""
    try:
        return await asyncio.to_thread(step)
    except OSError as failure:
        raise disk_failure(failure) from failure
