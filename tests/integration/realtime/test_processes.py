"""Lines of a server of two processes: which one holds a line never matters, and all end when the server stops."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from served import Server
from sse import Stream, dial, dialled

LINES = 8
TRIES = 4


async def subscribe(url: str, opened: Stream, *topics: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:  # a new connection: it may reach either process
        body = {"clientId": opened.id, "subscriptions": list(topics)}
        answer = await client.post("/api/realtime", json=body)
        assert (answer.status_code, answer.text) == (204, "")


async def arrive(url: str, opened: Stream, code: str) -> str:
    async with httpx.AsyncClient(base_url=url) as client:
        return (await client.get("/api/oauth2-redirect", params={"state": opened.id, "code": code})).text


@pytest.mark.slow
async def test_any_process_answers_for_any_line_and_a_stop_ends_them_all(tmp_path: Path):
    server = Server(tmp_path / "data", "--port", "0", "--workers", "2")
    url = await asyncio.to_thread(server.started)
    async with AsyncExitStack() as stack:
        lines: list[Stream] = []
        until = time.monotonic() + 20
        # The second process may still be starting: open lines until both hold some.
        while len(lines) < LINES or len({one.id[:8] for one in lines}) < 2:
            assert time.monotonic() < until, "one process holds all lines"
            lines.append(await stack.enter_async_context(dialled(url)))
        for one in lines[-LINES:]:
            for at in range(TRIES):
                await subscribe(url, one, "@oauth2", *(f"topic-{at}-{'x' * 40}-{n}" for n in range(300)))
                assert 'class="success"' in await arrive(url, one, f"code {at}")
                assert (await one.next()).json == {"state": one.id, "code": f"code {at}"}
                assert 'class="failure"' in await arrive(url, one, "again")
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < 6
        for one in lines:
            async with asyncio.timeout(5):
                await one.ended.wait()
            assert one.raw.endswith("retry:1000\n\n")


async def test_a_line_that_a_client_resets_is_forgotten(served):
    opened, reading, writer = await dial(served.url)
    opened.id = (await opened.next_of("PB_CONNECT")).id
    await subscribe(served.url, opened, "@oauth2")
    writer.transport.abort()
    await asyncio.wait_for(reading, 5)
    async with httpx.AsyncClient(base_url=served.url) as client:
        for _ in range(500):
            answer = await client.post("/api/realtime", json={"clientId": opened.id})
            if answer.status_code == 404:
                break
            await asyncio.sleep(0.01)
        assert answer.status_code == 404


async def test_a_second_request_on_the_same_line_does_not_disturb_it(served):
    opened, reading, writer = await dial(served.url)
    opened.id = (await opened.next_of("PB_CONNECT")).id
    writer.write(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
    await subscribe(served.url, opened, "@oauth2")
    assert 'class="success"' in await arrive(served.url, opened, "x")
    assert (await opened.next()).json["code"] == "x"
    reading.cancel()
    writer.close()
