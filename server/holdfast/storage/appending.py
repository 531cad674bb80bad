"""A file that grows by pieces, of which each is taken by one writer at a time."""

import asyncio
import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from holdfast.errors import Conflict, NotFound
from holdfast.storage.spool import disk_failure

GATHERED_BYTES: Final = 1024 * 1024  # before they are written
CHECKSUMS: Final = ("sha1", "sha256", "md5")


class Appending:
    """Writes behind the end of a file. Use `open`, then `write` as often as there is something, then `close`.

    What was written stays, whatever happens next, unless `undo` is called.
    """

    def __init__(self, handle: int, start: int, checksum: str) -> None:
        self._handle = handle
        self._start = start
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._digest: Any = hashlib.new(checksum, usedforsecurity=False) if checksum else None
        self.end = start  # where the file ends, with what waits to be written

    @classmethod
    async def open(cls, path: Path, start: int, checksum: str = "") -> "Appending":
        """Begin to write at `start`, which has to be where the file ends.

        Raises NotFound, Conflict when somebody else writes or the file ends elsewhere, and Unavailable.
        """
        return await asyncio.to_thread(cls._open, path, start, checksum)

    @classmethod
    def _open(cls, path: Path, start: int, checksum: str) -> "Appending":
        try:
            handle = os.open(path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError as failure:
            raise NotFound from failure
        except OSError as failure:
            raise disk_failure(failure) from failure
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = os.fstat(handle).st_size
            if size != start:
                raise Conflict(f"Upload-Offset has to be {size}: so many bytes have come.")
        except BlockingIOError as failure:
            os.close(handle)
            raise Conflict("Another request is sending bytes of this upload just now.") from failure
        except BaseException:
            os.close(handle)
            raise
        return cls(handle, start, checksum)

    async def write(self, data: bytes) -> None:
        """Take more bytes. Raises Unavailable when the disk takes no more."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.end += len(data)
        if self._waiting_bytes >= GATHERED_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. Raises Unavailable."""
        if self._waiting:
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
            await asyncio.to_thread(self._write, waiting)

    def digest(self) -> bytes:
        """The checksum of all that was written."""
        return self._digest.digest()

    async def undo(self) -> None:
        """Forget what was written. Raises Unavailable."""
        self._waiting.clear()
        try:
            await asyncio.to_thread(os.ftruncate, self._handle, self._start)
        except OSError as failure:
            raise disk_failure(failure) from failure
        self.end = self._start

    def close(self) -> None:
        """Let others write."""
        with suppress(OSError):
            os.close(self._handle)

    def _write(self, waiting: list[bytes]) -> None:
        try:
            for piece in waiting:
                if self._digest is not None:
                    self._digest.update(piece)
                left = memoryview(piece)
                while left:
                    left = left[os.write(self._handle, left) :]
        except OSError as failure:
            raise disk_failure(failure) from failure


def create_empty(path: Path) -> None:
    """Make the file of a new upload. Blocks; raises Unavailable when the disk takes no more."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as failure:
        raise disk_failure(failure) from failure
