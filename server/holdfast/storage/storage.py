"""The objects themselves: kept, read, listed and deleted by their keys, wherever they are."""

import asyncio
import io
import os
import secrets
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
from typing_extensions import override

from holdfast.errors import Unavailable
from holdfast.schema.app_options import S3
from holdfast.storage.disk import Missing, Taken, delete_files, move_file, open_file, read_file
from holdfast.storage.media_type import INLINE, media_type_of
from holdfast.storage.place import SPOOL, Place
from holdfast.storage.spool import Spooled, disk_failure

if TYPE_CHECKING:
    from obstore import ReadableFile
    from obstore.store import ObjectStore

PIECE_BYTES: Final = 256 * 1024  # read at once from a bucket: so much of a file is in memory
PART_BYTES: Final = 8 * 1024 * 1024  # of an upload to a bucket, two of them at a time
LISTED_AT_ONCE: Final = 1000
PATIENCE: Final = {"timeout": "60s", "connect_timeout": "5s"}
_AWAY: Final = "The storage of files cannot be reached just now: try again in a moment."


class Stored(msgspec.Struct, frozen=True):
    """An object as a listing shows it; `size` is in bytes."""

    key: str
    size: int
    modified: datetime


class Storage:
    """One back end. Everything raises Unavailable when it is away; `disk` is its folder if it is on this machine."""

    def __init__(self, store: "ObjectStore", disk: Path | None = None) -> None:
        self._store = store
        self._disk = disk

    async def keep(self, key: str, content: Spooled) -> None:
        """Keep a file under a key. When this returns it outlives a crash of the machine, as far as the place can."""
        if self._disk is not None:
            await asyncio.to_thread(move_file, content, self._disk / key, self._disk.parent / SPOOL)
            return
        import obstore

        try:
            with _reaching():
                file = content.path or content.content
                # For who gets it from the bucket itself, by an address that is signed.
                found = media_type_of(content.head)
                shown = "inline" if found in INLINE else "attachment"
                said = {"Content-Type": found, "Content-Disposition": shown}
                await obstore.put_async(
                    *(self._store, key, file), attributes=said, chunk_size=PART_BYTES, max_concurrency=2
                )
        except Missing as failure:
            raise Unavailable("The storage of files cannot be used: there is no such bucket.") from failure

    async def keep_new(self, key: str, content: Spooled) -> None:
        """Keep a file under a key that nothing has. Raises Taken.

        A bucket is looked at right before, since what comes in parts cannot be put there on a condition: of two that
        put the same key there in the same moment, the later one stays.
        """
        if self._disk is not None:
            spool = self._disk.parent / SPOOL
            await asyncio.to_thread(move_file, content, self._disk / key, spool, new=True)
            return
        if await self.size(key) is not None:
            raise Taken
        await self.keep(key, content)

    def path(self, key: str) -> Path | None:
        """Where an object lies on this machine; None if it does not."""
        return None if self._disk is None else self._disk / key

    async def size(self, key: str) -> int | None:
        """How many bytes an object has; None if there is none."""
        import obstore

        try:
            with _reaching():
                return (await obstore.head_async(self._store, key))["size"]
        except Missing:
            return None

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of an object, or those from `start` up to, without, `end`. Raises Missing.

        What it raises, it raises at the first step, or the object is gone, or its place is away, in the middle.
        """
        if self._disk is not None:
            async with aclosing(read_file(self._disk / key, start, end)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        import obstore

        with _reaching():
            if end is not None:
                found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            elif start:
                found = await obstore.get_async(self._store, key, options={"range": {"offset": start}})
            else:
                found = await obstore.get_async(self._store, key)
            stream = found.stream(min_chunk_size=PIECE_BYTES)
        with _reaching():
            async for piece in stream:
                yield bytes(piece)

    def opened(self, key: str) -> IO[bytes]:
        """An object, to be read here and there. Blocks, as its reads do. Raises Missing, Unavailable and OSError."""
        if self._disk is not None:
            return os.fdopen(open_file(self._disk / key), "rb")
        import obstore

        with _reaching():
            return cast(IO[bytes], _Reader(obstore.open_reader(self._store, key)))

    async def copy_to(self, key: str, path: Path) -> None:
        """Write an object to a file of this machine. Raises Missing, and Unavailable when the disk takes no more."""
        try:
            with await asyncio.to_thread(path.open, "wb") as file:
                async for piece in self.read(key):
                    await asyncio.to_thread(file.write, piece)
        except OSError as failure:
            raise disk_failure(failure) from failure

    async def signed(self, key: str, seconds: int) -> str | None:
        """An address that anybody can get an object from for so long; None where there is no such thing.

        It costs no request. Raises Unavailable.
        """
        import obstore
        from obstore.store import AzureStore, GCSStore, S3Store

        if not isinstance(self._store, (S3Store, GCSStore, AzureStore)):
            return None
        with _reaching():
            return await obstore.sign_async(self._store, "GET", key, timedelta(seconds=seconds))

    async def reach(self) -> None:
        """Raise Unavailable unless objects can be had now. One small request."""
        if self._disk is not None:
            if not await asyncio.to_thread(os.access, self._disk, os.R_OK | os.W_OK | os.X_OK):
                raise Unavailable(_AWAY)
            return
        import obstore

        try:
            with _reaching():
                # Of all questions the cheapest that a bucket does not answer that is not there.
                await obstore.list(self._store, "hf_nothing", chunk_size=1).collect_async()  # pyright: ignore[reportUnknownMemberType]
        except Missing as failure:
            raise Unavailable(_AWAY) from failure

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no failure."""
        import obstore

        if self._disk is not None:
            await asyncio.to_thread(delete_files, self._disk, keys)
            return
        try:
            with _reaching():
                await obstore.delete_async(self._store, list(keys))
        except Missing:
            # Azure and Google tell of one that is not there, and the rest may be left undone.
            for key in keys:
                with suppress(Missing), _reaching():
                    await obstore.delete_async(self._store, key)

    async def walk(self, prefix: str = "") -> AsyncGenerator[list[Stored], None]:
        """All objects whose keys begin with the folders of `prefix`, some at a time, in no certain order."""
        import obstore

        with _reaching():
            pages: Any = obstore.list(self._store, prefix or None, chunk_size=LISTED_AT_ONCE)  # pyright: ignore[reportUnknownMemberType]
            async for page in pages:
                yield [Stored(one["path"], one["size"], one["last_modified"]) for one in page]

    async def probe(self) -> None:
        """Write, read and delete a small object: whether all of it can be done here."""
        key = f"holdfast_test_{secrets.token_hex(8)}/probe.txt"
        await self.keep(key, Spooled.of(b"holdfast"))
        try:
            read = b"".join([piece async for piece in self.read(key)])
        finally:
            await self.delete([key])
        if read != b"holdfast":
            raise Unavailable("The storage gives back other bytes than were put there.")


class _Reader(io.RawIOBase):
    """What the library gives for an object of a bucket, as a file of the language."""

    def __init__(self, reader: "ReadableFile") -> None:
        self._reader = reader

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._reader.seek(offset, whence)

    @override
    def tell(self) -> int:
        return self._reader.tell()

    @override
    def read(self, size: int = -1, /) -> bytes:
        return bytes(self._reader.read(None if size < 0 else size))


def open_storage(place: Place) -> Storage:
    """The back end at a place. Nothing is asked of it yet. Raises Unavailable for a place that cannot be."""
    # Here, since not every process touches files: 15 MB of it.
    from obstore.store import LocalStore, S3Store, from_url

    try:
        if place.url:
            return _at_url(place.url, from_url)
        if place.s3 is not None:
            return Storage(S3Store(place.s3.bucket, **_s3_options(place.s3)))
        place.folder.mkdir(parents=True, exist_ok=True)
        return Storage(LocalStore(place.folder), place.folder)
    except OSError as failure:
        raise disk_failure(failure) from failure
    except Exception as failure:
        raise Unavailable(f"The storage of files cannot be opened: {_first_line(failure)}") from failure


def _at_url(url: str, from_url: Any) -> Storage:
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(parts.path)
        folder.mkdir(parents=True, exist_ok=True)
        return Storage(from_url(url), folder)
    return Storage(from_url(url, client_options={**PATIENCE, "allow_http": True}))


def _s3_options(s3: S3) -> dict[str, Any]:
    endpoint = s3.endpoint if "://" in s3.endpoint else f"https://{s3.endpoint}"
    if not s3.force_path_style:
        # With the bucket as a part of the host, the library wants it to be there already.
        parts = urlsplit(endpoint)
        endpoint = urlunsplit(parts._replace(netloc=f"{s3.bucket}.{parts.netloc}"))
    return {
        "endpoint": endpoint,
        "region": s3.region,
        "access_key_id": s3.access_key,
        "secret_access_key": s3.secret,
        "virtual_hosted_style_request": not s3.force_path_style,
        "client_options": {**PATIENCE, "allow_http": True},
        "retry_config": {"max_retries": 3},
    }


@contextmanager
def _reaching() -> Generator[None, None, None]:
    """Turn the failures of the library into ours."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as failure:
        raise Missing from failure
    except OSError as failure:
        raise disk_failure(failure) from failure
    except BaseError as failure:
        raise Unavailable(_AWAY) from failure


def _first_line(failure: Exception) -> str:
    return str(failure).partition("\n")[0][:200]
