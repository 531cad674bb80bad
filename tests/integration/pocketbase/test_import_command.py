"""`holdfast import-pocketbase`, as an operator runs it, and one that is killed in the middle."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pocketbase_compare import compare
from pocketbase_directory import make_whole
from pocketbase_moving import running_here
from served import clean_environment, command, run


def given(database: str, folder: Path) -> dict[str, str]:
    return {"DATABASE_URL": database, "HOLDFAST_DATA": str(folder / "data")}


def started(database: str, folder: Path) -> subprocess.Popen[bytes]:
    """The command, while it runs."""
    return subprocess.Popen(
        command("import-pocketbase", "pb"),
        cwd=folder,
        env=clean_environment() | given(database, folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_it_tells_what_came_for_people_and_for_programs(database: str, tmp_path: Path) -> None:
    make_whole(tmp_path / "pb", 10)
    environment = given(database, tmp_path)
    tried = run("import-pocketbase", "pb", "--dry-run", "--json", cwd=tmp_path, environment=environment)
    assert tried.returncode == 0, tried.stderr
    assert {one["name"]: one["inserted"] for one in json.loads(tried.stdout)["collections"]}["posts"] == 6
    moved = run("import-pocketbase", "pb", cwd=tmp_path, environment=environment)
    assert moved.returncode == 0, moved.stderr
    assert "6 read: 6 new, 0 updated, 0 unchanged, 0 refused" in moved.stdout
    assert "view, translated" in moved.stdout
    assert "_mfas: are left out" in moved.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["nowhere"], 1, "There is no data.db", id="no directory"),
        pytest.param(["pb", "--encryption-env", "NOT_SET_HERE"], 2, "NOT_SET_HERE is not set", id="no key"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    database: str, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    told = run("import-pocketbase", *arguments, cwd=tmp_path, environment=given(database, tmp_path))
    assert (told.returncode, "Traceback" in told.stderr) == (code, False)
    assert said in told.stderr


async def test_a_move_that_is_killed_leaves_nothing_that_counts(database: str, tmp_path: Path) -> None:
    source = tmp_path / "pb"
    make_whole(source, 2000)
    connection: Any = await asyncpg.connect(database)
    before = await connection.fetchval("SELECT jsonb_agg(definition ORDER BY id)::text FROM holdfast.collections")
    moving = started(database, tmp_path)
    copying = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY \"hf_moving%' AND datname = current_database()"
    )
    until = time.monotonic() + 60
    while not await connection.fetchval(copying):
        assert time.monotonic() < until
        assert moving.poll() is None
    moving.kill()
    moving.wait()
    while await connection.fetchval(copying):
        assert time.monotonic() < until
    after = await connection.fetchval("SELECT jsonb_agg(definition ORDER BY id)::text FROM holdfast.collections")
    assert after == before
    assert await connection.fetchval("SELECT count(*) FROM holdfast.moved") == 0
    # The files are in the register as unused: nothing of them is lost to the sweep that clears such away.
    assert await connection.fetchrow("SELECT count(*), count(unused) FROM holdfast.files") == (20, 20)
    await connection.close()
    async with running_here(database, tmp_path) as here:
        report = await here.move(source)
        assert report.files.copied == 20
        assert await compare(here.api.root, source, here.storage) == (2003, 20)
