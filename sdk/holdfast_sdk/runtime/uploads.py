"""Files on their way to the server: read piece by piece, and told of as they go."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes that are done and the bytes that there are; -1 where nobody knows how many."""

PLAIN: Final = "application/octet-stream"


class Upload:
    """A file to send: a path, bytes, or an open file that can be rewound.

    It is read while it is sent, so a file of any size takes little memory, and again if the request is tried again.
    """

    __slots__ = ("_content", "name", "progress", "type")

    def __init__(
        self,
        content: str | Path | bytes | IO[bytes],
        *,
        name: str = "",
        type: str = PLAIN,
        progress: Progress | None = None,
    ) -> None:
        self._content = Path(content) if isinstance(content, str) else content
        own = "" if isinstance(self._content, bytes) else str(getattr(self._content, "name", ""))
        self.name = name or Path(own).name or "file"
        self.type = type
        self.progress = progress

    def __repr__(self) -> str:
        """By its name."""
        return f"Upload({self.name!r})"

    def open(self) -> _Reading:
        """The content from its beginning."""
        content = self._content
        if isinstance(content, bytes):
            return _Reading(io.BytesIO(content), len(content), self.progress, own=True)
        if isinstance(content, Path):
            return _Reading(content.open("rb"), content.stat().st_size, self.progress, own=True)
        content.seek(0, io.SEEK_END)
        size = content.tell()
        content.seek(0)
        return _Reading(content, size, self.progress, own=False)


class _Reading(io.RawIOBase):
    """A file that tells how far it was read."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress | None, *, own: bool) -> None:
        self._file = file
        self._size = size
        self._progress = progress
        self._own = own
        self._done = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is: its length is found so."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        piece = self._file.read(size)
        if piece and self._progress is not None:
            self._done += len(piece)
            self._progress(self._done, self._size)
        return piece

    def close(self) -> None:
        """Close what was opened for this."""
        if self._own:
            self._file.close()
        super().close()


Part: TypeAlias = "tuple[str, Upload]"


def opened(parts: list[Part]) -> list[tuple[str, Any]]:
    """The parts of a form as httpx takes them, each from its beginning."""
    return [(name, (upload.name, upload.open(), upload.type)) for name, upload in parts]


def close_all(files: list[tuple[str, Any]]) -> None:
    """Close what `opened` has opened."""
    for _, (_, file, _) in files:
        file.close()
