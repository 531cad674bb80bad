"""Migrations in a process of their own: the same outcome, and nothing of it stays in this one."""

import asyncio
from typing import Any

import asyncpg
import pytest

from holdfast import paths
from holdfast.db.migrate import MigrationError
from holdfast.db.migrate_apart import migrate_apart

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
    task = asyncio.create_task(migrate_apart(empty_database))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(await migrate_apart(empty_database)) in (ALL, [])
