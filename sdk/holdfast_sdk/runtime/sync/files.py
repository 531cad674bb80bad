"""The files of a record: their addresses, and their bytes as a stream."""

# Made of ../aio by `python -m holdfast_sdk.unasync`: change it there.

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import msgspec

from ..calls import Call, address, get, post
from ..decoding import read
from ..errors import ConnectionFailed
from ..uploads import Progress

if TYPE_CHECKING:
    from .core import Core

SILENCE_SECONDS: Final = 30.0
MOST_BREAKS: Final = 5  # in a row, without a byte between them


class _Token(msgspec.Struct, frozen=True):
    token: str


class Files:
    """The files of one record. A file's name is in the record."""

    def __init__(self, core: Core, collection: str, record_id: str) -> None:
        self._core = core
        self._collection = collection
        self._record_id = record_id

    def path(self, name: str, *, thumb: str = "", token: str = "", download: bool = False) -> str:
        """The address of a file, from the server's root: for an `<img>`. `token` is for protected files."""
        query = {"thumb": thumb, "token": token, "download": "1" if download else ""}
        given = {key: value for key, value in query.items() if value}
        return address("files", self._collection, self._record_id, name, query=given)

    def token(self) -> str:
        """A token for the addresses of protected files, good for a few minutes."""
        answer = self._core.call(post(address("files", "token"), {}, repeatable="always"))
        return read(answer.body, _Token).token

    def read(self, name: str, *, thumb: str = "") -> bytes:
        """A whole file, in memory."""
        answer = self._core.call(get(self.path(name, thumb=thumb)))
        return answer.body

    def stream(self, name: str, *, thumb: str = "", progress: Progress | None = None) -> Iterator[bytes]:
        """A file piece by piece. Where the line breaks it goes on from there."""
        done, breaks, path = 0, 0, self.path(name, thumb=thumb)
        while True:
            headers = {"Range": f"bytes={done}-"} if done else {}
            try:
                with self._core.stream(Call("GET", path, headers=headers), SILENCE_SECONDS) as response:
                    whole = done + int(response.headers.get("content-length", "-1"))
                    for piece in response.iter_bytes():
                        done, breaks = done + len(piece), 0
                        if progress is not None:
                            progress(done, whole)
                        yield piece
                    return
            except ConnectionFailed:
                breaks += 1
                if breaks > MOST_BREAKS:
                    raise

    def download(self, name: str, to: str | Path | IO[bytes], *, progress: Progress | None = None) -> int:
        """Write a file to a path or an open file; how many bytes it has."""
        if isinstance(to, str | Path):
            with Path(to).open("wb") as file:
                return self._into(file, name, progress)
        return self._into(to, name, progress)

    def _into(self, file: IO[bytes], name: str, progress: Progress | None) -> int:
        size = 0
        for piece in self.stream(name, progress=progress):
            size += file.write(piece)
        return size
