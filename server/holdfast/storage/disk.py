"""Files on the disk of this machine: put there whole or not at all, and read without a library in between.

The library that reaches buckets reads a disk in small pieces, each in another thread: 69 MB a second where this has
440 to 660 (1 GiB, one client, two cores that others used too).
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.storage.spool import Spooled, disk_failure

READ_BYTES: Final = 1024 * 1024  # at once, while the piece before goes out


class Missing(Exception):
    """There is no such object."""


async def read_file(path: Path, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
    """The bytes of a file, or those from `start` up to, without, `end`. Raises Missing, and Unavailable."""
    handle = await asyncio.to_thread(open_file, path)
    try:
        while end is None or start < end:
            size = READ_BYTES if end is None else min(READ_BYTES, end - start)
            try:
                piece = await asyncio.to_thread(os.pread, handle, size, start)
            except OSError as failure:
                raise disk_failure(failure) from failure
            if not piece:
                return
            start += len(piece)
            yield piece
    finally:
        os.close(handle)


def read_part(path: Path, start: int, size: int) -> bytes:
    """So many bytes of a file, for what is small. Blocks. Raises Missing, also for a file that is shorter."""
    handle = open_file(path)
    try:
        found = os.pread(handle, size, start)
    except OSError as failure:
        raise disk_failure(failure) from failure
    finally:
        os.close(handle)
    if len(found) != size:
        raise Missing
    return found


def open_file(path: Path) -> int:
    """A handle of a file. Blocks. Raises Missing, and Unavailable."""
    try:
        return os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError) as failure:
        raise Missing from failure
    except OSError as failure:
        raise disk_failure(failure) from failure


class Taken(Exception):
    """There is an object of this key already."""


def move_file(content: Spooled, target: Path, spool: Path, *, new: bool = False) -> None:
    """Put a file in its place on the disk, whole or not at all, and see that it stays there. Blocks.

    With `new` nothing is replaced: raises Taken where something is there.
    """
    source = content.path
    try:
        source = source or _written(content.content, spool)
        _flush(source)
        new_folders = [folder for folder in (target.parent, target.parent.parent) if not folder.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(source, target, new=new)
        # The name is on the disk when its folder is; and a new folder, when the one around it is.
        for folder in (target.parent, *(folder.parent for folder in new_folders)):
            _flush(folder)
    except OSError as failure:
        raise disk_failure(failure) from failure
    finally:
        if source is not None and content.path is None:
            source.unlink(missing_ok=True)


def _link(source: Path, target: Path, *, new: bool) -> None:
    """The same file under another name, so that it can be kept again if what it is for is tried again."""
    try:
        os.link(source, target)
    except OSError as failure:
        if new and isinstance(failure, FileExistsError):
            raise Taken from failure
        # Another disk, or one without links.
        other = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, other)
        _flush(other)
        if new:
            _move_new(other, target)
        else:
            os.replace(other, target)


def _move_new(source: Path, target: Path) -> None:
    """Give a file a name that nothing has. Raises Taken."""
    try:
        os.link(source, target)
    except FileExistsError as failure:
        raise Taken from failure
    except OSError as failure:  # a disk without links: nothing is surer there than to look right before
        if target.exists():
            raise Taken from failure
        os.replace(source, target)
    finally:
        source.unlink(missing_ok=True)


def _written(content: bytes, spool: Path) -> Path:
    spool.mkdir(parents=True, exist_ok=True)
    path = spool / secrets.token_hex(16)
    path.write_bytes(content)
    return path


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def delete_files(disk: Path, keys: Sequence[str]) -> None:
    """Delete files, and the folders that this leaves empty. Blocks."""
    try:
        for key in keys:
            path = disk / key
            path.unlink(missing_ok=True)
            with suppress(OSError):  # it holds other files, or somebody else was faster
                path.parent.rmdir()
    except OSError as failure:
        raise disk_failure(failure) from failure
