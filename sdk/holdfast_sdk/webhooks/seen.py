"""Which events were handled already: each is sent at least once, so some come twice."""

import sqlite3
import time
from collections import OrderedDict
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Final, Literal, Protocol, TypeAlias

State: TypeAlias = Literal["new", "busy", "done"]
"""Of an id: never met, being handled just now, or handled."""

MOST_IN_MEMORY: Final = 10_000  # ids
KEPT_DAYS: Final = 14  # longer than the server keeps events by itself
BUSY_SECONDS: Final = 300.0  # who handles an event for longer has died on it
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, done INTEGER NOT NULL, at REAL NOT NULL) WITHOUT ROWID"
)


class Seen(Protocol):
    """Where ids are kept. It has to be quick, and fit to be asked by several threads at once."""

    def begin(self, id: str) -> State:
        """What is known of an id. A new one is busy from here on."""
        ...

    def done(self, id: str) -> None:
        """The event was handled."""
        ...

    def forget(self, id: str) -> None:
        """The event could not be handled: the next try is as good as the first."""
        ...


class SeenInMemory:
    """Ids in the memory of one process, the newest `most` of them. A restart forgets them."""

    def __init__(self, most: int = MOST_IN_MEMORY) -> None:
        self._most = most
        self._known: OrderedDict[str, State] = OrderedDict()
        self._lock = Lock()

    def begin(self, id: str) -> State:
        """What is known of an id. A new one is busy from here on."""
        with self._lock:
            found = self._known.get(id)
            if found is not None:
                return found
            self._known[id] = "busy"
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return "new"

    def done(self, id: str) -> None:
        """The event was handled."""
        with self._lock:
            self._known[id] = "done"

    def forget(self, id: str) -> None:
        """The event could not be handled."""
        with self._lock:
            self._known.pop(id, None)


class SeenInFile:
    """Ids in an SQLite file, shared by the processes of one machine, for `kept_days`.

    An id that is busy for longer than `busy_seconds` is new again.
    """

    def __init__(self, path: str | Path, *, kept_days: float = KEPT_DAYS, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = path
        self._kept = kept_days * 86_400
        self._busy = busy_seconds
        with closing(self._open()) as file:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute(_TABLE)

    def begin(self, id: str) -> State:
        """What is known of an id. A new one is busy from here on."""
        now = time.time()
        with closing(self._open()) as file:
            file.execute("BEGIN IMMEDIATE")
            row = file.execute("SELECT done, at FROM seen WHERE id = ?", (id,)).fetchone()
            if row is not None and (row[0] or now - row[1] < self._busy):
                file.execute("ROLLBACK")
                return "done" if row[0] else "busy"
            file.execute("DELETE FROM seen WHERE at < ?", (now - self._kept,))
            file.execute("INSERT OR REPLACE INTO seen (id, done, at) VALUES (?, 0, ?)", (id, now))
            file.execute("COMMIT")
            return "new"

    def done(self, id: str) -> None:
        """The event was handled."""
        with closing(self._open()) as file:
            file.execute("INSERT OR REPLACE INTO seen (id, done, at) VALUES (?, 1, ?)", (id, time.time()))

    def forget(self, id: str) -> None:
        """The event could not be handled."""
        with closing(self._open()) as file:
            file.execute("DELETE FROM seen WHERE id = ?", (id,))

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10, isolation_level=None)
