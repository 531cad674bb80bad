"""The spool of one process: a folder with a lock that lasts as long as the process, so that others know who is gone."""

import fcntl
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.storage.spool import disk_failure

LOCK: Final = "lock"
LEFT_BEHIND_SECONDS: Final = 6 * 3600.0  # without a write, of a file in no such folder: whoever wrote it is gone
_MAKING_SECONDS: Final = 60.0


class OwnSpool:
    """A folder in `root`, made when it is first asked for, and taken away in the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path: Path | None = None
        self._lock = -1

    @property
    def folder(self) -> Path:
        """Where this process may write. Raises Unavailable when the disk takes no more."""
        while self._path is None:
            path = self._root / f"of-{secrets.token_hex(8)}"
            try:
                path.mkdir(parents=True)
                lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as failure:
                raise disk_failure(failure) from failure
            if _is_locked(lock, path / LOCK):
                self._path, self._lock = path, lock
            else:  # somebody who clears away was faster
                os.close(lock)
        return self._path

    def new_path(self) -> Path:
        """A name in the folder that nobody has."""
        return self.folder / secrets.token_hex(16)

    def close(self) -> None:
        """Take the folder away."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            os.close(self._lock)
            self._path = None


def clear_spool(root: Path) -> int:
    """Delete what processes have left behind that were killed; how many files that was. Blocks: call it in a thread."""
    cleared = 0
    oldest = time.time() - LEFT_BEHIND_SECONDS
    with suppress(FileNotFoundError):
        for path in root.iterdir():
            with suppress(OSError):
                if path.is_dir():
                    cleared += _clear_folder(path)
                elif path.stat().st_mtime < oldest:
                    path.unlink()
                    cleared += 1
    return cleared


def _clear_folder(path: Path) -> int:
    if not (path / LOCK).exists():
        if path.stat().st_mtime < time.time() - _MAKING_SECONDS:
            path.rmdir()  # killed between the two steps of making it
        return 0
    lock = os.open(path / LOCK, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where its process lives
        cleared = sum(1 for file in path.iterdir() if file.name != LOCK)
        shutil.rmtree(path, ignore_errors=True)
        return cleared
    finally:
        os.close(lock)


def _is_locked(lock: int, path: Path) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(lock).st_ino == path.stat().st_ino
    except OSError:
        return False
