"""Connections that never become a request, or never end one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from holdfast.http import wire

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the size of the body, as soon as it is there."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server that is less patient than the real one."""
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(wire, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(wire, "_LOOK_SECONDS", 0.05)
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(echo, http=wire.Wire, lifespan="off", log_config=None, timeout_keep_alive=1))
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield bound.getsockname()[1]
    server.should_exit = True
    await task


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Line":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ended_after(self) -> float:
        """Seconds until the server hangs up."""
        began = asyncio.get_running_loop().time()
        try:
            while await asyncio.wait_for(self.reader.read(1000), 5):
                pass
        except ConnectionError:
            pass
        self.writer.close()
        return asyncio.get_running_loop().time() - began

    async def answer(self) -> bytes:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        return head + await self.reader.readexactly(2)


async def test_who_says_nothing_is_hung_up_on(port: int) -> None:
    line = await Line.to(port)
    assert 0.2 < await line.ended_after() < 2


async def test_who_sends_a_head_byte_by_byte_is_hung_up_on(port: int) -> None:
    line = await Line.to(port)

    async def trickle() -> None:
        for byte in b"GET / HTTP/1.1\r\nHost: " + b"a" * 1000:
            line.writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(trickle())
    assert 0.2 < await line.ended_after() < 2
    task.cancel()


async def test_who_stops_in_the_middle_of_a_body_is_hung_up_on(port: int) -> None:
    line = await Line.to(port)
    line.writer.write(HEAD + b"12345")
    assert 0.2 < await line.ended_after() < 2


async def test_who_goes_on_with_a_body_is_waited_for(port: int) -> None:
    line = await Line.to(port)
    line.writer.write(HEAD)
    for _ in range(10):
        await asyncio.sleep(0.1)
        line.writer.write(b"x")
    assert (await line.answer()).startswith(b"HTTP/1.1 200 OK")
    line.writer.close()


async def test_a_line_that_rests_between_two_requests_is_left_alone(port: int) -> None:
    line = await Line.to(port)
    for _ in range(2):
        line.writer.write(HEAD + b"1234567890")
        assert (await line.answer()).startswith(b"HTTP/1.1 200 OK")
        await asyncio.sleep(0.6)
    line.writer.close()


async def test_a_line_that_rests_for_too_long_is_hung_up_on(port: int) -> None:
    line = await Line.to(port)
    line.writer.write(HEAD + b"1234567890")
    await line.answer()
    assert 0.8 < await line.ended_after() < 2


async def test_the_second_head_of_a_line_has_its_own_time(port: int) -> None:
    line = await Line.to(port)
    line.writer.write(HEAD + b"1234567890")
    await line.answer()
    await asyncio.sleep(0.4)
    line.writer.write(b"GET / HTTP/1.1\r\n")
    assert 0.1 < await line.ended_after() < 2
