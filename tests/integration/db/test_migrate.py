"""System migrations: all or nothing, once, and never backwards in time by accident."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from holdfast import paths
from holdfast.db.migrate import MigrationError, checksum, migrate, revert

ALL = [path.stem.removeprefix("m") for path in sorted(paths.migrations().glob("m*.py"))]
INITIAL = ALL[0]
ADDS_A_TABLE = """
from holdfast.db.script import MigrationManager, script
async def forwards() -> MigrationManager:
    return script({name!r}, "", forwards=({sql!r},), backwards=("DROP TABLE holdfast.{table}",))
"""


def write(folder: Path, name: str, table: str, sql: str = "") -> Path:
    """A migration that makes a table, and then runs `sql`."""
    text = ADDS_A_TABLE.format(name=name, table=table, sql=f"CREATE TABLE holdfast.{table} (); {sql}")
    (folder / f"m{name}.py").write_text(text)
    return folder


async def tables(dsn: str) -> set[str]:
    """The system tables that are there."""
    connection: Any = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'holdfast'")
    await connection.close()
    return {row["tablename"] for row in rows}


CREATES = re.compile(r"CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?holdfast\.(\w+)")
SYSTEM_TABLES = {table for path in paths.migrations().glob("m*.py") for table in CREATES.findall(path.read_text())} | {
    "migration"
}


async def test_a_new_database_gets_the_whole_system_schema_once(empty_database: str):
    assert await migrate(empty_database) == ALL
    assert await tables(empty_database) == SYSTEM_TABLES
    assert await migrate(empty_database) == []


async def test_of_two_processes_at_once_one_applies_and_the_other_finds_nothing(empty_database: str):
    program = "import asyncio, sys; from holdfast.db.migrate import migrate; print(asyncio.run(migrate(sys.argv[1])))"
    server = Path(paths.__file__).parents[1]
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            empty_database,
            env={"PYTHONPATH": os.pathsep.join([str(server), *sys.path])},
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    said = [(await process.communicate())[0].decode().strip() for process in processes]
    assert sorted(said) == [str(ALL), "[]"]


async def test_waiting_for_another_migration_of_this_process_finds_nothing_to_do(empty_database: str):
    assert sorted(await asyncio.gather(migrate(empty_database), migrate(empty_database))) == [[], ALL]


async def test_a_failing_migration_leaves_nothing_behind_and_is_named(empty_database: str, tmp_path: Path):
    write(tmp_path, "0001_good", "good")
    write(tmp_path, "0002_bad", "bad", "SELECT 1 / 0")
    with pytest.raises(MigrationError) as refusal:
        await migrate(empty_database, folder=tmp_path)
    assert "The migration 0002_bad cannot be applied" in str(refusal.value)
    assert "division by zero" in str(refusal.value)
    assert await tables(empty_database) == set()


async def test_migrations_run_in_the_order_of_their_numbers(empty_database: str, tmp_path: Path):
    write(tmp_path, "0002_second", "second", "ALTER TABLE holdfast.first ADD COLUMN seen boolean")
    write(tmp_path, "0001_first", "first")
    assert await migrate(empty_database, folder=tmp_path) == ["0001_first", "0002_second"]


async def test_a_database_that_a_newer_server_has_migrated_is_refused(database: str, tmp_path: Path):
    write(tmp_path, "0001_other", "other")
    with pytest.raises(MigrationError, match=re.escape(f"newer Holdfast (it has {', '.join(ALL)})")):
        await migrate(database, folder=tmp_path)
    assert "other" not in await tables(database)


async def test_the_system_schema_can_be_taken_away_and_made_again(database: str):
    assert await revert(database, INITIAL) == ALL[::-1]
    assert await tables(database) == {"migration"}
    assert await migrate(database) == ALL
    assert await tables(database) == SYSTEM_TABLES


async def test_what_was_never_applied_cannot_be_undone(database: str):
    with pytest.raises(MigrationError, match="0009_never is not applied"):
        await revert(database, "0009_never")


async def test_a_lock_that_is_not_to_be_had_is_named(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("holdfast.db.migrate.LOCK_TIMEOUT", "50ms")
    for name in ALL:
        (tmp_path / f"m{name}.py").write_text("")
    write(tmp_path, "0099_waits", "waits", "LOCK TABLE holdfast.settings")
    other: Any = await asyncpg.connect(database)
    async with other.transaction():
        await other.execute("LOCK TABLE holdfast.settings")
        with pytest.raises(MigrationError, match=r"0099_waits .* lock on a table was not to be had within 50ms"):
            await migrate(database, folder=tmp_path)
    await other.close()


async def test_a_role_without_the_right_to_make_schemas_is_told_what_to_grant(cluster: Any, empty_database: str):
    name = empty_database.partition("?")[0].rpartition("/")[2]
    superuser: Any = await asyncpg.connect(cluster.superuser)
    await superuser.execute(f"ALTER DATABASE {name} OWNER TO postgres; GRANT CONNECT ON DATABASE {name} TO holdfast")
    await superuser.close()
    with pytest.raises(MigrationError, match="GRANT CREATE ON DATABASE"):
        await migrate(empty_database)


async def test_nothing_is_printed_and_piccolo_is_not_loaded_when_nothing_is_to_do(database: str):
    program = (
        "import asyncio, sys; from holdfast.db.migrate import migrate; "
        "asyncio.run(migrate(sys.argv[1])); sys.exit(any(name.startswith('piccolo') for name in sys.modules))"
    )
    server = Path(paths.__file__).parents[1]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, database],
        env={"PYTHONPATH": os.pathsep.join([str(server), *sys.path])},
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_applying_prints_nothing(empty_database: str, capfd: pytest.CaptureFixture[str]):
    await migrate(empty_database)
    assert capfd.readouterr() == ("", "")


async def test_whoever_asks_what_was_applied_waits_for_no_migration(database: str, tmp_path: Path):
    for name in ALL:
        (tmp_path / f"m{name}.py").write_text("")
    write(tmp_path, "0099_waits", "waits", "SELECT pg_advisory_xact_lock(99)")
    other: Any = await asyncpg.connect(database)
    await other.execute("SELECT pg_advisory_lock(99)")
    migrating = asyncio.create_task(migrate(database, folder=tmp_path))
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 99 AND NOT granted)"
    async with asyncio.timeout(60):
        is_there = await other.fetchval(waits)
        while not is_there:
            await asyncio.sleep(0.02)
            is_there = await other.fetchval(waits)
    await other.execute("SET lock_timeout = '2s'")
    assert await other.fetchval("SELECT count(*) FROM holdfast.migration") == len(ALL)
    await other.execute("SELECT pg_advisory_unlock(99)")
    await other.close()
    assert await migrating == ["0099_waits"]


async def test_what_was_applied_is_kept_with_the_checksum_of_its_file(empty_database: str, tmp_path: Path):
    file = write(tmp_path, "0001_first", "first") / "m0001_first.py"
    await migrate(empty_database, folder=tmp_path)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))  # as a checkout on Windows has it
    connection: Any = await asyncpg.connect(empty_database)
    kept = await connection.fetchval("SELECT checksum FROM holdfast.migration WHERE name = '0001_first'")
    await connection.close()
    assert kept == checksum(file)
