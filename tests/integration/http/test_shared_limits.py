"""Rate limits of several processes: exact through a real Redis, bounded without, and no failure when it goes away."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from holdfast.http.buckets import PAUSE_SECONDS, Buckets
from redis_server import RedisServer
from served import EMAIL, PASSWORD, Server

MOST = 100
SENT = 500
DAY = 86_400  # seconds: no token comes back while a test runs
PATIENCE = 10.0  # seconds: a busy machine is no Redis that is away
LITTLE = 0.25


class Clock:
    """A clock that goes only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def buckets(*urls: str, clock: Clock | None = None, patience: float = PATIENCE) -> AsyncGenerator[list[Buckets]]:
    """The buckets of as many processes as there are URLs."""
    found = [Buckets(url, clock or time.monotonic, patience=patience) for url in urls]
    try:
        yield found
    finally:
        for one in found:
            await one.close()


async def limits_in(url: str) -> AsyncGenerator[bytes]:
    """The keys of all buckets that Redis keeps."""
    redis: Any = Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    async with redis:
        for key in await redis.keys("holdfast:limit:*"):
            yield key


async def passes(one: Buckets, most: int, *, key: str = "a", many: int = 1) -> bool:
    return (await one.take(key, most, DAY, many)).passes


async def test_processes_share_buckets_through_redis(redis_server: RedisServer):
    async with buckets(redis_server.url, redis_server.url) as (one, two):
        assert [await passes(side, 3) for side in (one, two, one, two)] == [True, True, True, False]
        assert await passes(two, 3, key="b", many=3)
        assert not await passes(one, 3, key="b")
        assert DAY / 3 - 60 < (await one.take("a", 3, DAY)).seconds <= DAY / 3


async def test_of_many_at_once_exactly_as_many_pass_as_there_are_tokens(redis_server: RedisServer):
    async with buckets(redis_server.url, redis_server.url) as sides:
        found = await asyncio.gather(*(passes(sides[number % 2], 250) for number in range(400)))
    assert sum(found) == 250


async def test_a_bucket_fills_again_and_is_forgotten_when_it_is_full(redis_server: RedisServer):
    async with buckets(redis_server.url) as (one,):
        assert (await one.take("a", 1, 1)).passes
        assert not (await one.take("a", 1, 1)).passes
        await asyncio.sleep(1.1)
        assert (await one.take("a", 1, 1)).passes
        await asyncio.sleep(1.1)
        assert [key async for key in limits_in(redis_server.url)] == []


async def test_while_redis_is_away_each_process_counts_alone_and_says_so_once(redis_server: RedisServer):
    clock = Clock()
    async with buckets(redis_server.url, clock=clock) as (one,):
        assert [await passes(one, 2) for _ in range(3)] == [True, True, False]
        redis_server.stop()
        with capture_logs() as lines:
            assert await passes(one, 2)
            clock.now += PAUSE_SECONDS
            assert await passes(one, 2)
            redis_server.start()
            assert not await passes(one, 2), "it is left alone for a moment"
            clock.now += PAUSE_SECONDS
            assert [await passes(one, 2) for _ in range(3)] == [True, True, False]
        assert [line["log_level"] for line in lines] == ["warning", "info"]


async def test_a_redis_that_answers_nothing_keeps_one_request_waiting_and_not_for_long(redis_server: RedisServer):
    async with buckets(redis_server.url, patience=LITTLE) as (one,):
        await passes(one, 101)
        redis_server.freeze()
        began = time.monotonic()
        assert await passes(one, 101)
        assert time.monotonic() - began < 20 * LITTLE
        began = time.monotonic()
        assert all([await passes(one, 101) for _ in range(100)])
        assert time.monotonic() - began < 20 * LITTLE, "nobody waited again"
        redis_server.thaw()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "unix:///nowhere/redis.sock", "redis://"], ids=str)
async def test_a_redis_that_is_not_there_fails_nothing(url: str):
    async with buckets(url) as (one,):
        assert [await passes(one, 1) for _ in range(2)] == [True, False]


async def passed(server: Server) -> int:
    """How many of SENT requests by one guest pass, each on a connection of its own."""
    url = server.started()
    rules = [{"label": "/api/", "audience": "@guest", "duration": DAY, "maxRequests": MOST}]
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        body = {"identity": EMAIL, "password": PASSWORD}
        token = (await client.post("/api/collections/_superusers/auth-with-password", json=body)).json()["token"]
        answer = await client.patch(
            "/api/settings",
            json={"rateLimits": {"enabled": True, "rules": rules}},
            headers={"Authorization": token},
        )
        assert answer.status_code == 200, answer.text

        async def ask(count: int) -> list[httpx.Response]:
            return [await client.get("/api/collections/users/records") for _ in range(count)]

        answers = [one for some in await asyncio.gather(*(ask(SENT // 20) for _ in range(20))) for one in some]
    assert {answer.status_code for answer in answers} == {200, 429}
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(0 < int(answer.headers["retry-after"]) <= DAY for answer in refused)
    return len(answers) - len(refused)


def limits_of(server: Server) -> str:
    """What the server says of how it counts."""
    answer = httpx.get(f"{server.started()}/api/ready")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["limits"]


@pytest.mark.parametrize("workers", [1, 2], ids=["one worker", "two workers"])
async def test_exactly_as_many_pass_as_may_however_many_processes_answer(
    workers: int, tmp_path: Path, empty_database: str, redis_server: RedisServer
):
    """R23, with Redis."""
    places = {"DATABASE_URL": empty_database, "REDIS_URL": redis_server.url, "HOLDFAST_REDIS_TIMEOUT_MS": "10000"}
    async with serving(tmp_path, workers, **places) as server:
        assert await passed(server) == MOST
        assert limits_of(server) == "shared"
        redis_server.stop()
        assert limits_of(server) == "per process"


@pytest.mark.parametrize("workers", [1, 2], ids=["one worker", "two workers"])
async def test_without_redis_as_many_pass_in_each_process(workers: int, tmp_path: Path, empty_database: str):
    """R23, without: the bound is the limit times the number of processes."""
    async with serving(tmp_path, workers, DATABASE_URL=empty_database) as server:
        count = await passed(server)
        assert limits_of(server) == "per process"
    print(f"{workers} workers without Redis: {count} of {SENT} pass a limit of {MOST}")
    assert MOST <= count <= MOST * workers


@asynccontextmanager
async def serving(folder: Path, workers: int, **environment: str) -> AsyncGenerator[Server]:
    superuser = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    options = ["--port", "0", "--workers", str(workers)]
    server = Server(folder / "data", *options, environment=environment | superuser)
    await asyncio.to_thread(server.started)
    yield server
    assert await asyncio.to_thread(server.stop) == 0
