"""The catalog of several processes: each follows, none goes backwards, and whoever changes it knows who has it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from holdfast.audit.author import SERVER
from holdfast.catalog import live as live_module
from holdfast.catalog import store
from holdfast.catalog.live import LiveCatalog
from holdfast.collections import service
from holdfast.config import Settings
from holdfast.db.migrate import migrate
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.engine import Engine
from holdfast.schema.system import system_collections

Start = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def start(database: str) -> AsyncIterator[Start]:
    """Starts what a server process has: a pool and a catalog, followed or not."""
    async with AsyncExitStack() as stack:

        async def begin(*, follow: bool = True, **changes: Any) -> Engine:
            settings = Settings(**changes)
            pool = Pool(database, size=4, settings=session_settings(settings))
            stack.push_async_callback(pool.close)
            live = await LiveCatalog.open(pool)
            if follow:
                task = asyncio.create_task(live.follow())
                stack.push_async_callback(stop, task)
                await until(lambda: live.following)
            return Engine(settings=settings, pool=pool, live=live, secret=b"x" * 32)

        yield begin


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def end_listeners(engine: Engine) -> int:
    """Break the connections on which processes listen."""
    connection = await engine.pool.acquire()
    try:
        return await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT DISTINCT pid FROM pg_locks"
            " WHERE locktype = 'advisory' AND classid = 1212547073 AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())) AS holders"
        )
    finally:
        engine.pool.release(connection)


async def test_a_change_is_seen_by_every_process_when_it_returns(start: Start):
    one, two, three = await start(), await start(), await start()
    first = one.catalog.version
    for at in range(10):
        await service.create([one, two, three][at % 3], SERVER, {"name": f"c{at}"})
        assert all(f"c{at}" in engine.catalog.by_name for engine in (one, two, three))
    assert one.catalog.version == two.catalog.version == three.catalog.version == first + 10


async def test_a_process_that_is_gone_holds_nobody_up(start: Start):
    one = await start()
    lost = await one.pool.connect()
    await live_module.held.hold(lost, 0)
    await lost.close()
    began = time.monotonic()
    await service.create(one, SERVER, {"name": "posts"})
    assert time.monotonic() - began < 2


async def test_a_process_that_does_not_answer_is_waited_for_only_so_long(start: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_module, "EVERYWHERE_SECONDS", 0.3)
    one = await start()
    stuck = await one.pool.connect()
    await live_module.held.hold(stuck, 0)
    began = time.monotonic()
    await service.create(one, SERVER, {"name": "posts"})
    assert 0.3 <= time.monotonic() - began < 2
    await stuck.close()


async def test_a_lost_connection_makes_a_process_look_before_each_request_until_it_is_back(start: Start):
    one, two = await start(), await start()
    assert await end_listeners(one) == 2
    await until(lambda: not two.live.following)
    await service.create(one, SERVER, {"name": "posts"})
    await two.live.check()
    assert "posts" in two.catalog.by_name
    await until(lambda: one.live.following and two.live.following)
    await service.create(two, SERVER, {"name": "more"})
    assert "more" in one.catalog.by_name


async def test_a_process_that_does_not_follow_looks_each_time(start: Start):
    one, idle = await start(), await start(follow=False)
    await service.create(one, SERVER, {"name": "posts"})
    assert "posts" not in idle.catalog.by_name
    await idle.live.check()
    assert "posts" in idle.catalog.by_name


async def test_a_slow_load_never_puts_an_older_catalog_back(start: Start, monkeypatch: pytest.MonkeyPatch):
    one, two = await start(follow=False), await start(follow=False)
    load, first = store.load, one.catalog.version
    waiting = asyncio.Event()
    loaded = asyncio.Event()

    async def slow(connection: Any) -> Any:
        found = await load(connection)
        loaded.set()
        await waiting.wait()
        return found

    await service.create(two, SERVER, {"name": "first"})
    monkeypatch.setattr(store, "load", slow)
    reloading = asyncio.create_task(one.live.reload())
    await loaded.wait()
    monkeypatch.setattr(store, "load", load)
    await service.create(two, SERVER, {"name": "second"})
    await one.live.reload()
    assert one.catalog.version == first + 2
    waiting.set()
    await reloading
    assert one.catalog.version == first + 2
    assert "second" in one.catalog.by_name


async def test_processes_that_start_together_make_the_system_collections_once(empty_database: str):
    await migrate(empty_database)
    settings = Settings()
    pools = [Pool(empty_database, size=2, settings=session_settings(settings)) for _ in range(4)]
    made = await asyncio.gather(*(service.ensure_system_collections(pool, settings) for pool in pools))
    assert sorted(made) == [False, False, False, True]
    live = await LiveCatalog.open(pools[0])
    assert [one.name for one in live.now.collections] == [one.name for one in system_collections()]
    for pool in pools:
        await pool.close()
