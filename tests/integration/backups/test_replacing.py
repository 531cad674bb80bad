"""What a restore does to databases: the names beside one, who may do it, who is put out, and what does not go on."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from holdfast.backups.administration import before_name, drop_left_behind, make_scratch
from holdfast.backups.manifest import DATABASE, SUMS, Manifest, Member
from holdfast.backups.settling import settle
from holdfast.backups.swapping import swap
from holdfast.errors import Conflict
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT, on_database

MANIFEST = Manifest(
    format=1,
    holdfast="0.1.0",
    postgres="18",
    migration="",
    project="",
    origin="",
    made="2027-01-01 00:00:00.000Z",
    by="",
    kind="manual",
    note="",
    collections=(),
    database=Member(DATABASE, 0, ""),
    sums=Member(SUMS, 0, ""),
    files=None,
)


@asynccontextmanager
async def connected(dsn: str, **more: Any) -> AsyncGenerator[Any]:
    """A connection for the block."""
    connection: Any = await asyncpg.connect(dsn, **more)
    try:
        yield connection
    finally:
        connection.terminate()


def called(dsn: str) -> str:
    """The name of the database of an address."""
    return urlsplit(dsn).path.removeprefix("/")


@pytest.fixture
async def superuser(cluster: Cluster) -> AsyncIterator[Any]:
    async with connected(cluster.superuser) as connection:
        yield connection


@pytest.fixture
async def other(cluster: Cluster) -> AsyncIterator[str]:
    """The address of a second database with the system schema."""
    dsn = await make_database(cluster, PROJECT)
    yield dsn
    await drop_database(cluster, dsn)


@pytest.fixture
async def replacer(cluster: Cluster, database: str) -> AsyncIterator[dict[str, str]]:
    """How an ordinary role connects that may make databases, and do what the role of the server may."""
    role = f"replacer_{called(database)[-8:]}"
    execute = cluster.administration.execute
    await execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'a password' IN ROLE holdfast")
    await execute(f"GRANT CONNECT ON DATABASE postgres TO {role}")
    yield {"user": role, "password": "a password"}
    await execute(f"REVOKE CONNECT ON DATABASE postgres FROM {role}")
    await execute(f"DROP ROLE {role}")


async def test_a_mass_change_that_ran_when_the_backup_was_made_does_not_go_on(database: str, other: str):
    async with connected(database) as old, connected(other) as new:
        await new.execute("""
            INSERT INTO holdfast.bulk_changes (id, collection_id, promised, matched) VALUES ('b1', 'books', '{}', 2);
            INSERT INTO holdfast.bulk_chunks (bulk, place, ids) VALUES ('b1', 0, '{a,b}');
            INSERT INTO holdfast.jobs (name, payload, started) VALUES ('bulk', '{"id": "b1"}', now());
        """)
        await settle(old, new, MANIFEST, ours=False, deliveries=False)
        found = await new.fetchrow("""
            SELECT state, (SELECT count(*) FROM holdfast.bulk_chunks) AS chunks,
                   (SELECT count(*) FROM holdfast.jobs WHERE name = 'bulk') AS jobs FROM holdfast.bulk_changes
        """)
        assert tuple(found) == ("failed", 0, 0)


async def test_one_that_may_not_be_ended_does_not_keep_the_others_in(
    cluster: Cluster, database: str, other: str, replacer: dict[str, str]
):
    async with AsyncExitStack() as stack:
        administration = on_database(cluster.dsn, "postgres")
        first, second = [await stack.enter_async_context(connected(administration, **replacer)) for _ in range(2)]
        holder, early = [await stack.enter_async_context(connected(database, **replacer)) for _ in range(2)]
        may_not = await stack.enter_async_context(connected(on_database(cluster.superuser, called(database))))
        late = await stack.enter_async_context(connected(database, **replacer))

        def leave(_: object) -> None:
            if early.is_closed() and late.is_closed():
                may_not.terminate()

        for one in (early, late):
            one.add_termination_listener(leave)
        before = await swap(first, second, holder, called(database), called(other))
        await drop_database(cluster, on_database(cluster.dsn, before))


async def test_one_that_may_not_be_ended_is_named(
    cluster: Cluster, database: str, other: str, replacer: dict[str, str]
):
    async with AsyncExitStack() as stack:
        administration = on_database(cluster.dsn, "postgres")
        first, second = [await stack.enter_async_context(connected(administration, **replacer)) for _ in range(2)]
        holder = await stack.enter_async_context(connected(database, **replacer))
        settings = {"application_name": "a superuser's psql"}
        may_not = connected(on_database(cluster.superuser, called(database)), server_settings=settings)
        await stack.enter_async_context(may_not)
        with pytest.raises(Conflict, match="a superuser's psql"):
            await swap(first, second, holder, called(database), called(other))


async def test_a_database_of_another_role_is_not_replaced_and_the_statement_is_told(
    cluster: Cluster, superuser: Any, database: str, replacer: dict[str, str]
):
    name = called(database)
    await superuser.execute(f"ALTER DATABASE {name} OWNER TO postgres")
    async with connected(on_database(cluster.dsn, "postgres"), **replacer) as connection:
        with pytest.raises(Conflict, match=f"ALTER DATABASE {name} OWNER TO {replacer['user']}"):
            await make_scratch(connection, name, database)


async def test_only_what_was_made_beside_a_database_is_dropped(superuser: Any, database: str):
    name = called(database)[:20]
    theirs = [f"{name}_hf_scratch_of_ann", f"{name}_hf_before_0123456789", f"{name}x_hf_scratch_01234567"]
    for one in (*theirs, f"{name}_hf_scratch_01234567", f"{name}_hf_before_89abcdef"):
        await superuser.execute(f"CREATE DATABASE {one} STRATEGY file_copy")
    await drop_left_behind(superuser, name)
    rows = await superuser.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1 || '_hf_')", name)
    rows += await superuser.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1 || 'x_hf_')", name)
    for one in (*theirs, f"{name}_hf_scratch_01234567", f"{name}_hf_before_89abcdef"):
        await superuser.execute(f"DROP DATABASE IF EXISTS {one}")
    assert sorted(row["datname"] for row in rows) == sorted(theirs)


@pytest.mark.parametrize("long", ["a" * 62, "ä" * 31], ids=["letters", "two bytes each"])
def test_long_names_that_begin_alike_are_told_apart(long: str):
    first, second = before_name(long + "1"), before_name(long + "2")
    assert len(first.encode()) <= 63
    assert first[:-8] != second[:-8]


async def test_a_database_with_the_longest_name_has_one_beside_it(superuser: Any, database: str):
    name = "a" * 31 + called(database)[-32:]
    await superuser.execute(f"ALTER DATABASE {called(database)} RENAME TO {name}")
    try:
        made = await make_scratch(superuser, name, database)
        await drop_left_behind(superuser, name)
        assert not await superuser.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", made.name)
    finally:
        await superuser.execute(f"ALTER DATABASE {name} RENAME TO {called(database)}")
