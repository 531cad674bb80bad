"""The lean pool, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from holdfast.db import pool as pools
from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw, value
from holdfast.errors import Unavailable
from postgres import Cluster

ONE = Statement.of(raw("SELECT 1 AS one"))
NAP = Statement.of(raw("SELECT pg_sleep(30)"))


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = Pool(database, size=2, settings={"application_name": "pool-test"})
    yield made
    await made.close()


async def test_a_statement_gives_its_row(pool: Pool) -> None:
    row = await pool.fetchrow(Statement.of(raw("SELECT ") + value("a'b", "text") + raw(" AS text")))
    assert row is not None
    assert row["text"] == "a'b"


async def test_no_more_connections_are_opened_than_the_size_allows(pool: Pool) -> None:
    await asyncio.gather(*(pool.fetchrow(ONE) for _ in range(50)))
    row = await pool.fetchrow(
        Statement.of(
            raw("SELECT count(*) AS open FROM pg_stat_activity WHERE application_name = 'pool-test'")
            + raw(" AND datname = current_database()")
        )
    )
    assert row is not None
    assert row["open"] <= 2
    assert pool.in_use == 0


@asynccontextmanager
async def with_few_connections(cluster: Cluster, dsn: str, most: int) -> AsyncGenerator[Pool]:
    """A pool of four, as a role to which PostgreSQL gives so many."""
    parts = urlsplit(dsn)
    role = f"few_{parts.path[-8:]}"
    made = f"CREATE ROLE {role} LOGIN CONNECTION LIMIT {most} PASSWORD 'a' IN ROLE holdfast"
    await cluster.administration.execute(made)
    few = Pool(urlunsplit(parts._replace(netloc=f"{role}:a@{parts.netloc.rpartition('@')[2]}")), size=4, settings={})
    try:
        yield few
    finally:
        await few.close()
        await cluster.administration.execute(f"DROP ROLE {role}")


async def test_a_postgresql_that_gives_fewer_connections_than_the_size_serves_all_with_those(
    cluster: Cluster, database: str
) -> None:
    async with with_few_connections(cluster, database, 2) as few:
        rows = await asyncio.gather(*(few.fetchrow(ONE) for _ in range(50)))
        assert all(row is not None for row in rows)
        assert few.in_use == 0


async def test_a_postgresql_that_gives_no_connection_at_all_is_unavailable_at_once(
    cluster: Cluster, database: str
) -> None:
    async with with_few_connections(cluster, database, 0) as none:
        answers = await asyncio.gather(*(none.fetchrow(ONE) for _ in range(8)), return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in answers)
        assert none.in_use == 0


async def test_who_waits_longest_is_served_first(pool: Pool) -> None:
    held = [await pool.acquire(), await pool.acquire()]
    served: list[int] = []

    async def borrow(number: int) -> None:
        connection = await pool.acquire()
        served.append(number)
        await asyncio.sleep(0)
        pool.release(connection)

    waiting = [asyncio.create_task(borrow(number)) for number in range(5)]
    await asyncio.sleep(0.01)
    for connection in held:
        pool.release(connection)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3, 4]


async def test_waiting_ends_with_unavailable(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.05)
    held = [await pool.acquire(), await pool.acquire()]
    with pytest.raises(Unavailable):
        await pool.acquire()
    for connection in held:
        pool.release(connection)
    assert await pool.fetchrow(ONE) is not None


async def test_each_waits_its_own_time(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.2)
    held = [await pool.acquire(), await pool.acquire()]
    first = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0.1)
    second = asyncio.create_task(pool.acquire())
    with pytest.raises(Unavailable):
        await first
    assert not second.done()
    pool.release(held[0])
    assert await second is held[0]
    third = asyncio.create_task(pool.acquire())
    with pytest.raises(Unavailable):
        await third
    for connection in held:
        pool.release(connection)
    assert pool.in_use == 0


async def test_a_cancelled_statement_leaves_a_connection_that_works(pool: Pool) -> None:
    napping = [asyncio.create_task(pool.fetchrow(NAP)) for _ in range(2)]
    await asyncio.sleep(0.1)
    for task in napping:
        task.cancel()
    await asyncio.gather(*napping, return_exceptions=True)
    rows = await asyncio.gather(*(pool.fetchrow(ONE) for _ in range(4)))
    assert all(row is not None and row["one"] == 1 for row in rows)
    assert pool.in_use == 0


async def test_a_cancelled_wait_loses_no_connection(pool: Pool) -> None:
    held = [await pool.acquire(), await pool.acquire()]
    waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    pool.release(held[0])
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    pool.release(held[1])
    assert pool.in_use == 0
    assert await pool.fetchrow(ONE) is not None


async def test_the_pool_heals_when_its_backends_are_killed(pool: Pool, database: str) -> None:
    await asyncio.gather(*(pool.fetchrow(ONE) for _ in range(4)))
    other = await asyncpg.connect(database)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'pool-test' AND datname = current_database()"
    )
    await other.close()
    await asyncio.sleep(0.1)
    rows = await asyncio.gather(*(pool.fetchrow(ONE) for _ in range(4)))
    assert all(row is not None for row in rows)


async def test_a_transaction_that_raises_leaves_nothing(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.execute(raw("CREATE TABLE public.kept (n integer)"))
    with pytest.raises(RuntimeError, match="stop"):
        async with pool.transaction() as tx:
            await tx.execute(raw("INSERT INTO public.kept VALUES (1)"))
            raise RuntimeError("stop")
    row = await pool.fetchrow(Statement.of(raw("SELECT count(*) AS n FROM public.kept")))
    assert row is not None
    assert row["n"] == 0


async def test_a_savepoint_undoes_only_itself(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.execute(raw("CREATE TABLE public.kept (n integer)"))
        await tx.execute(raw("INSERT INTO public.kept VALUES (1)"))
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with tx.savepoint():
                await tx.execute(raw("INSERT INTO public.kept VALUES (1 / 0)"))
    row = await pool.fetchrow(Statement.of(raw("SELECT count(*) AS n FROM public.kept")))
    assert row is not None
    assert row["n"] == 1


async def test_a_closed_pool_says_that_the_server_stops(pool: Pool) -> None:
    await pool.close()
    with pytest.raises(Unavailable):
        await pool.fetchrow(ONE)


async def test_a_database_that_is_not_there_is_unavailable(database: str) -> None:
    nowhere = Pool(database.replace("host=", "host=/nowhere"), size=1, settings={})
    with pytest.raises(Unavailable):
        await nowhere.fetchrow(ONE)
    assert nowhere.in_use == 0


async def test_a_connection_whose_statement_was_cancelled_is_lent_to_nobody(pool: Pool) -> None:
    napping = [asyncio.create_task(pool.fetchrow(NAP)) for _ in range(2)]
    await asyncio.sleep(0.2)
    for task in napping:
        task.cancel()
    await asyncio.gather(*napping, return_exceptions=True)
    assert pool.open == 0
    rows = await asyncio.gather(*(pool.fetchrow(ONE) for _ in range(10)))
    assert all(row is not None for row in rows)


async def test_a_transaction_that_could_not_begin_leaves_a_pool_that_writes(pool: Pool) -> None:
    await pool.execute(Statement.of(raw("CREATE TABLE public.kept ()")))

    async def write() -> None:
        async with pool.transaction() as tx:
            await tx.execute(raw("INSERT INTO public.kept DEFAULT VALUES"))

    begun = asyncio.create_task(write())
    await asyncio.sleep(0)  # BEGIN is on its way
    begun.cancel()
    with pytest.raises(asyncio.CancelledError):
        await begun
    for _ in range(3):
        await write()
    row = await pool.fetchrow(Statement.of(raw("SELECT count(*) AS rows FROM public.kept")))
    assert row is not None
    assert (row["rows"], pool.in_use) == (3, 0)


async def test_nothing_is_done_in_a_transaction_that_has_ended(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.fetchrow(ONE)
    with pytest.raises(RuntimeError, match="this transaction has ended"):
        await tx.fetchrow(ONE)
    with pytest.raises(RuntimeError, match="this transaction has ended"):
        async with tx.savepoint():
            pass
