"""Processes say that they live, what they do and that they end; and keep what they have measured when they do."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from client import Api, refused
from holdfast.background.heartbeat import Heartbeat
from holdfast.background.worker_service import sweep_processes
from holdfast.engine import Engine
from holdfast.jobs.job import Job

PATH = "/api/workers"
WAIT_SECONDS = 20.0
StartApi = Callable[..., AbstractAsyncContextManager[Api]]


async def workers(api: Api) -> list[dict[str, Any]]:
    answer = await api.root.get(PATH)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def one_worker(api: Api) -> dict[str, Any]:
    """The one process, as soon as it has told of itself."""
    async with asyncio.timeout(WAIT_SECONDS):
        found = await workers(api)
        while not found:
            await asyncio.sleep(0.05)
            found = await workers(api)
    return found[0]


def engine_of(api: Api) -> Engine:
    """The parts of the application."""
    engine = api.front.engine
    assert engine is not None
    return engine


def heartbeat(api: Api, role: Any = "worker") -> Heartbeat:
    return Heartbeat(role, 7, api.pool, lambda _: (1234, 5))


async def test_a_server_tells_that_it_lives(api: Api) -> None:
    found = await one_worker(api)
    assert (found["role"], found["worker"], found["state"], found["ended"]) == ("serve", 1, "alive", "")
    assert (found["background"], found["jobs"], found["lines"]) == (False, [], 0)
    assert found["memory"] > 1_000_000
    assert 0 < found["diskFree"] <= found["diskSize"]


async def test_a_server_that_stops_says_so(start_api: StartApi) -> None:
    async with start_api() as api:
        id = (await one_worker(api))["id"]
    async with start_api() as api:
        found = {one["id"]: one["state"] for one in await workers(api)}
    assert found[id] == "ended"


async def test_what_was_measured_is_kept_by_a_server_that_stops(start_api: StartApi) -> None:
    async with start_api(metrics_days=5) as api:
        for _ in range(3):
            await api.guest.get("/api/health")
    async with start_api() as api:
        found = (await api.root.get("/api/metrics/top")).json()["items"]
    assert [one["count"] for one in found if one["route"] == "/api/health"] == [3]


async def test_a_process_tells_which_jobs_it_is_at(api: Api) -> None:
    beating = heartbeat(api)
    engine = engine_of(api)
    engine.doing.begin(Job(9, "shop.receipt", b"", 1))
    await beating.beat(engine)
    (told,) = [one for one in await workers(api) if one["id"] == beating.process]
    assert [(job["id"], job["name"]) for job in told["jobs"]] == [("9", "shop.receipt")]
    engine.doing.end(Job(9, "shop.receipt", b"", 1))
    await beating.beat(engine)
    (told,) = [one for one in await workers(api) if one["id"] == beating.process]
    assert (told["jobs"], told["jobCount"], told["memory"], told["lines"]) == ([], 0, 1234, 5)


@pytest.mark.parametrize(("silent", "state"), [("50 seconds", "alive"), ("70 seconds", "dead"), ("23 hours", "dead")])
async def test_a_process_that_gives_no_sign_of_life_is_dead(api: Api, silent: str, state: str) -> None:
    beating = heartbeat(api)
    await beating.beat(engine_of(api))
    await age(api, beating.process, silent)
    found = {one["id"]: one["state"] for one in await workers(api)}
    assert found[beating.process] == state


async def age(api: Api, process: str, silent: str) -> None:
    connection = await api.pool.acquire()
    try:
        await connection.execute(
            "UPDATE holdfast.processes SET seen = now() - $2::text::interval WHERE id = $1", process, silent
        )
    finally:
        api.pool.release(connection)


async def test_a_process_that_was_last_seen_days_ago_is_no_longer_listed(api: Api) -> None:
    beating = heartbeat(api)
    await beating.beat(engine_of(api))
    await age(api, beating.process, "25 hours")
    assert beating.process not in [one["id"] for one in await workers(api)]


async def test_a_process_that_is_long_gone_is_forgotten(api: Api) -> None:
    beating = heartbeat(api)
    await beating.beat(engine_of(api))
    await age(api, beating.process, "41 days")
    assert await sweep_processes(api.pool) == 1


async def test_those_that_live_come_before_those_that_died(api: Api) -> None:
    dead, alive = heartbeat(api), heartbeat(api)
    for one in (alive, dead):
        await one.beat(engine_of(api))
    await age(api, dead.process, "5 minutes")
    listed = [one["id"] for one in await workers(api) if one["role"] == "worker"]
    assert listed == [alive.process, dead.process]


async def test_a_role_for_jobs_sees_the_processes_and_nobody_else(api: Api) -> None:
    refused(await api.guest.get(PATH), 401, "unauthenticated")
    made = await api.root.post("/api/roles", json={"name": "operator", "operations": ["jobs.view"]})
    assert made.status_code == 200, made.text
    key = (await api.root.post("/api/keys", json={"name": "k", "roles": ["operator"]})).json()["key"]
    answer = await api.guest.get(PATH, headers={"Authorization": f"Bearer {key}"})
    assert msgspec.json.decode(answer.content).keys() == {"items"}
