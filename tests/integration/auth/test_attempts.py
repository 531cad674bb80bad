"""How guessing is slowed down, by all processes together."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.auth.attempts import (
    PER_ACCOUNT,
    PER_ADDRESS,
    WINDOW_SECONDS,
    attempt_succeeded,
    begin_attempt,
    sweep_attempts,
)
from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw
from holdfast.errors import RateLimited

HERE = "203.0.113.9"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = Pool(database, size=4, settings={})
    yield made
    await made.close()


@pytest.fixture
async def other_process(database: str) -> AsyncIterator[Pool]:
    made = Pool(database, size=4, settings={})
    yield made
    await made.close()


async def pass_window(pool: Pool) -> None:
    later = raw("UPDATE holdfast.attempts SET until = now() - interval '1 s' WHERE failures > 0")
    await pool.execute(Statement.of(later))


async def test_an_account_is_left_alone_after_too_many_failures_from_anywhere(pool: Pool, other_process: Pool) -> None:
    for number in range(PER_ACCOUNT):
        await begin_attempt(pool if number % 2 else other_process, "users ann", f"198.51.100.{number}")
    with pytest.raises(RateLimited) as refusal:
        await begin_attempt(pool, "users ann", HERE)
    assert WINDOW_SECONDS - 10 <= int(refusal.value.headers["Retry-After"]) <= WINDOW_SECONDS
    await begin_attempt(pool, "users bob", HERE)


async def test_an_address_is_left_alone_after_too_many_failures_on_any_account(pool: Pool) -> None:
    for number in range(PER_ADDRESS):
        await begin_attempt(pool, f"users {number}", HERE)
    with pytest.raises(RateLimited):
        await begin_attempt(pool, "users another", HERE)
    await begin_attempt(pool, "users another", "198.51.100.1")


async def test_many_at_once_are_no_way_round(pool: Pool, other_process: Pool) -> None:
    async def attempt(number: int) -> bool:
        try:
            await begin_attempt(pool if number % 2 else other_process, "users ann", f"198.51.100.{number}")
        except RateLimited:
            return False
        return True

    passed = await asyncio.gather(*(attempt(number) for number in range(4 * PER_ACCOUNT)))
    assert sum(passed) == PER_ACCOUNT


async def test_successes_and_failures_at_once_never_wait_for_each_other(pool: Pool, other_process: Pool) -> None:
    async def succeed(number: int) -> None:
        account = f"users {number % 3}"
        used = pool if number % 2 else other_process
        try:
            await begin_attempt(used, account, HERE)
        except RateLimited:
            return
        await attempt_succeeded(used, account, HERE)

    async with asyncio.timeout(10):
        await asyncio.gather(*(succeed(number) for number in range(90)))


async def test_an_ipv6_client_cannot_go_on_from_the_next_address_of_its_network(pool: Pool) -> None:
    for number in range(PER_ADDRESS):
        await begin_attempt(pool, f"users {number}", f"2001:db8::{number:x}")
    with pytest.raises(RateLimited):
        await begin_attempt(pool, "users another", "2001:db8::ffff")


async def test_the_window_ends_and_is_forgotten(pool: Pool) -> None:
    for _ in range(PER_ACCOUNT):
        await begin_attempt(pool, "users ann", HERE)
    await pass_window(pool)
    await begin_attempt(pool, "users ann", HERE)
    await pass_window(pool)
    assert await sweep_attempts(pool) == 2
    assert await sweep_attempts(pool) == 0


async def test_success_forgives_the_account(pool: Pool) -> None:
    for _ in range(3):
        for _ in range(PER_ACCOUNT):
            await begin_attempt(pool, "users ann", HERE)
        await attempt_succeeded(pool, "users ann", HERE)


async def test_who_logged_in_before_is_not_locked_out_by_others(pool: Pool) -> None:
    await begin_attempt(pool, "users ann", HERE)
    await attempt_succeeded(pool, "users ann", HERE)
    for number in range(PER_ACCOUNT):
        await begin_attempt(pool, "users ann", f"198.51.100.{number}")
    with pytest.raises(RateLimited):
        await begin_attempt(pool, "users ann", "198.51.100.200")
    await begin_attempt(pool, "users ann", HERE)


async def test_and_yet_cannot_guess_without_end(pool: Pool) -> None:
    await begin_attempt(pool, "users ann", HERE)
    await attempt_succeeded(pool, "users ann", HERE)
    for _ in range(PER_ACCOUNT):
        await begin_attempt(pool, "users ann", HERE)
    with pytest.raises(RateLimited):
        await begin_attempt(pool, "users ann", HERE)
