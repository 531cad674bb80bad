"""What is cleared away now and then: by one process at a time, and whatever happens to one sweep."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.app import SWEEPS
from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw
from holdfast.sweeps import sweep_once

KEPT = (
    "INSERT INTO holdfast.idempotency (principal, key, fingerprint, status, body, created)"
    " SELECT 'guest', n::text, '', 200, '', now() - n * interval '1 hour' FROM generate_series(1, 48) AS n"
)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = Pool(database, size=2, settings={"timezone": "UTC"})
    yield made
    await made.close()


async def test_a_sweep_is_called_again_until_nothing_is_left(pool: Pool) -> None:
    left = [3, 2, 1, 0, 99]

    async def sweep(_: Pool) -> int:
        return left.pop(0)

    assert await sweep_once(pool, {"one": sweep})
    assert left == [99]


async def test_one_that_fails_does_not_keep_the_others_from_their_turn(pool: Pool) -> None:
    swept: list[str] = []

    async def fails(_: Pool) -> int:
        raise RuntimeError("broken")

    async def works(_: Pool) -> int:
        swept.append("works")
        return 0

    assert await sweep_once(pool, {"fails": fails, "works": works})
    assert swept == ["works"]


async def test_two_processes_do_not_sweep_at_once(pool: Pool) -> None:
    inside = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(_: Pool) -> int:
        inside.set()
        await go_on.wait()
        return 0

    first = asyncio.create_task(sweep_once(pool, {"slow": slow}))
    await inside.wait()
    assert await sweep_once(pool, {"slow": slow}) is False
    go_on.set()
    assert await first is True
    assert await sweep_once(pool, {}) is True


async def test_kept_answers_are_forgotten_after_a_day(pool: Pool) -> None:
    connection = await pool.acquire()
    await connection.execute(KEPT)
    pool.release(connection)
    assert await sweep_once(pool, SWEEPS)
    row = await pool.fetchrow(Statement.of(raw("SELECT count(*) AS left FROM holdfast.idempotency")))
    assert row is not None
    assert row["left"] in (23, 24)
