"""Files are brought from one place to another. What is there already is not brought again: a break costs nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from holdfast.db.pool import Connection
from holdfast.engine import Engine
from holdfast.errors import BadRequest
from holdfast.storage.pending import head_of
from holdfast.storage.place import FOLDER, Place
from holdfast.storage.spool import Spooled
from holdfast.storage.storage import Missing, Storage

AT_ONCE: Final = 4  # files on their way
BATCH: Final = 200  # files between two looks at the register
MOST_SHOWN: Final = 100
DISK: Final = "disk"
BUCKET: Final = "bucket"
SCHEMES: Final = ("s3", "gs", "az", "file")
_THERE: Final = "CREATE TEMP TABLE hf_there (key text PRIMARY KEY, size bigint)"
# Files that are on their way into the storage are in the register, and unused: they come with the next pass.
_MISSING: Final = """
    SELECT f.key, f.size FROM holdfast.files AS f LEFT JOIN hf_there AS there ON there.key = f.key
     WHERE there.size IS DISTINCT FROM f.size AND f.key > $1 ORDER BY f.key LIMIT $2
"""
_MOVED: Final = """
    SELECT f.key FROM holdfast.files AS f JOIN hf_there AS there ON there.key = f.key AND there.size = f.size
     WHERE f.key > $1 ORDER BY f.key LIMIT $2
"""
_THUMBS: Final = "SELECT key FROM holdfast.thumbs WHERE key > $1 ORDER BY key LIMIT $2"

Progress = Callable[[int, int], None]
"""Told after each batch: how many files, and how many bytes, have been brought so far."""


class Moved(msgspec.Struct, frozen=True, rename="camel"):
    """What was brought. `there` was at its place already, `lost` is not where the register has it, or damaged."""

    copied: int = 0
    bytes: int = 0
    there: int = 0
    lost: int = 0
    deleted: int = 0
    lost_keys: tuple[str, ...] = ()


def read_place(engine: Engine, text: str) -> Place:
    """Where `disk`, `bucket` (that of /api/settings) or a URL is. Raises BadRequest for what is none of them."""
    folder = engine.settings.data / FOLDER
    if text == DISK:
        return Place(folder)
    if text == BUCKET:
        s3 = engine.options.s3
        if not s3.bucket or not s3.endpoint:
            raise BadRequest("The bucket is not set up: send its settings to PATCH /api/settings, with enabled false.")
        return Place(folder, s3)
    if urlsplit(text).scheme not in SCHEMES:
        raise BadRequest(f"A place is {DISK}, {BUCKET} or a URL that begins with one of {', '.join(SCHEMES)}.")
    return Place(folder, url=text)


async def copy_files(engine: Engine, source: Storage, target: Storage, progress: Progress) -> Moved:
    """Bring all files of the register to the target that it does not have in their size; nothing is deleted.

    Small pictures stay behind: they are made again. Raises an ExceptionGroup with Unavailable when either place is
    away; what was brought by then stays, and is not brought again.
    """
    async with _listed(engine, target) as (connection, there):
        copied, size, lost, last = 0, 0, list[str](), ""
        while rows := await connection.fetch(_MISSING, last, BATCH):
            turns = asyncio.Semaphore(AT_ONCE)
            wanted = [(row["key"], row["size"]) for row in rows]
            async with asyncio.TaskGroup() as group:
                works = (_copied(engine, source, target, key, bytes, turns) for key, bytes in wanted)
                found = [group.create_task(work) for work in works]
            for (key, bytes), task in zip(wanted, found, strict=True):
                copied, size = copied + task.result(), size + bytes * task.result()
                if not task.result():
                    lost.append(key)
            last = wanted[-1][0]
            progress(copied, size)
    return Moved(copied, size, there, len(lost), 0, tuple(lost[:MOST_SHOWN]))


async def delete_moved(engine: Engine, source: Storage, target: Storage) -> int:
    """Delete from the source what the target has in the same size, and its small pictures; how many files that was."""
    deleted = 0
    async with _listed(engine, target) as (connection, _):
        for statement in (_THUMBS, _MOVED):
            last = ""
            while rows := await connection.fetch(statement, last, BATCH):
                keys = [row["key"] for row in rows]
                await source.delete(keys)
                last = keys[-1]
                deleted += len(keys) if statement is _MOVED else 0
        await connection.execute("DELETE FROM holdfast.thumbs AS t WHERE t.key NOT IN (SELECT key FROM hf_there)")
    return deleted


@asynccontextmanager
async def _listed(engine: Engine, target: Storage) -> AsyncGenerator[tuple[Connection, int], None]:
    """A connection with a table of what the target has, and how much that is."""
    connection = await engine.pool.connect()
    try:
        await connection.execute(_THERE)
        count = 0
        async for page in target.walk():
            rows = [(one.key, one.size) for one in page]
            await connection.copy_records_to_table("hf_there", records=rows, columns=("key", "size"))
            count += len(rows)
        yield connection, count
    finally:
        await connection.close()


async def _copied(
    engine: Engine, source: Storage, target: Storage, key: str, size: int, turns: asyncio.Semaphore
) -> bool:
    """Whether a file could be brought: False if the source has it not, or not whole."""
    async with turns:
        try:
            async with _local(engine, source, key) as path:
                if (await asyncio.to_thread(path.stat)).st_size != size:
                    return False
                head = await asyncio.to_thread(head_of, path)
                await target.keep(key, Spooled(size, "", head, b"", path, lasting=True))
        except (Missing, FileNotFoundError):
            return False
        return True


@asynccontextmanager
async def _local(engine: Engine, source: Storage, key: str) -> AsyncGenerator[Path, None]:
    """An object as a file of this machine. Raises Missing, FileNotFoundError and Unavailable."""
    there = source.path(key)
    if there is not None:
        yield there
        return
    copy = engine.spool.new_path()
    try:
        await source.copy_to(key, copy)
        yield copy
    finally:
        copy.unlink(missing_ok=True)
