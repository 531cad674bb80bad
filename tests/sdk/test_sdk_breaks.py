"""What a generated client makes of a network that breaks, and of a server that is killed."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from flaky_line import flaky_line
from generated import OPEN, load
from holdfast_sdk.schema import read_schema
from served import EMAIL, PASSWORD, Served, Server

NOTES = {"name": "sdk_notes", "fields": [{"name": "n", "type": "number", "onlyInt": True}]}


async def package_of(url: str, folder: Path, email: str = EMAIL, password: str = PASSWORD) -> Any:
    """The package of a server with a collection of notes, made or emptied."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as root:
        login = {"identity": email, "password": password}
        token = (await root.post("/api/collections/_superusers/auth-with-password", json=login)).json()["token"]
        root.headers["Authorization"] = token
        if (await root.post("/api/collections", json={**OPEN, **NOTES})).status_code != 200:
            assert (await root.delete("/api/collections/sdk_notes/truncate")).status_code == 204
        return load(read_schema((await root.get("/api/sdk/python/schema.json")).content), folder)


async def write(client: Any, p: Any, numbers: range) -> None:
    """Each of these once, some alone and some in batches, and each changed once."""
    for n in numbers:
        if n % 5:
            made = await client.sdk_notes.create(p.SdkNoteCreate(n=n))
            await client.sdk_notes.update(made.id, p.SdkNoteUpdate(n=p.add(1000)))
        else:
            async with client.batch() as batch:
                batch.sdk_notes.create(p.SdkNoteCreate(n=n + 500))
                batch.sdk_notes.create(p.SdkNoteCreate(n=n + 1000))


def wanted(count: int) -> list[int]:
    return sorted([*(n + 1000 for n in range(count)), *(n + 500 for n in range(0, count, 5))])


async def test_over_a_line_that_breaks_each_write_is_done_once(served: Served, tmp_path: Path):
    p = await package_of(served.url, tmp_path)
    async with (
        flaky_line(served.url) as (url, line),
        p.AsyncClient(url, retry=p.Retry(seconds=60, first=0.02, longest=0.2)) as client,
    ):
        await asyncio.gather(*(write(client, p, range(start, start + 10)) for start in range(0, 200, 10)))
        line.calm = True
        found = sorted([one.n async for one in client.sdk_notes.iterate()])
    assert found == wanted(200)
    assert line.breaks > 20


async def test_over_lines_that_drop_a_subscription_misses_nothing(served: Served, tmp_path: Path):
    p = await package_of(served.url, tmp_path)
    count, breaks = 150, 20
    await follow(p, served.url, count, breaks)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_over_a_hundred_dropped_lines_a_subscription_misses_nothing(served: Served, tmp_path: Path):
    p = await package_of(served.url, tmp_path)
    await follow(p, served.url, 2000, 100)


async def follow(p: Any, url: str, count: int, breaks: int) -> None:
    """Write so many notes, at least until the line to who follows them broke so often; nothing is missing."""
    seen: dict[str, None] = {}
    ready = asyncio.Event()

    async def listen(through: str) -> None:
        async with p.AsyncClient(through) as client, client.sdk_notes.subscribe() as changes:
            ready.set()
            async for change in changes:
                assert not isinstance(change, p.Reset)
                seen.setdefault(change.record.id)

    async with flaky_line(url, chance=0.05, seconds=0.3) as (through, line), p.AsyncClient(url) as writer:
        listening = asyncio.create_task(listen(through))
        await asyncio.wait_for(ready.wait(), 30)
        made: list[str] = []
        while len(made) < count or line.breaks < breaks:
            made.append((await writer.sdk_notes.create(p.SdkNoteCreate(n=len(made)))).id)
            await asyncio.sleep(0.01)
        line.calm = True
        for _ in range(600):
            if len(seen) == len(made):
                break
            await asyncio.sleep(0.1)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert list(seen) == made


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_500_tasks_over_a_server_that_is_killed_10_times_leave_what_they_meant_to(anywhere: Path):
    made = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    server = Server(anywhere / "data", "--port", "0", environment=made)
    url = await asyncio.to_thread(server.started)
    port = url.rpartition(":")[2]
    p = await package_of(url, anywhere)
    async with p.AsyncClient(url, retry=p.Retry(seconds=600)) as client:
        work = asyncio.gather(*(write(client, p, range(start, start + 10)) for start in range(0, 5000, 10)))
        for _ in range(10):
            await asyncio.sleep(1.5)
            server.signal(signal.SIGKILL)
            await asyncio.to_thread(server.ended)
            server = Server(anywhere / "data", "--port", port, environment=made)
            await asyncio.to_thread(server.started)
        await work
        found = sorted([one.n async for one in client.sdk_notes.iterate()])
    assert found == wanted(5000)
    assert await asyncio.to_thread(server.stop) == 0
