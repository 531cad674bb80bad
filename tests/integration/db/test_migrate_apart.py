"""Migrations in a process of their own: the same outcome, and nothing of it stays in this one."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from holdfast import paths
from holdfast.db.migrate import LOCK, MigrationError
from holdfast.db.migrate_apart import migrate_apart

WAITING = """SELECT true FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"""
ALL = [path.stem.removeprefix("m") for path in sorted(paths.migrations().glob("m*.py"))]


async def test_a_new_database_is_migrated_once(empty_database: str):
    assert await migrate_apart(empty_database) == ALL
    assert await migrate_apart(empty_database) == []


async def test_of_two_at_once_one_applies_and_the_other_finds_nothing(empty_database: str):
    assert sorted(await asyncio.gather(migrate_apart(empty_database), migrate_apart(empty_database))) == [[], ALL]


async def test_what_refuses_the_other_process_refuses_this_one(cluster: Any, empty_database: str):
    name = empty_database.partition("?")[0].rpartition("/")[2]
    superuser: Any = await asyncpg.connect(cluster.superuser)
    await superuser.execute(f"ALTER DATABASE {name} OWNER TO postgres; GRANT CONNECT ON DATABASE {name} TO holdfast")
    await superuser.close()
    with pytest.raises(MigrationError, match="GRANT CREATE ON DATABASE"):
        await migrate_apart(empty_database)


async def test_who_does_not_wait_any_more_leaves_nothing_behind(empty_database: str):
    other: Any = await asyncpg.connect(empty_database)
    await other.execute("SELECT pg_advisory_lock($1, $2)", *LOCK)
    task = asyncio.create_task(migrate_apart(empty_database))
    end = time.monotonic() + 60
    while not await other.fetchval(WAITING):
        assert time.monotonic() < end, "it never waited"
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await other.close()
    assert await migrate_apart(empty_database) == ALL
