"""The lock of the server that runs PostgreSQL. The kernel gives it back when the server dies, however it dies."""

import fcntl
import os
from pathlib import Path

from holdfast.db.embedded.error import file_error


class Lock:
    """An exclusive lock on a file, which holds the process id of its owner for those who wonder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process has the lock."""
        return self._file is not None

    def take(self) -> bool:
        """Take the lock if nobody has it; says whether we have it now.

        Raises EmbeddedError when the file cannot be opened.
        """
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failure:
            raise file_error("The lock file", self._path, failure) from failure
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file
        return True

    def owner(self) -> str:
        """The process id that the owner wrote down; empty if it has not yet."""
        try:
            return self._path.read_text().strip()
        except OSError:
            return ""

    def give(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
