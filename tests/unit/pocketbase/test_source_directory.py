"""PocketBase's directory is read as it stands at one moment, and what is no such directory is refused in a sentence."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.pocketbase.failed import CannotMove
from holdfast.pocketbase.source import open_source
from pocketbase_directory import PocketBase, field


def made(folder: Path) -> Path:
    """A directory with one record."""
    with PocketBase(folder) as pocketbase:
        pocketbase.collection("posts", [field("text", "title")])
        pocketbase.insert("posts", [{"id": "a" * 15, "title": "one"}])
    return folder


def titles(folder: Path) -> list[str]:
    with open_source(folder) as source:
        return [row[0] for page in source.rows("posts", ["title"]) for row in page]


def damage(folder: Path) -> None:
    file = made(folder) / "data.db"
    content = bytearray(file.read_bytes())
    content[4096 : 4096 * 4] = b"\xff" * 4096 * 3
    file.write_bytes(content)


def cut(folder: Path) -> None:
    file = made(folder) / "data.db"
    file.write_bytes(file.read_bytes()[:5000])


def age(folder: Path) -> None:
    made(folder)
    with sqlite3.connect(folder / "data.db") as db:
        db.execute("ALTER TABLE _collections RENAME COLUMN fields TO schema")
        db.execute("CREATE TABLE _admins (id TEXT)")
    db.close()


def foreign(folder: Path) -> None:
    folder.mkdir()
    db = sqlite3.connect(folder / "data.db")
    db.execute("CREATE TABLE things (id TEXT)")
    db.close()


def text(folder: Path) -> None:
    folder.mkdir()
    (folder / "data.db").write_text("id,title\n1,one\n")


def broken_fields(folder: Path) -> None:
    made(folder)
    with sqlite3.connect(folder / "data.db") as db:
        db.execute("UPDATE _collections SET fields = '{oops' WHERE name = 'posts'")
    db.close()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda folder: None, "There is no data.db", id="no directory"),
        pytest.param(lambda folder: folder.mkdir(), "There is no data.db", id="an empty directory"),
        pytest.param(lambda folder: (folder / "data.db").mkdir(parents=True), "cannot be read", id="a directory"),
        pytest.param(text, "is no SQLite database", id="a text"),
        pytest.param(foreign, "is no database of PocketBase's", id="a database of something else"),
        pytest.param(damage, "damaged", id="a damaged database"),
        pytest.param(cut, "damaged", id="half a database"),
        pytest.param(age, "Upgrade first", id="a PocketBase before 0.23"),
        pytest.param(broken_fields, "no valid JSON", id="a definition that is no JSON"),
    ],
)
def test_what_cannot_be_moved_is_told_in_a_sentence(tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    make(tmp_path / "pb")
    with pytest.raises(CannotMove, match=said), open_source(tmp_path / "pb") as source:
        source.collections()


def test_nothing_is_written_into_the_directory(tmp_path: Path) -> None:
    folder = made(tmp_path / "pb")
    before = {name: (folder / name).stat().st_mtime_ns for name in os.listdir(folder)}
    assert titles(folder) == ["one"]
    assert {name: (folder / name).stat().st_mtime_ns for name in os.listdir(folder)} == before


def test_what_a_running_pocketbase_has_only_in_its_log_is_read_and_what_it_writes_meanwhile_is_not(
    tmp_path: Path,
) -> None:
    folder = made(tmp_path / "pb")
    running = PocketBase(folder)
    running.db.execute("PRAGMA wal_autocheckpoint = 0")
    running.insert("posts", [{"id": "b" * 15, "title": "two"}])
    with open_source(folder) as source:
        running.insert("posts", [{"id": "c" * 15, "title": "three"}])
        assert [row[0] for page in source.rows("posts", ["title"]) for row in page] == ["one", "two"]
    running.db.close()
    assert titles(folder) == ["one", "two", "three"]


def test_a_database_that_somebody_else_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.pocketbase.source.WAIT_SECONDS", 0.05)
    folder = made(tmp_path / "pb")
    (folder / "data.db-wal").write_bytes(b"0" * 32)
    db = sqlite3.connect(folder / "data.db", isolation_level=None)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CannotMove, match="locked"):
        titles(folder)
    db.close()


def test_a_pocketbase_that_starts_while_its_data_is_read_is_noticed(tmp_path: Path) -> None:
    folder = made(tmp_path / "pb")
    with pytest.raises(CannotMove, match="was started"), open_source(folder):
        (folder / "data.db-wal").write_bytes(b"something")
