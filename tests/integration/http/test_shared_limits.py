"""Rate limits of several processes: exact through a real Redis, bounded without, and no failure when it goes away."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from holdfast.http.counters import PAUSE_SECONDS, Counters
from redis_server import RedisServer
from served import EMAIL, PASSWORD, Server

MOST = 100
SENT = 500
WINDOW_SECONDS = 60
PATIENCE = 10.0  # seconds: a busy machine is no Redis that is away
LITTLE = 0.25


class Clock:
    """A clock that goes only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def counters(
    *urls: str, clock: Clock | None = None, patience: float = PATIENCE
) -> AsyncGenerator[list[Counters]]:
    """As many processes' counters as there are URLs."""
    found = [Counters(url, clock or time.monotonic, patience=patience) for url in urls]
    try:
        yield found
    finally:
        for one in found:
            await one.close()


async def test_processes_count_together_through_redis(redis_server: RedisServer):
    async with counters(redis_server.url, redis_server.url) as (one, two):
        assert [(await side.count("a", 60)).count for side in (one, two, one)] == [1, 2, 3]
        assert (await two.count("a", 60, many=5)).count == 8
        assert (await two.count("b", 60)).count == 1
        assert 59 < (await one.count("a", 60)).seconds <= 60


async def test_of_many_at_once_each_is_counted_once(redis_server: RedisServer):
    async with counters(redis_server.url, redis_server.url) as sides:
        found = await asyncio.gather(*(sides[number % 2].count("a", 60) for number in range(400)))
    assert sorted(one.count for one in found) == list(range(1, 401))


async def test_a_window_ends_and_another_begins(redis_server: RedisServer):
    async with counters(redis_server.url) as (one,):
        assert [(await one.count("a", 1)).count for _ in range(3)] == [1, 2, 3]
        await asyncio.sleep(1.1)
        assert (await one.count("a", 1)).count == 1


async def test_while_redis_is_away_each_process_counts_alone_and_says_so_once(redis_server: RedisServer):
    clock = Clock()
    async with counters(redis_server.url, clock=clock) as (one,):
        assert [(await one.count("a", 60)).count for _ in range(2)] == [1, 2]
        redis_server.stop()
        with capture_logs() as lines:
            assert [(await one.count("a", 60)).count for _ in range(2)] == [1, 2]
            clock.now += PAUSE_SECONDS
            assert (await one.count("a", 60)).count == 3
            redis_server.start()
            assert (await one.count("a", 60)).count == 4, "it is left alone for a moment"
            clock.now += PAUSE_SECONDS
            assert [(await one.count("a", 60)).count for _ in range(2)] == [1, 2]
        assert [line["log_level"] for line in lines] == ["warning", "info"]


async def test_a_redis_that_answers_nothing_keeps_one_request_waiting_and_not_for_long(redis_server: RedisServer):
    async with counters(redis_server.url, patience=LITTLE) as (one,):
        await one.count("a", 60)
        redis_server.freeze()
        began = time.monotonic()
        assert (await one.count("a", 60)).count == 1
        assert time.monotonic() - began < 20 * LITTLE
        began = time.monotonic()
        assert [(await one.count("a", 60)).count for _ in range(100)][-1] == 101
        assert time.monotonic() - began < 20 * LITTLE, "nobody waited again"
        redis_server.thaw()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "unix:///nowhere/redis.sock", "redis://"], ids=str)
async def test_a_redis_that_is_not_there_fails_nothing(url: str):
    async with counters(url) as (one,):
        assert (await one.count("a", 60)).count == 1


async def passed(server: Server) -> int:
    """How many of SENT requests by one guest pass, each on a connection of its own."""
    url = server.started()
    rules = [{"label": "/api/", "audience": "@guest", "duration": WINDOW_SECONDS, "maxRequests": MOST}]
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_keepalive_connections=0)) as client:
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
    assert all(0 < int(answer.headers["retry-after"]) <= WINDOW_SECONDS for answer in refused)
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
