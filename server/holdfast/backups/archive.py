"""The archive itself: a zip of members that are stored as they are, written in one go and read from its end.

Nothing here is async: call it in a thread.
"""

import errno
import hashlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Final, cast

from typing_extensions import override

from holdfast.backups.manifest import (
    FILES,
    MANIFEST,
    MOST_BYTES,
    SUMS,
    Manifest,
    Member,
    NotOurs,
    in_words,
    read_manifest,
    write_manifest,
)

PIECE_BYTES: Final = 1024 * 1024  # read at once
# Of RuntimeError: a member that is encrypted, one of a method that is not known, JSON that is too deep.
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(RuntimeError, ValueError, KeyError, IndexError, OverflowError),
)
# Ours are stored, and who packs one anew may deflate it. The others fail in ways of their own: bz2 with an OSError.
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _Hashed(io.RawIOBase):
    """A file that is only ever written to its end, and what all of it adds up to."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: object, /) -> int:
        piece = memoryview(cast(bytes, data))
        self._file.write(piece)
        self._digest.update(piece)
        self.size += len(piece)
        return len(piece)

    @override
    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Writing:
    """An archive that is being written, to a new file that only its owner can read. Ends with `finish` or `discard`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(handle, "wb")
        self._hashed = _Hashed(self._file)
        # What cannot go back writes the sums of members behind them, so that nothing is written twice.
        self._zip = zipfile.ZipFile(cast(IO[bytes], self._hashed), "w", zipfile.ZIP_STORED, allowZip64=True)
        self._sums: list[str] = []
        self._open: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._name, self._size = "", 0

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._hashed.size

    def begin(self, name: str) -> None:
        """Begin a member."""
        self._name, self._size, self._digest = name, 0, hashlib.sha256()
        self._open = self._zip.open(_info(name), "w", force_zip64=True)

    def add(self, piece: bytes) -> None:
        """Write more of the member. Raises OSError."""
        assert self._open is not None
        self._open.write(piece)
        self._digest.update(piece)
        self._size += len(piece)

    def end(self) -> Member:
        """The member is whole."""
        assert self._open is not None
        self._open.close()
        self._open = None
        made = Member(self._name, self._size, self._digest.hexdigest())
        self._sums.append(f"{made.sha256}  {made.name}\n")
        return made

    def sums(self) -> Member:
        """Write the member that lists the sums of those before it, as `sha256sum --check` reads them."""
        text = "".join(self._sums).encode()
        self.begin(SUMS)
        self.add(text)
        return self.end()

    def finish(self, manifest: Manifest) -> tuple[int, str]:
        """Write the manifest, and see that the disk has all of it: its size in bytes, and its sum. Raises OSError."""
        self._zip.writestr(_info(MANIFEST), write_manifest(manifest))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._hashed.size, self._hashed.sha256

    def discard(self) -> None:
        """Forget what was written. Raises nothing."""
        try:
            self._file.close()
        except OSError:  # a full disk, which has no room for what was buffered either
            pass
        finally:
            self.path.unlink(missing_ok=True)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # its date is that of the format's beginning: the manifest has the true one
    info.external_attr = 0o600 << 16
    return info


class Reading:
    """An archive that is there. Raises NotOurs for one that cannot be read, and OSError where its place fails."""

    def __init__(self, file: IO[bytes]) -> None:
        with _sentences():
            self._zip = zipfile.ZipFile(file)
            self.manifest = read_manifest(self._text(MANIFEST, MOST_BYTES))

    def _text(self, name: str, most: int | None = None) -> bytes:
        info = self._zip.getinfo(name)
        if most is not None and info.file_size > most:
            raise NotOurs(f"Its {name} is larger than {most} bytes.")
        _check_method(info)
        return self._zip.read(info)

    @cached_property
    def sums(self) -> dict[str, str]:
        """Member to SHA-256, of all that was written before the list. Raises NotOurs where the list was changed."""
        with _sentences():
            text = self._text(SUMS)
            if hashlib.sha256(text).hexdigest() != self.manifest.sums.sha256:
                raise NotOurs(f"Its {SUMS} is not the one that was written: the archive is damaged.")
            lines = [line.partition("  ") for line in text.decode().splitlines()]
        return {name: digest for digest, _, name in lines}

    def files(self) -> Iterator[tuple[str, int]]:
        """The keys of the files of records, each with its size in bytes."""
        for info in self._zip.infolist():
            if info.filename.startswith(FILES):
                yield info.filename.removeprefix(FILES), info.file_size

    @contextmanager
    def member(self, name: str) -> Generator[IO[bytes]]:
        """A member, to be read piece by piece."""
        with _sentences():
            _check_method(self._zip.getinfo(name))
            with self._zip.open(name) as opened:
                yield opened

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member, piece by piece. Raises NotOurs when it is not as it was written, at the last of them."""
        digest, wanted = hashlib.sha256(), self.sums.get(name)
        with self.member(name) as opened:
            while piece := opened.read(PIECE_BYTES):
                digest.update(piece)
                yield piece
        if digest.hexdigest() != wanted:
            raise NotOurs(f"{name} is not as it was written: the archive is damaged.")


def _check_method(info: zipfile.ZipInfo) -> None:
    if info.compress_type not in _METHODS:
        raise NotOurs(f"Its {info.filename[:100]!r} is packed by a method that no backup of Holdfast has.")


@contextmanager
def _sentences() -> Generator[None]:
    """Turn what the library raises into a sentence."""
    try:
        yield
    except NotOurs:
        raise
    except (*_BROKEN, OSError) as failure:
        if isinstance(failure, OSError) and failure.errno != errno.EINVAL:  # a list that points to no place of a file
            raise
        said = in_words(failure).strip("'\"").rstrip(".") or type(failure).__name__
        raise NotOurs(f"This is no backup of Holdfast, or it is damaged: {said}.") from failure
