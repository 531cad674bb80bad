"""What follows a request on its line: trailers, other requests, and what is none."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from holdfast.http import wire
from holdfast.http.cycle import SCOPE_CYCLE

TINY = b"GET / HTTP/1.1\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(scope: Any, body: bytes) -> None:
    scope[SCOPE_CYCLE].answer(200, b"content-length: %d\r\n" % len(body), (), body)


@asynccontextmanager
async def serving(application: Callable[..., Awaitable[None]]) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, http=wire.Wire, lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield server, bound.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task


@pytest.mark.parametrize("pieces", [1, 2], ids=["in one read", "in a read of their own"])
async def test_what_follows_a_body_is_no_header(pieces: int):
    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        answer(scope, b",".join(name for name, _ in scope["headers"]))

    async with serving(application) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = (CHUNKED + b"1\r\na\r\n", b"0\r\nX-Forwarded-For: 1.2.3.4\r\nX-Api-Key: k\r\n\r\n")
        for piece in (b"".join(sent),) if pieces == 1 else sent:
            writer.write(piece)
            await asyncio.sleep(0.05)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"200 OK" in head
        assert await reader.readexactly(len(b"host,transfer-encoding")) == b"host,transfer-encoding"
        writer.close()


@pytest.mark.parametrize("piece", [b"X: " + b"a" * 65_000, b"a: b\r\n" * 8_000], ids=["one", "many"])
async def test_trailers_without_an_end_are_cut_off(piece: bytes):
    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with serving(application) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CHUNKED + b"0\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(200):
                if writer.is_closing():
                    raise ConnectionError
                writer.write(piece)
                await asyncio.wait_for(writer.drain(), 5)
                await asyncio.sleep(0.001)
            assert not await asyncio.wait_for(reader.read(), 5)
            raise ConnectionError
        writer.close()


async def test_while_requests_wait_on_a_line_no_more_are_read():
    go = asyncio.Semaphore(0)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await go.acquire()
        answer(scope, b"ok")

    async with serving(application) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(TINY * 200_000)
        while not server.server_state.connections:  # noqa: ASYNC110  uvicorn tells nobody
            await asyncio.sleep(0.01)
        (line,) = server.server_state.connections
        assert isinstance(line, wire.Wire)
        while not line.pipeline:  # noqa: ASYNC110  nor does a line
            await asyncio.sleep(0.01)
        waiting = len(line.pipeline)
        for _ in range(20):
            go.release()
            await asyncio.wait_for(reader.readuntil(b"ok"), 5)
        await asyncio.sleep(0.05)
        assert len(line.pipeline) == waiting - 20
        writer.transport.abort()


async def test_what_is_no_request_is_not_answered_in_the_midst_of_another_answer():
    go = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        answer(scope, b"mine")

    async with serving(application) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(TINY + b"garbage\r\n\r\n")
        await asyncio.sleep(0.1)
        go.set()
        everything = await asyncio.wait_for(reader.read(), 5)
        assert everything.count(b"HTTP/1.1 ") == 1
        assert everything.endswith(b"\r\n\r\nmine")
        writer.close()
