"""The embedded PostgreSQL starts, stops, starts again, and says clearly why it cannot."""

import asyncio
import os
import shutil
import signal
import stat
import time
from pathlib import Path

import asyncpg
import pytest

from embedded_process import Process, ask
from holdfast.db.embedded import Embedded, EmbeddedError
from holdfast.db.embedded.leftovers import find


@pytest.fixture
def new(anywhere: Path) -> Path:
    """A data directory that is not there yet."""
    return anywhere / "new"


async def test_the_first_start_makes_a_database_and_the_next_finds_it(new: Path):
    embedded = Embedded(new)
    first = embedded.start()
    assert not first.attached
    assert first.version.startswith("18.")
    await ask(first.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    embedded.stop()
    assert find(new / "pg").ours == ()
    second = embedded.start()
    assert second.dsn == first.dsn
    assert await ask(second.dsn, "SELECT answer FROM kept") == 42
    embedded.stop()


async def test_the_server_works_as_a_role_that_is_no_superuser_and_commits_durably(data: Path):
    embedded = Embedded(data)
    dsn = embedded.start().dsn
    try:
        role = "SELECT rolname || ':' || rolsuper || ':' || rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert await ask(dsn, role) == "holdfast:false:false"
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(dsn, f"SELECT current_setting('{setting}')") == "on"
        assert await ask(
            dsn, "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'holdfast'"
        ) == ("bC.UTF-8")
        assert (
            await ask(dsn, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'holdfast'") == "holdfast"
        )
        assert await ask(dsn, "SELECT current_setting('listen_addresses')") == ""
        assert await ask(dsn, "SELECT to_regtype('vector') IS NOT NULL") is True
    finally:
        embedded.stop()


def test_secrets_and_the_socket_are_for_their_owner_alone(data: Path):
    embedded = Embedded(data)
    embedded.start()
    try:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()}
        assert (modes["pg.password"], modes["pg.superuser"], modes["pg"]) == (0o600, 0o600, 0o700)
        assert stat.S_IMODE((data / "pg" / ".s.PGSQL.5432").stat().st_mode) == 0o700
    finally:
        embedded.stop()


async def test_a_wrong_password_is_refused_on_the_socket(data: Path):
    embedded = Embedded(data)
    dsn = embedded.start().dsn
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(dsn.replace("holdfast:", "holdfast:x", 1), "SELECT 1")
    finally:
        embedded.stop()


async def test_a_second_server_attaches_says_so_and_takes_over_when_the_first_is_killed(data: Path):
    first = Process(data)
    second = Process(data)
    try:
        assert (first.said["attached"], second.said["attached"]) == (False, True)
        assert "Another server (process" in second.said["messages"][-1]
        assert second.dsn == first.dsn
        await ask(first.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await ask(second.dsn, "SELECT answer FROM kept") == 42
        first.kill()
        assert second.line() == "The server that ran PostgreSQL is gone: this one runs it now."
        assert second.line() == "PostgreSQL answers again."
        assert await ask(second.dsn, "SELECT answer FROM kept") == 42
    finally:
        first.kill()
        assert second.stop() == 0
    assert find(data / "pg").ours == ()


def test_a_server_that_attached_leaves_postgresql_running_when_it_stops(data: Path):
    first = Process(data)
    second = Process(data)
    postmaster = first.postmaster()
    second.stop()
    assert postmaster in find(data / "pg").ours
    first.stop()
    assert find(data / "pg").ours == ()


def test_a_half_made_database_is_made_anew(new: Path):
    (new / "pg.new" / "base").mkdir(parents=True)
    (new / "pg").mkdir()
    embedded = Embedded(new)
    embedded.start()
    embedded.stop()
    assert not (new / "pg.new").exists()


def test_a_stale_pid_file_of_a_process_that_is_somebody_else_now_is_no_hindrance(data: Path):
    embedded = Embedded(data)
    embedded.start()
    pid_file = data / "pg" / "postmaster.pid"
    lines = pid_file.read_text()
    embedded.stop()
    pid_file.write_text("\n".join([str(os.getppid()), *lines.splitlines()[1:]]) + "\n")
    shutil.chown(pid_file, (data / "pg").stat().st_uid)
    embedded.start()
    embedded.stop()


async def test_lost_passwords_are_set_anew(data: Path):
    embedded = Embedded(data)
    before = embedded.start().dsn
    embedded.stop()
    (data / "pg.password").unlink()
    after = embedded.start().dsn
    try:
        assert after != before
        assert await ask(after, "SELECT 1") == 1
    finally:
        embedded.stop()


def test_a_path_too_long_for_a_socket_gets_one_elsewhere_that_is_private(anywhere: Path):
    data = anywhere / ("long" * 30) / "data"
    embedded = Embedded(data)
    running = embedded.start()
    try:
        socket = Path(running.dsn.partition("host=")[2].partition("&")[0])
        assert socket != data / "pg"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert asyncio.run(ask(running.dsn, "SELECT 1")) == 1
    finally:
        embedded.stop()
    shutil.rmtree(socket)


async def test_postgresql_is_started_again_when_it_dies(data: Path):
    server = Process(data)
    try:
        await ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server.postmaster(), signal.SIGKILL)
        assert server.line() == "PostgreSQL has ended by itself: it is started again."
        assert server.line() == "PostgreSQL answers again."
        assert await ask(server.dsn, "SELECT answer FROM kept") == 42
    finally:
        assert server.stop() == 0


def test_postgresql_stops_in_order_when_its_server_is_killed(data: Path):
    server = Process(data)
    server.kill()
    deadline = time.monotonic() + 20
    while find(data / "pg").ours and time.monotonic() < deadline:
        time.sleep(0.02)
    assert find(data / "pg").ours == ()
    assert not (data / "pg" / "postmaster.pid").exists()  # which only an orderly shutdown removes


def test_starting_outside_the_main_thread_is_refused(data: Path):
    import threading

    seen: list[BaseException] = []

    def start() -> None:
        try:
            Embedded(data).start()
        except BaseException as failure:
            seen.append(failure)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert isinstance(seen[0], RuntimeError)
    assert "main thread" in str(seen[0])


def refused(data: Path) -> str:
    """The sentence with which a start is refused."""
    with pytest.raises(EmbeddedError) as refusal:
        Embedded(data).start()
    return str(refusal.value)


def test_data_of_another_major_version_is_refused(new: Path):
    (new / "pg").mkdir(parents=True)
    (new / "pg" / "PG_VERSION").write_text("9\n")
    assert refused(new).startswith("The data was made by PostgreSQL 9, which is not installed (found: 18.")


def test_a_directory_with_something_else_in_it_is_refused(new: Path):
    (new / "pg").mkdir(parents=True)
    (new / "pg" / "holiday.jpg").write_bytes(b"")
    assert refused(new) == f"{new}/pg is not empty and holds no database: move it away."


def test_a_data_path_that_is_a_file_is_refused(new: Path):
    new.write_text("")
    assert refused(new).startswith(f"The data directory {new} cannot be used (File exists)")


def test_a_data_path_where_nothing_can_be_made_is_refused():
    assert refused(Path("/proc/holdfast/data")).startswith("The data directory /proc/holdfast/data cannot be used (")


def test_a_data_path_that_is_too_long_is_refused(anywhere: Path):
    assert refused(anywhere / "/".join(["long" * 50] * 6)) == (
        "The path of the data directory is longer than 900 bytes: use a shorter one."
    )


def test_a_file_name_that_is_too_long_is_refused(anywhere: Path):
    assert "cannot be used (File name too long)" in refused(anywhere / ("long" * 70))


def test_the_reason_that_postgresql_gives_is_passed_on(data: Path):
    embedded = Embedded(data)
    embedded.start()
    embedded.stop()
    with pytest.raises(EmbeddedError, match=r'PostgreSQL cannot start: .*"nonsense"'):
        Embedded(data, settings={"nonsense": "1"}).start()
    embedded.start()  # the lock was given back
    embedded.stop()


def test_data_that_others_may_enter_is_refused_with_the_command_that_helps(data: Path):
    embedded = Embedded(data)
    embedded.start()
    embedded.stop()
    (data / "pg").chmod(0o755)
    assert refused(data).endswith(f"run chmod 700 {data}/pg.")
