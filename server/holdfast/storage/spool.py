"""Bytes on their way from a request to the storage: in memory while they are few, then in a file of the spool."""

import asyncio
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from holdfast.errors import Unavailable

MEMORY_BYTES: Final = 256 * 1024  # of one file; what is larger is written to the disk as it comes
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
    """A file that is coming. Ends with `finish`, or `discard`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digest = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._size = 0
        self._head = b""
        self._file: Any = None
        self._path: Path | None = None

    async def write(self, data: bytes) -> None:
        """Take more bytes. Raises Unavailable when the disk takes no more."""
        self._digest.update(data)
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._size += len(data)
        if self._waiting_bytes > MEMORY_BYTES:
            await asyncio.to_thread(self._flush)

    async def finish(self) -> Spooled:
        """The file as a whole. Raises Unavailable when the disk takes no more."""
        digest = self._digest.hexdigest()
        if self._file is None:
            return Spooled(self._size, digest, self._head, b"".join(self._waiting), None)
        await asyncio.to_thread(self._close)
        return Spooled(self._size, digest, self._head, b"", self._path)

    def discard(self) -> None:
        """Forget what has come."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _flush(self) -> None:
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._path = self._folder / secrets.token_hex(16)
                self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)
            data = memoryview(b"".join(self._waiting))
            while data:
                data = data[self._file.write(data) :]
        except OSError as failure:
            raise disk_failure(failure) from failure
        self._waiting.clear()
        self._waiting_bytes = 0

    def _close(self) -> None:
        if self._waiting:
            self._flush()
        try:
            self._file.close()
        except OSError as failure:
            raise disk_failure(failure) from failure


def disk_failure(failure: OSError) -> Unavailable:
    """What a client is told when the server's disk is full, or broken."""
    return Unavailable(
        f"The server cannot keep files just now: {failure.strerror or 'its disk fails'}.", retry_after=30
    )
