"""Brings an archive into an empty database, and sees that it is all there."""

import asyncio
import hashlib
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Final

import asyncpg

from holdfast.backups.administration import Database
from holdfast.backups.archive import PIECE_BYTES, Reading
from holdfast.backups.ledger import Work
from holdfast.backups.manifest import DATABASE, FILES, FilesThen, Manifest, NotOurs, TooNew
from holdfast.backups.programs import contents, restored
from holdfast.backups.shelf import is_newer
from holdfast.backups.snapshot import count_rows
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Connection
from holdfast.db.sql import inline, name, raw
from holdfast.errors import Conflict, Unavailable
from holdfast.storage.disk import Missing
from holdfast.storage.storage import Storage

_KEY: Final = "SELECT EXISTS (SELECT FROM holdfast.settings WHERE key = 'secret')"
_EXTENSION: Final = re.compile(r"^\d+; \d+ \d+ EXTENSION - (\S+) ")
_LEFT_OUT: Final = re.compile(r"^\d+; \d+ \d+ (EXTENSION - |COMMENT - EXTENSION |COMMENT - SCHEMA |SCHEMA - public )")


@asynccontextmanager
async def opened(storage: Storage, key: str) -> AsyncGenerator[Reading]:
    """An archive, to be read. Raises NotOurs for one that is none of ours, is broken or too new, and Unavailable."""
    try:
        file = await asyncio.to_thread(storage.opened, key)
    except (Missing, OSError) as failure:
        raise Unavailable("The backup cannot be read just now: try again in a moment.") from failure
    try:
        yield await asyncio.to_thread(_checked, file)
    except OSError as failure:
        raise Unavailable("The backup cannot be read just now: try again in a moment.") from failure
    finally:
        await asyncio.to_thread(file.close)


def _checked(file: IO[bytes]) -> Reading:
    reading = Reading(file)
    if is_newer(reading.manifest.holdfast):
        raise TooNew(
            f"This backup was made by Holdfast {reading.manifest.holdfast}, which is newer than this server: "
            "upgrade it first."
        )
    return reading


async def load(reading: Reading, into: Database, admin: Connection, work: Work) -> None:
    """Read the dump of an archive into an empty database. Raises Conflict and Unavailable."""
    major = admin.get_server_version().major
    work.at("load", reading.manifest.database.size)
    listed = (await contents(major, _pieces(reading))).decode(errors="replace").splitlines()
    wanted = [found[1] for line in listed if (found := _EXTENSION.match(line))]
    await _extend(into, wanted)
    with tempfile.TemporaryDirectory(prefix="hf-restore-") as folder:
        chosen = Path(folder) / "list"
        text = "\n".join(line for line in listed if not _LEFT_OUT.match(line)) + "\n"
        await asyncio.to_thread(chosen.write_text, text)
        options = ("--no-owner", "--no-privileges", "--exit-on-error", f"--use-list={chosen}")
        await restored(into.dsn, major, options, _pieces(reading, work))


async def _extend(into: Database, wanted: Sequence[str]) -> None:
    connection = await asyncpg.connect(into.dsn, statement_cache_size=0)
    try:
        there = {row["extname"] for row in await connection.fetch("SELECT extname FROM pg_catalog.pg_extension")}
        for one in wanted:
            if one in there:
                continue
            try:
                await connection.execute(inline(raw("CREATE EXTENSION ") + name(one)))
            except asyncpg.PostgresError as failure:
                raise Conflict(
                    f"The backup needs the extension {one}, and it cannot be made here: {failure}. Let a superuser of "
                    "PostgreSQL make it in template1."
                ) from failure
    finally:
        await connection.close(timeout=5)


async def _pieces(reading: Reading, work: Work | None = None) -> AsyncIterator[bytes]:
    """The dump, piece by piece. Raises NotOurs when it is not as it was written."""
    pieces = reading.pieces(DATABASE)
    while True:
        piece = await asyncio.to_thread(next, pieces, b"")
        if not piece:
            return
        yield piece
        if work is not None:
            work.done += len(piece)


async def check_rows(into: Database, manifest: Manifest, work: Work) -> int:
    """Count what was loaded, and compare it with what was written down; how many records. Raises NotOurs."""
    work.at("count")
    connection = await asyncpg.connect(into.dsn, statement_cache_size=0)
    try:
        with as_api_errors():
            wrong = await _missed(connection, manifest)
    finally:
        await connection.close(timeout=5)
    if wrong:
        raise NotOurs(f"The backup is not whole: {'; '.join(wrong[:5])}.")
    return manifest.rows


async def _missed(connection: Connection, manifest: Manifest) -> list[str]:
    """What a loaded database has not, or has otherwise than it was written down. Raises asyncpg's errors."""
    wrong: list[str] = []
    for one in manifest.collections:
        if one.rows is None:
            continue
        try:
            rows = await count_rows(connection, one.name)
        except asyncpg.UndefinedTableError:
            wrong.append(f"{one.name} is missing")
            continue
        if rows != one.rows:
            wrong.append(f"{one.name} has {rows} records and should have {one.rows}")
    key = False
    with suppress(asyncpg.UndefinedTableError):
        key = await connection.fetchval(_KEY)
    if not key:
        wrong.append("the key of its server is missing")
    return wrong


async def check_members(reading: Reading, work: Work) -> int:
    """Read all of an archive, and see that each part is as it was written; how many files. Raises NotOurs."""
    files = reading.manifest.files or FilesThen()
    work.at("check", reading.manifest.database.size + files.bytes)
    count = await asyncio.to_thread(_read_all, reading, work)
    listed = sum(1 for one in reading.sums if one.startswith(FILES))
    if not count == listed == files.count:
        raise NotOurs(f"It has {count} files and should have {files.count}: the archive is damaged.")
    return count


def _read_all(reading: Reading, work: Work) -> int:
    count = 0
    for member in (DATABASE, *(FILES + key for key, _ in reading.files())):
        for piece in reading.pieces(member):
            work.done += len(piece)
        count += member != DATABASE
    return count


async def digest_of(storage: Storage, key: str, work: Work, size: int) -> str:
    """The SHA-256 of a whole archive."""
    work.at("check", size)
    digest = hashlib.sha256()

    def read() -> None:
        with storage.opened(key) as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                work.done += len(piece)

    try:
        await asyncio.to_thread(read)
    except (Missing, OSError) as failure:
        raise Unavailable("The backup cannot be read just now: try again in a moment.") from failure
    return digest.hexdigest()
