"""Several processes on one database: one sends at a time, and whatever ends it, nothing is lost and no id is new."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from client import running
from holdfast.catalog.live import LiveCatalog
from holdfast.db.pool import Pool
from holdfast.engine import Engine
from holdfast.events.event import Event
from holdfast.events.feed import Feed
from holdfast.events.position import Position
from holdfast.webhooks import circuit, queue, router
from holdfast.webhooks.circuit import Circuit
from holdfast.webhooks.outcome import Attempt, Outcome
from holdfast.webhooks.queue import Claimed, Done
from holdfast.webhooks.router import Router
from hooks import LOCAL, Hooks
from receiver import Answer, Receiver, believed, receiving
from served import EMAIL, PASSWORD, Server

DELIVERED = "SELECT count(*) FROM holdfast.deliveries WHERE state = 2"


async def until(connection: Any, query: str, wanted: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while (found := await connection.fetchval(query)) != wanted:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.02)


async def test_two_servers_never_send_one_event_twice(hooks: Hooks, database: str, tmp_path: Path) -> None:
    made = [await hooks.make("posts.created"), await hooks.make("posts.created", ordered=True)]
    async with running(database, tmp_path, background=True, webhook_allow=LOCAL) as other:
        for _ in range(5):
            await asyncio.gather(
                *(api.create("posts", title=str(number)) for number in range(10) for api in (hooks.api, other))
            )
        for hook in made:
            await hooks.got(hook, 100)
        connection = await asyncpg.connect(database)
        await until(connection, DELIVERED, 200)
        await connection.close()
    for hook in made:
        ids = [call.id for call in hooks.at(hook)]
        assert len(ids) == len(set(ids)) == 100


async def test_the_next_process_takes_over_in_order_and_knows_the_circuit(
    hooks: Hooks, quick: pytest.MonkeyPatch, database: str, tmp_path: Path
) -> None:
    quick.setattr(circuit, "PROBE_SECONDS", (60.0, 60.0))
    down, well = await hooks.make("posts.created"), await hooks.make("posts.created")
    hooks.receiver.replies[hooks.path(down)] = lambda _: Answer(503)
    async with running(database, tmp_path, background=True, webhook_allow=LOCAL) as other:
        for number in range(5):
            await hooks.api.create("posts", title=str(number))
        while (await hooks.get(down))["circuit"] == "closed":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await hooks.got(well, 5)
        connection = await asyncpg.connect(database)
        before = len(hooks.at(down))
        # Whoever leads loses its connection, again and again.
        for number in range(3):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 11"
                " AND classid = 1212547072"
            )
            await other.create("posts", title=f"after {number}")
            await hooks.got(well, 6 + number)
        await connection.close()
    ids = [call.id for call in hooks.at(well)]
    assert len(set(ids)) == 8
    assert len(hooks.at(down)) - before <= 16  # what was under way


@asynccontextmanager
async def sending(database: str, folder: Path) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """A server in a process of its own, and its superuser."""
    environment = {
        "DATABASE_URL": database,
        "HOLDFAST_WEBHOOK_ALLOW": "127.0.0.0/8",
        "HOLDFAST_SUPERUSER_EMAIL": EMAIL,
        "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD,
    }
    server = Server(folder / "data", "--port", "0", environment=environment)
    address = await asyncio.to_thread(server.started)
    async with httpx.AsyncClient(base_url=address, timeout=30) as root:
        credentials = {"identity": EMAIL, "password": PASSWORD}
        login = await root.post("/api/collections/_superusers/auth-with-password", json=credentials)
        root.headers["Authorization"] = login.json()["token"]
        yield server, root


async def made_in(root: httpx.AsyncClient, receiver: Receiver) -> str:
    """A collection and a webhook, whose secret is returned."""
    body = {"name": "posts", "type": "base", "fields": [{"name": "title", "type": "text"}]}
    answer = await root.post("/api/collections", json=body)
    assert answer.status_code == 200, answer.text
    answer = await root.post("/api/webhooks", json={"url": f"{receiver.url}/hook", "events": ["posts.*"]})
    assert answer.status_code == 200, answer.text
    return answer.json()["secret"]


async def test_what_was_answered_but_not_written_down_is_sent_again_as_it_was(
    quick: pytest.MonkeyPatch, database: str, tmp_path: Path
) -> None:
    """The process is killed in the middle, after the receiver has answered and before that is committed."""
    connection = await asyncpg.connect(database)
    async with receiving() as receiver:
        receiver.reply = lambda _: Answer(delay=0.3)
        async with sending(database, tmp_path) as (server, root):
            secret = await made_in(root, receiver)
            for title in "abc":
                answer = await root.post("/api/collections/posts/records", json={"title": title})
                assert answer.status_code == 200, answer.text
            await receiver.got("/hook")
            held = connection.transaction()
            await held.start()
            rows = await connection.fetch("SELECT id FROM holdfast.deliveries WHERE state = 1 FOR UPDATE")
            assert rows
            await receiver.got("/hook", 3)
            await asyncio.sleep(0.6)  # the answers are there, and what became of them waits for the lock
            os.killpg(server.process.pid, signal.SIGKILL)
            await asyncio.to_thread(server.ended)
            await held.rollback()
        assert await connection.fetchval(DELIVERED) == 0
        first = list(receiver.calls)
        receiver.reply = lambda _: Answer()
        # The lease runs out: that of a process that was killed a minute ago.
        await connection.execute("UPDATE holdfast.deliveries SET lease_until = now() - interval '1 s' WHERE state = 1")
        async with running(database, tmp_path, background=True, webhook_allow=LOCAL):
            await until(connection, DELIVERED, 3)
    again = receiver.calls[len(first) :]
    assert len(first) == len(again) == 3
    assert {(call.id, call.body) for call in first} == {(call.id, call.body) for call in again}
    assert all(believed(call, [secret]) for call in receiver.calls)
    await connection.close()


async def test_a_server_that_is_stopped_writes_down_what_was_under_way(database: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(database)
    async with receiving() as receiver:
        receiver.reply = lambda _: Answer(delay=1)
        async with sending(database, tmp_path) as (server, root):
            await made_in(root, receiver)
            await root.post("/api/collections/posts/records", json={"title": "a"})
            await receiver.got("/hook")
            assert await asyncio.to_thread(server.stop) == 0
    assert await connection.fetchval(DELIVERED) == 1
    assert len(receiver.calls) == 1
    await connection.close()


async def test_a_server_that_is_stopped_while_it_writes_down_writes_it_all_the_same(
    database: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with receiving() as receiver:
        receiver.reply = lambda _: Answer(delay=0.5)
        async with sending(database, tmp_path) as (server, root):
            await made_in(root, receiver)
            await root.post("/api/collections/posts/records", json={"title": "a"})
            await receiver.got("/hook")
            held = connection.transaction()
            await held.start()
            assert await connection.fetch("SELECT id FROM holdfast.deliveries WHERE state = 1 FOR UPDATE")
            await until(connection, waiting, 1)
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            await asyncio.sleep(0.5)
            await held.rollback()
            assert await stopping == 0
    assert await connection.fetchval(DELIVERED) == 1
    await connection.close()


class Stopped(Feed):
    """The log of a process that is stopped as soon as it reads."""

    async def read(self, after: Position, limit: int = 0) -> tuple[Event, ...]:
        await asyncio.Event().wait()
        return ()


async def test_a_process_that_is_stopped_while_it_routes_loses_its_place(
    hooks: Hooks, quick: pytest.MonkeyPatch
) -> None:
    quick.setattr(router, "PAUSED_SECONDS", 0.5)
    hook = await hooks.make("posts.created")
    pool = hooks.api.pool
    live = await LiveCatalog.open(pool)
    engine = Engine(settings=hooks.api.settings, pool=pool, live=live, secret=b"s" * 32)
    vars(engine)["feed"] = Stopped(pool)

    async def route() -> None:
        while True:  # the server may be routing just now
            await Router(engine).turn()
            await asyncio.sleep(0.01)

    routing = asyncio.create_task(route())
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await hooks.api.create("posts", title="a")
    await hooks.got(hook)
    assert 0.2 < time.monotonic() - began < 5
    routing.cancel()
    with pytest.raises((asyncio.CancelledError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await routing


async def test_who_comes_back_late_changes_nothing(hooks: Hooks, database: str) -> None:
    """A process that was stopped for longer than its lease finds that another has sent what it held."""
    hook = await hooks.make("posts.created", active=False)
    await hooks.api.create("posts", title="a")
    await hooks.until(hook, "ready")
    pool = hooks.api.pool
    (late,) = await claimed(pool, hook)
    assert await claimed(pool, hook) == []
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE holdfast.deliveries SET lease_until = now() - interval '1 s'")
    await connection.close()
    assert await queue.reap(pool) in (0, 1)  # the server does it, too
    (now,) = await claimed(pool, hook)
    assert now.lease != late.lease and now.event_id == late.event_id
    await finished(pool, late, Outcome("dead", Circuit()))
    await queue.give_back(pool, [late])
    assert [one["state"] for one in await hooks.deliveries(hook)] == ["leased"]
    await finished(pool, now, Outcome("delivered", Circuit()))
    (done,) = await hooks.deliveries(hook)
    assert (done["state"], done["attempts"]) == ("delivered", 1)
    assert len((await hooks.get(hook, f"deliveries/{done['id']}"))["tries"]) == 2


async def claimed(pool: Pool, hook: dict[str, Any]) -> list[Claimed]:
    return await queue.claim(pool, {hook["id"]: 10})


async def finished(pool: Pool, one: Claimed, outcome: Outcome) -> None:
    done = Done(claimed=one, attempt=Attempt(ms=1, status=200), outcome=outcome, url="http://x/", sent={})
    async with pool.transaction() as tx:
        await queue.finish(tx, [done])
