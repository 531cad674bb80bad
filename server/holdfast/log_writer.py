"""Writes log lines in a thread of its own, so that a slow terminal or pipe never holds a request up."""

import threading
import time
from collections import deque
from typing import IO, Any, Final

GATHER_SECONDS: Final = 0.05  # lines that come within this time are one write
MAX_WAITING: Final = 100_000  # lines; beyond that they are dropped and counted


class LogWriter:
    """A queue of lines and the thread that writes them.

    What was queued less than GATHER_SECONDS before a `kill -9` is lost; a regular end writes everything.
    """

    def __init__(self, stream: IO[Any]) -> None:
        self._stream: IO[Any] = getattr(stream, "buffer", stream)
        self._lines: deque[bytes] = deque()
        self._some = threading.Event()
        self._told = False
        self._dropped = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="holdfast-log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Queue a line without its line end. Never waits."""
        if len(self._lines) >= MAX_WAITING:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._told:
            self._told = True
            self._some.set()

    def close(self) -> None:
        """Write what waits and end the thread. Lines that come later are not written."""
        self._closing = True
        self._some.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._closing:
            self._some.wait()
            if not self._closing:
                time.sleep(GATHER_SECONDS)
            self._some.clear()
            self._told = False  # before the lines are taken: one that comes now is taken, or tells us again
            self._write_all()
        self._write_all()

    def _write_all(self) -> None:
        waiting = [self._lines.popleft() for _ in range(len(self._lines))]
        if self._dropped:
            waiting.append(b"(%d log lines were dropped: the output is too slow)" % self._dropped)
            self._dropped = 0
        if not waiting:
            return
        try:
            self._stream.write(b"\n".join(waiting) + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            # The reader of the log is gone (a closed pipe or terminal): the server goes on without it.
            return
