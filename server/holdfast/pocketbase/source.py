"""PocketBase's data directory, read as it stands at one moment. Nothing is ever written there."""

import os
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from holdfast.pocketbase.failed import CannotMove
from holdfast.pocketbase.source_collection import SourceCollection, read_source_collection

DATABASE: Final = "data.db"
WAIT_SECONDS: Final = 5.0  # for a lock that somebody else holds
ROWS_AT_ONCE: Final = 2000
_MAGIC: Final = b"SQLite format 3\0"
_TOO_OLD: Final = (
    "This is the data of a PocketBase before 0.23, which kept it in another form. Upgrade first: start PocketBase 0.23"
    " or newer once on a copy of the directory, and it brings its data up to date by itself. Then move that copy."
)
_DEFINITION: Final = (
    "id",
    "name",
    "type",
    "system",
    "fields",
    "indexes",
    "listRule",
    "viewRule",
    "createRule",
    "updateRule",
    "deleteRule",
    "options",
    "created",
    "updated",
)


class Source:
    """An open directory. Everything raises CannotMove for a database that is damaged."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @property
    def storage(self) -> Path:
        """Where PocketBase keeps files, unless it keeps them in a bucket."""
        return self.folder / "storage"

    def collections(self) -> list[SourceCollection]:
        """All collections, in the order in which they were made."""
        rows = self._select(f"SELECT {_listed(_DEFINITION)} FROM _collections ORDER BY rowid")  # noqa: S608
        found: list[dict[str, Any]] = [dict(zip(_DEFINITION, row, strict=True)) for row in rows]
        return [read_source_collection(row, self._columns(str(row["name"]))) for row in found]

    def _columns(self, table: str) -> frozenset[str]:
        return frozenset(str(row[1]) for row in self._select(f"PRAGMA table_info({_name(table)})"))

    def settings(self) -> bytes | None:
        """The settings as they are stored: JSON, or what is encrypted; None where there are none."""
        with suppress(sqlite3.OperationalError):
            for row in self._connection.execute("SELECT CAST(value AS BLOB) FROM _params WHERE id = 'settings'"):
                return row[0]
        return None

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a table, some at a time, in the order in which they were made."""
        sql = f"SELECT {_listed(columns)} FROM {_name(table)} ORDER BY rowid"  # noqa: S608
        try:
            cursor = self._connection.execute(sql)
            while page := cursor.fetchmany(ROWS_AT_ONCE):
                yield page
        except sqlite3.Error as failure:
            raise _damaged(failure) from failure

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._select(f"SELECT count(*) FROM {_name(table)}")[0][0])  # noqa: S608

    def has_fractions(self, table: str, column: str) -> bool:
        """Whether a column has numbers that are not whole, or too large to be exact."""
        held = _name(column)
        wrong = f"typeof({held}) = 'real' AND ({held} != CAST({held} AS INTEGER) OR abs({held}) > 9007199254740991)"
        large = f"typeof({held}) = 'integer' AND ({held} > 9007199254740991 OR {held} < -9007199254740991)"
        sql = f"SELECT EXISTS (SELECT 1 FROM {_name(table)} WHERE {wrong} OR {large})"  # noqa: S608
        return bool(self._select(sql)[0][0])

    def _select(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql).fetchall()
        except sqlite3.Error as failure:
            raise _damaged(failure) from failure


def _name(identifier: str) -> str:
    # The names are those of the file itself; SQLite takes any in double quotes.
    return '"' + identifier.replace('"', '""') + '"'


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(_name(column) for column in columns)


def _damaged(failure: sqlite3.Error) -> CannotMove:
    return CannotMove(f"{DATABASE} cannot be read: {failure}. Restore it from a backup, or repair it, and try again.")


@contextmanager
def open_source(folder: Path) -> Generator[Source]:
    """The directory, for the block, at the moment in which it is opened: PocketBase may run and write meanwhile.

    Raises CannotMove for what is no directory of PocketBase's, or one that is too old, damaged or locked.
    """
    file = folder / DATABASE
    _check_file(folder, file)
    # Without a write-ahead log no PocketBase runs, and SQLite must not make files of its own there.
    is_still = not _has_log(file)
    before = _stamp(file)
    with closing(_open(file, is_still=is_still)) as connection:
        _check_layout(connection)
        yield Source(folder, connection)
        if is_still and (_has_log(file) or _stamp(file) != before):
            raise CannotMove("PocketBase was started while its data was read. Nothing was moved: try again.")


def _check_file(folder: Path, file: Path) -> None:
    try:
        with file.open("rb") as handle:
            head = handle.read(len(_MAGIC))
    except FileNotFoundError as failure:
        raise CannotMove(f"There is no {DATABASE} in {folder}: is it PocketBase's pb_data directory?") from failure
    except OSError as failure:
        raise CannotMove(f"{file} cannot be read: {failure.strerror}.") from failure
    if head != _MAGIC:
        raise CannotMove(f"{file} is no SQLite database.")


def _has_log(file: Path) -> bool:
    with suppress(OSError):
        return file.with_name(file.name + "-wal").stat().st_size > 0
    return False


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _open(file: Path, *, is_still: bool) -> sqlite3.Connection:
    mode = "immutable=1" if is_still else "mode=ro"
    try:
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?{mode}", uri=True, timeout=WAIT_SECONDS, isolation_level=None
        )
    except sqlite3.Error as failure:
        raise _cannot_open(file, failure) from failure
    # What is no valid UTF-8 must not end the reading: it is looked at value by value.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        # A read transaction keeps the moment, and holds up no writer.
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as failure:
        connection.close()
        raise _cannot_open(file, failure) from failure
    if found != ("ok",):
        connection.close()
        raise CannotMove(f"{file} is damaged ({found[0]}). Restore it from a backup, or repair it, and try again.")
    return connection


def _cannot_open(file: Path, failure: sqlite3.Error) -> CannotMove:
    if getattr(failure, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CannotMove(f"{file} is locked by another program. Stop it, or wait until it is done, and try again.")
    if getattr(failure, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return CannotMove(
            f"{file} has a write-ahead log that cannot be opened here ({os.fspath(file.parent)} may be read-only)."
            " Copy the whole directory to where it can be written, and move the copy."
        )
    return CannotMove(f"{file} is damaged ({failure}). Restore it from a backup, or repair it, and try again.")


def _check_layout(connection: sqlite3.Connection) -> None:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "_collections" not in tables:
        raise CannotMove(f"{DATABASE} has no collections: it is no database of PocketBase's.")
    columns = {row[1] for row in connection.execute("PRAGMA table_info(_collections)")}
    if "_admins" in tables or "schema" in columns:
        raise CannotMove(_TOO_OLD)
    missing = sorted(set(_DEFINITION) - columns)
    if missing:
        raise CannotMove(f"The table _collections has no {missing[0]}: this is no data of a PocketBase that is known.")
