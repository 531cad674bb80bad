"""Lines of a server of two processes: which one holds a line never matters, and nothing is lost when one breaks."""

import asyncio
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from lines import reset, stalled_line, what_is_left
from served import EMAIL, PASSWORD, Server
from sse import Event, Stream, dial, dialled

LINES = 8
TRIES = 2
RESETS = 30
WRITERS = 4
EACH = 250


@contextmanager
def two_processes() -> Generator[Server]:
    """A server of two processes."""
    folder = Path(tempfile.mkdtemp(prefix="hf-pair-"))
    folder.chmod(0o711)
    made = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    server = Server(folder / "data", "--port", "0", "--workers", "2", environment=made)
    try:
        server.started()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def pair() -> Iterator[Server]:
    """A server of two processes, for tests that leave it as it is."""
    with two_processes() as server:
        yield server


@pytest.fixture
def own_pair() -> Iterator[Server]:
    """One that a test may stop."""
    with two_processes() as server:
        yield server


@asynccontextmanager
async def rooted(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as root:
        credentials = {"identity": EMAIL, "password": PASSWORD}
        login = await root.post("/api/collections/_superusers/auth-with-password", json=credentials)
        root.headers["Authorization"] = login.json()["token"]
        yield root


async def collection(root: httpx.AsyncClient, name: str) -> None:
    body = {"name": name, "type": "base", "fields": [{"name": "n", "type": "number"}], "listRule": ""}
    made = await root.post("/api/collections", json=body)
    assert made.status_code == 200, made.text


async def create(root: httpx.AsyncClient, name: str, n: int) -> None:
    answer = await root.post(f"/api/collections/{name}/records", json={"n": n})
    assert answer.status_code == 200, answer.text


async def subscribe(url: str, opened: Stream, *topics: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:  # a new connection: it may reach either process
        body = {"clientId": opened.id, "subscriptions": list(topics)}
        answer = await client.post("/api/realtime", json=body)
        assert (answer.status_code, answer.text) == (204, "")


async def arrive(url: str, opened: Stream, code: str) -> str:
    async with httpx.AsyncClient(base_url=url) as client:
        return (await client.get("/api/oauth2-redirect", params={"state": opened.id, "code": code})).text


async def lines_of_both(url: str, stack: AsyncExitStack) -> list[Stream]:
    """Lines, of which each process holds some."""
    lines: list[Stream] = []
    until = time.monotonic() + 20
    # The second process may still be starting.
    while len(lines) < LINES or len({one.id[:8] for one in lines}) < 2:
        assert time.monotonic() < until, "one process holds all lines"
        lines.append(await stack.enter_async_context(dialled(url)))
    return lines


async def test_any_process_answers_for_any_line(pair: Server):
    url = pair.started()
    async with AsyncExitStack() as stack:
        lines = await lines_of_both(url, stack)
        for one in lines[-LINES:]:
            for at in range(TRIES):
                await subscribe(url, one, "@oauth2", *(f"@topic-{at}-{'x' * 40}-{n}" for n in range(300)))
                assert 'class="success"' in await arrive(url, one, f"code {at}")
                assert (await one.next()).json == {"state": one.id, "code": f"code {at}"}
                assert 'class="failure"' in await arrive(url, one, "again")


async def test_either_process_tells_the_metrics_of_both(pair: Server):
    url = pair.started()
    async with AsyncExitStack() as stack:
        lines = await lines_of_both(url, stack)
        held = sorted(Counter(one.id[:8] for one in lines).values())
        # Lines of the test before this one are noticed to be closed at their next heartbeat, 15 s apart.
        for _ in range(100):
            if await told(url) == held:
                break
            await asyncio.sleep(0.5)
        assert [await told(url) for _ in range(TRIES * 2)] == [held] * (TRIES * 2)


async def told(url: str) -> list[int]:
    """How many lines each process holds, as one of them tells it."""
    async with httpx.AsyncClient(base_url=url) as client:  # a new connection: it may reach either process
        text = (await client.get("/metrics")).text
    assert "\nholdfast_workers 2.0\n" in text
    found = dict(re.findall(r'^holdfast_realtime_connections{worker="(\d)"} (\d+)\.0$', text, re.M))
    assert sorted(found) == ["1", "2"]
    return sorted(map(int, found.values()))


async def test_changes_reach_the_lines_of_all_processes(pair: Server):
    url = pair.started()
    async with AsyncExitStack() as stack, rooted(url) as root:
        await collection(root, "everywhere")
        lines = await lines_of_both(url, stack)
        for one in lines:
            await subscribe(url, one, "everywhere/*")
            await one.next_of("HF_READY")
        for n in range(20):
            await create(root, "everywhere", n)
        for one in lines:
            assert [(await one.next()).json["record"]["n"] for _ in range(20)] == list(range(20))


async def test_a_write_after_ready_is_seen(pair: Server):
    """R13, a little: who is told that it listens misses nothing from then on."""
    url = pair.started()
    async with rooted(url) as root:
        await collection(root, "ready")
        for n in range(20):
            async with dialled(url, "topics=ready/*") as opened:
                await opened.next_of("HF_READY")
                await create(root, "ready", n)
                assert (await opened.next()).json["record"]["n"] == n


async def heard(url: str, topic: str, since: str, seconds: float) -> list[Event]:
    """What comes over a line until it is broken in the middle of something."""
    opened, reading, writer = await dial(url, f"topics={topic}", {"Last-Event-ID": since} if since else {})
    await asyncio.sleep(seconds)
    reset(writer)
    reading.cancel()
    found: list[Event] = []
    while opened.waiting:
        found.append(await opened.next())
    return found


async def test_a_client_whose_line_breaks_again_and_again_hears_everything_once_and_in_order(pair: Server):
    """R9, a little: resets at random times while records are written."""
    url = pair.started()
    chance = random.Random(9)
    async with rooted(url) as root:
        await collection(root, "broken")
        async with dialled(url, "topics=broken/*") as opened:
            since = (await opened.next_of("HF_READY")).id

        async def write(writer: int) -> None:
            for n in range(EACH):
                await create(root, "broken", writer * EACH + n)

        writing = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        events: list[Event] = []
        resets = 0
        while resets < RESETS or len(events) < WRITERS * EACH:
            came = await heard(url, "broken/*", since, chance.uniform(0.01, 0.15))
            events += [event for event in came if event.name == "broken/*"]
            since = next((event.id for event in reversed(came) if ":" in event.id), since)
            resets += 1
            assert not any(event.name == "HF_RESET" for event in came)
            assert resets < 500
        await writing
    seqs = [int(event.id.split(":")[1]) for event in events]
    assert seqs == sorted(set(seqs))
    assert sorted(event.json["record"]["n"] for event in events) == list(range(WRITERS * EACH))


async def test_who_does_not_read_is_let_go_and_comes_back_to_everything(pair: Server):
    """R10, a little: a stalled client neither fills the memory nor holds anybody up."""
    url = pair.started()
    async with rooted(url) as root:
        body = {
            "name": "stalled",
            "type": "base",
            "fields": [{"name": "t", "type": "text", "max": 9000}],
            "listRule": "",
        }
        assert (await root.post("/api/collections", json=body)).status_code == 200
        stalled = await asyncio.to_thread(stalled_line, url, "stalled/*")
        async with dialled(url, "topics=stalled/*") as other:
            ready = await other.next_of("HF_READY")
            batch: list[dict[str, Any]] = [
                {"method": "POST", "url": "/api/collections/stalled/records", "body": {"t": "x" * 8000}}
                for _ in range(50)
            ]
            for _ in range(24):  # 10 MB: more than the sockets hold
                assert (await root.post("/api/batch", json={"requests": batch})).status_code == 200
            for _ in range(1200):
                await other.next()
        async with dialled(url, "topics=stalled/*", {"Last-Event-ID": ready.id}) as again:
            seqs = [int((await again.next_of("stalled/*")).id.split(":")[1]) for _ in range(1200)]
            assert seqs == sorted(set(seqs))
        assert await asyncio.to_thread(what_is_left, stalled) < 8_000_000


async def test_a_line_that_a_client_resets_is_forgotten(pair: Server):
    url = pair.started()
    opened, reading, writer = await dial(url)
    opened.id = (await opened.next_of("PB_CONNECT")).id
    await subscribe(url, opened, "@oauth2")
    reset(writer)
    reading.cancel()
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(500):
            answer = await client.post("/api/realtime", json={"clientId": opened.id})
            if answer.status_code == 404:
                break
            await asyncio.sleep(0.01)
        assert answer.status_code == 404


async def test_a_second_request_on_the_same_line_does_not_disturb_it(pair: Server):
    url = pair.started()
    opened, reading, writer = await dial(url)
    opened.id = (await opened.next_of("PB_CONNECT")).id
    writer.write(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
    await subscribe(url, opened, "@oauth2")
    assert 'class="success"' in await arrive(url, opened, "x")
    assert (await opened.next()).json["code"] == "x"
    reading.cancel()
    writer.close()


async def test_a_stop_ends_all_lines_at_once(own_pair: Server):
    url = own_pair.started()
    async with AsyncExitStack() as stack:
        lines = await lines_of_both(url, stack)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        opened = await session.ws_connect(url.replace("http", "ws") + "/api/realtime/ws")
        began = time.monotonic()
        assert await asyncio.to_thread(own_pair.stop) == 0
        while (message := await opened.receive(5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1012)
        assert time.monotonic() - began < 6
        for one in lines:
            async with asyncio.timeout(5):
                await one.ended.wait()
            assert one.raw.endswith("retry:1000\n\n")
