"""The files of PocketBase's records: found in its storage, copied into the one in use before any record comes.

Until the records are there the files are unused, so what a killed move leaves is cleared away like any other file that
nobody holds.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.pocketbase.failed import CannotMove
from holdfast.storage.media_type import media_type_of
from holdfast.storage.register import File, take_back
from holdfast.storage.spool import HEAD_BYTES, Spool
from holdfast.storage.storage import Storage

AT_ONCE: Final = 8  # files that are copied beside each other
LISTED_AT_ONCE: Final = 500
READ_BYTES: Final = 1024 * 1024
THUMBS: Final = "thumbs_"  # what PocketBase's folders of small pictures begin with
ATTRIBUTES: Final = ".attrs"  # what its files about files end with
_GIVEN: Final = (
    raw("unnest(")
    + named("collections", "text[]")
    + raw(", ")
    + named("records", "text[]")
    + raw(", ")
    + named("names", "text[]")
)
_KNOWN: Final = Statement.of(
    raw("SELECT f.collection_id, f.record_id, f.name, f.size FROM ")
    + _GIVEN
    + raw(") AS given (collection_id, record_id, name) JOIN holdfast.files AS f USING (collection_id, record_id, name)")
    + raw(" WHERE f.unused IS NULL")
)
# A day ahead: whatever grace unused files have, a move takes less. The records set `unused` right, `settle` the date.
_ANNOUNCE: Final = Statement.of(
    raw("INSERT INTO holdfast.files AS f (collection_id, record_id, name, field_id, key, size, media_type, created,")
    + raw(" unused) SELECT given.*, now() + interval '1 day', now() + interval '1 day' FROM ")
    + _GIVEN
    + raw(", ")
    + named("fields", "text[]")
    + raw(", ")
    + named("keys", "text[]")
    + raw(", ")
    + named("sizes", "bigint[]")
    + raw(", ")
    + named("types", "text[]")
    + raw(") AS given ON CONFLICT (collection_id, record_id, name) DO UPDATE SET key = excluded.key,")
    + raw(" size = excluded.size, media_type = excluded.media_type, created = excluded.created,")
    + raw(" unused = CASE WHEN f.unused IS NOT NULL THEN excluded.unused END")
)
_SETTLE: Final = Statement.of(raw("UPDATE holdfast.files SET created = now() WHERE created > now() AND unused IS NULL"))


class Held(msgspec.Struct, frozen=True):
    """A name that a record holds, in a field of this id."""

    collection_id: str
    record_id: str
    field_id: str
    name: str


class Shelf:
    """Where PocketBase keeps files: a folder of its directory, or a bucket."""

    def __init__(self, folder: Path, bucket: Storage | None) -> None:
        self._folder = folder
        self._bucket = bucket

    async def find(self, file: Held) -> File | None:
        """The file, without its media type; None if it is not there."""
        size = await self._size(self._key(file))
        if size is None:
            return None
        return File(file.collection_id, file.record_id, file.name, file.field_id, size)

    def _key(self, file: Held) -> str:
        return f"{file.collection_id}/{file.record_id}/{file.name}"

    async def _size(self, key: str) -> int | None:
        if self._bucket is not None:
            return await self._bucket.size(key)
        with suppress(OSError):
            path = self._folder / key
            return path.stat().st_size if path.is_file() else None
        return None

    async def read(self, file: File, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of a file, or the first of them. Raises CannotMove where it cannot be read."""
        key = f"{file.collection_id}/{file.record_id}/{file.name}"
        if self._bucket is not None:
            async for piece in self._bucket.read(key, 0, end):
                yield piece
            return
        try:
            with (self._folder / key).open("rb") as handle:
                while piece := await asyncio.to_thread(handle.read, min(READ_BYTES, end or READ_BYTES)):
                    yield piece
                    if end is not None:
                        return
        except OSError as failure:
            raise CannotMove(f"The file {key} of PocketBase's storage cannot be read: {failure.strerror}.") from failure

    def names(self) -> int:
        """How many files there are, but for small pictures and what is about other files. Those of a bucket: 0."""
        return sum(1 for _ in _walk(self._folder)) if self._bucket is None else 0


def _walk(folder: Path) -> Iterator[str]:
    with suppress(OSError):
        for record in _folders(folder):
            with os.scandir(record) as entries:
                yield from (one.name for one in entries if one.is_file() and not one.name.endswith(ATTRIBUTES))


def _folders(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as collections:
        for collection in collections:
            if collection.is_dir():
                with os.scandir(collection.path) as records:
                    yield from (one.path for one in records if one.is_dir() and not one.name.startswith(THUMBS))


class Copied(msgspec.Struct, frozen=True):
    """What copying has done. `missing` are the files that are nowhere, `new` those that records are to take."""

    held: int
    there: int
    bytes: int
    missing: frozenset[tuple[str, str, str]]
    new: tuple[File, ...]


class Copying:
    """Copies files that records hold. `is_same`: the storage in use is the very bucket, and the files are there."""

    def __init__(self, pool: Pool, shelf: Shelf, storage: Storage, spool: Path, *, is_same: bool) -> None:
        self._pool = pool
        self._shelf = shelf
        self._storage = storage
        self._spool = spool
        self.is_same = is_same
        self._new: list[File] = []

    async def copy(self, held: Iterable[Held], *, only_look: bool) -> Copied:
        """Copy all that are not there yet, or `only_look` what that would be. Raises CannotMove, and Unavailable.

        When it raises, `take_back` deletes what it has copied.
        """
        counted, there, missing = 0, 0, set[tuple[str, str, str]]()
        for page in _pages(held):
            counted += len(page)
            found = [(one, await self._shelf.find(one)) for one in page]
            missing |= {(one.collection_id, one.record_id, one.name) for one, file in found if file is None}
            files = [file for _, file in found if file is not None]
            known = await self._known(files)
            new = [file for file in files if (file.collection_id, file.record_id, file.name, file.size) not in known]
            there += len(files) - len(new)
            if only_look:
                self._new += new
            else:
                await self._bring(new)
        size = sum(file.size for file in self._new)
        return Copied(counted, there, size, frozenset(missing), tuple(self._new))

    async def _known(self, files: Sequence[File]) -> set[tuple[str, str, str, int]]:
        with as_api_errors():
            rows = await self._pool.fetch(_KNOWN, Inputs(named=_columns(files)))
        return {(row["collection_id"], row["record_id"], row["name"], row["size"]) for row in rows}

    async def _bring(self, files: Sequence[File]) -> None:
        typed = [msgspec.structs.replace(file, media_type=await self._type(file)) for file in files]
        if self.is_same:
            self._new += typed
            return
        with as_api_errors():
            await self._pool.execute(_ANNOUNCE, Inputs(named=_announced(typed)))
        self._new += typed
        limit = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as tasks:
                for file in typed:
                    tasks.create_task(self._keep(file, limit))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def take_back(self) -> None:
        """Delete what was copied and no record has taken. In PocketBase's own bucket nothing is ever deleted."""
        if self._new and not self.is_same:
            await take_back(self._pool, self._storage, self._new)

    async def _type(self, file: File) -> str:
        head = b"".join([piece async for piece in self._shelf.read(file, HEAD_BYTES)]) if file.size else b""
        return media_type_of(head[:HEAD_BYTES])

    async def _keep(self, file: File, limit: asyncio.Semaphore) -> None:
        async with limit:
            spool = Spool(self._spool)
            try:
                async for piece in self._shelf.read(file):
                    await spool.write(piece)
                await self._storage.keep(file.key, await spool.finish())
            finally:
                spool.discard()


async def announce(tx: Transaction, files: Sequence[File]) -> None:
    """Write down files in the transaction that is to take them: those of a move that is only tried, or that stay where
    they are."""
    for start in range(0, len(files), LISTED_AT_ONCE):
        await tx.execute(_ANNOUNCE, Inputs(named=_announced(files[start : start + LISTED_AT_ONCE])))


async def settle(tx: Transaction) -> None:
    """Let the files be of now, when records have taken them."""
    await tx.execute(_SETTLE)


def _pages(held: Iterable[Held]) -> Iterator[list[Held]]:
    page: list[Held] = []
    for one in held:
        page.append(one)
        if len(page) == LISTED_AT_ONCE:
            yield page
            page = []
    if page:
        yield page


def _columns(files: Sequence[File]) -> dict[str, Any]:
    return {
        "collections": [one.collection_id for one in files],
        "records": [one.record_id for one in files],
        "names": [one.name for one in files],
    }


def _announced(files: Sequence[File]) -> dict[str, Any]:
    return _columns(files) | {
        "fields": [one.field_id for one in files],
        "keys": [one.key for one in files],
        "sizes": [one.size for one in files],
        "types": [one.media_type for one in files],
    }
