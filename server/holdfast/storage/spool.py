"""Bytes on their way from a request to the storage: in memory while they are few, then in a file of the spool."""

import asyncio
import hashlib
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.errors import Unavailable

MEMORY_BYTES: Final = 256 * 1024  # of one file; what is larger is written to the disk as it comes
BATCH_BYTES: Final = 1024 * 1024  # written at once
SYNC_BYTES: Final = 64 * 1024 * 1024  # between two looks that the disk has them
HEAD_BYTES: Final = 8192  # of a file, by which its type is found


class Spooled:
    """A whole file that has come: its size in bytes, SHA-256, first bytes, and either `content` or a `path`.

    One that is `lasting` is somebody else's to delete.
    """

    __slots__ = ("content", "digest", "head", "lasting", "path", "size")

    def __init__(
        self, size: int, digest: str, head: bytes, content: bytes, path: Path | None, *, lasting: bool = False
    ) -> None:
        self.size = size
        self.digest = digest
        self.head = head
        self.content = content
        self.path = path
        self.lasting = lasting

    @classmethod
    def of(cls, content: bytes) -> "Spooled":
        """One that is in memory."""
        return cls(len(content), hashlib.sha256(content).hexdigest(), content[:HEAD_BYTES], content, None)

    def discard(self) -> None:
        """Forget the file, unless the storage has taken it over."""
        if self.path is not None and not self.lasting:
            self.path.unlink(missing_ok=True)


class Spool:
    """A file that is coming. Ends with `finish`, or `discard`.

    While a thread writes what has come, more comes; so a file takes as long as the slower of line and disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digest = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._size = 0
        self._head = b""
        self._path: Path | None = None
        self._handle = -1
        self._unsynced = 0
        self._turn = threading.Lock()  # of the thread that writes, and of who closes the file meanwhile
        self._discarded = False
        self._writing: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> None:
        """Take more bytes. Raises Unavailable when the disk takes no more."""
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._size += len(data)
        if self._waiting_bytes > (MEMORY_BYTES if self._path is None else BATCH_BYTES):
            await self._hand_over()

    async def finish(self) -> Spooled:
        """The file as a whole. Raises Unavailable when the disk takes no more."""
        if self._path is None:
            content = b"".join(self._waiting)
            self._digest.update(content)
            return Spooled(self._size, self._digest.hexdigest(), self._head, content, None)
        await self._hand_over()
        await self._written()
        self._close()
        return Spooled(self._size, self._digest.hexdigest(), self._head, b"", self._path)

    def discard(self) -> None:
        """Forget what has come."""
        with self._turn:
            self._discarded = True
            self._close()
        if self._writing is not None:
            self._writing.add_done_callback(_seen)
        if self._path is not None:
            with suppress(OSError):  # where nothing can be written there may be nothing
                self._path.unlink()

    async def _hand_over(self) -> None:
        """Let a thread write what waits, as soon as it has written what came before."""
        await self._written()
        if self._path is None:
            self._path = self._folder / secrets.token_hex(16)
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._writing = asyncio.get_running_loop().run_in_executor(None, self._write, self._path, waiting)

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _write(self, path: Path, waiting: list[bytes]) -> None:
        with self._turn:
            if self._discarded:
                return
            try:
                if self._handle < 0:
                    self._folder.mkdir(parents=True, exist_ok=True)
                    self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                for piece in waiting:
                    self._digest.update(piece)
                    left = memoryview(piece)
                    while left:
                        left = left[os.write(self._handle, left) :]
                    self._unsynced += len(piece)
                handle = os.dup(self._handle) if self._unsynced > SYNC_BYTES else -1
            except OSError as failure:
                raise disk_failure(failure) from failure
        if handle >= 0:
            self._unsynced = 0
            _sync(handle)

    def _close(self) -> None:
        if self._handle >= 0:
            with suppress(OSError):
                os.close(self._handle)
            self._handle = -1


def _seen(writing: asyncio.Future[None]) -> None:
    """Look at a failure that nobody waits for any more."""
    if not writing.cancelled():
        writing.exception()


def _sync(handle: int) -> None:
    """See that the disk has a part of a file: now, and not all of it in the end, when everybody waits for it."""
    try:
        os.fdatasync(handle)
    except OSError as failure:
        raise disk_failure(failure) from failure
    finally:
        os.close(handle)


def disk_failure(failure: OSError) -> Unavailable:
    """What a client is told when the server's disk is full, or broken."""
    return Unavailable(
        f"The server cannot keep files just now: {failure.strerror or 'its disk fails'}.", retry_after=30
    )
