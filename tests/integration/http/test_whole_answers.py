"""An answer in one write is, byte for byte, what uvicorn's own two messages make of it."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from holdfast.http.cycle import SCOPE_CYCLE, Cycle
from holdfast.http.wire import Wire

BIG = b"x" * 200_000
ANSWERS: dict[str, tuple[int, bytes]] = {
    "/small": (200, b"{}"),
    "/big": (200, BIG),
    "/none": (204, b""),
    "/same": (304, b""),
    "/gone": (404, b'{"status":404}'),
}


async def answer(scope: Any, receive: Any, send: Any, *, whole: bool) -> None:
    """Read the request to its end, then answer by its path."""
    if "reads" in scope["path"]:
        while (await receive())["more_body"]:
            pass
    status, body = ANSWERS.get(scope["path"], (200, b"ok"))
    headers = [(b"x-one", b"1")]
    if scope["path"] == "/last":
        headers.append((b"connection", b"close"))
    if status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    body = b"" if scope["method"] == "HEAD" else body
    if whole:
        await at_once(scope[SCOPE_CYCLE], status, headers, body)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def at_once(cycle: Cycle, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole answer as the front does."""
    if cycle.flow.write_paused:
        await cycle.ready()
    cycle.answer(status, b"", headers, body)


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[int]:
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, http=Wire, lifespan="off", log_config=None, server_header=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def everything(port: int, sent: bytes) -> bytes:
    """All that comes back until the server hangs up, the clock apart."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    found = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return re.sub(rb"date: [^\r]+", b"date:", found)


def request(path: str, *, method: str = "GET", headers: str = "Connection: close\r\n", version: str = "1.1") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: a\r\n{headers}\r\n".encode()


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        pytest.param(request("/small"), 1, id="a small one"),
        pytest.param(request("/big"), 1, id="a big one"),
        pytest.param(request("/none"), 1, id="204"),
        pytest.param(request("/same"), 1, id="304"),
        pytest.param(request("/gone"), 1, id="404"),
        pytest.param(request("/last", headers="") + request("/small"), 1, id="the answer says close"),
        pytest.param(request("/small", method="HEAD"), 1, id="HEAD"),
        pytest.param(request("/small", headers="", version="1.0"), 1, id="HTTP 1.0"),
        pytest.param(request("/small", headers="") + request("/gone"), 2, id="two on one line"),
        pytest.param(request("/big", headers="") * 3 + request("/none"), 4, id="four at once"),
        pytest.param(
            request(
                "/reads", method="POST", headers="Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n"
            )
            + b"{}",
            2,
            id="100-continue",
        ),
        pytest.param(
            request("/small", method="POST", headers="Content-Length: 2\r\n") + b"{}" + request("/small"),
            2,
            id="a body that nobody reads",
        ),
    ],
)
async def test_a_whole_answer_is_what_two_messages_would_have_been(sent: bytes, answers: int):
    async def by_messages(scope: Any, receive: Any, send: Any) -> None:
        await answer(scope, receive, send, whole=False)

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        await answer(scope, receive, send, whole=True)

    async with serving(by_messages) as plain, serving(whole) as fast:
        expected = await everything(plain, sent)
        assert expected.count(b"HTTP/1.1 ") == answers
        assert await everything(fast, sent) == expected


@pytest.mark.parametrize("value", [b"a\r\nx-two: 2", b"a\nb", b"a\x00b", b"\x7f"], ids=["CRLF", "LF", "NUL", "DEL"])
async def test_a_header_that_would_be_two_is_never_sent(value: bytes):
    refused: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await at_once(scope[SCOPE_CYCLE], 200, [(b"x-one", value)], b"")
        except RuntimeError as failure:
            refused.append(str(failure))
            raise

    async with serving(application) as port:
        found = await everything(port, request("/"))
    assert refused == ["A header holds a control character."]
    assert found.startswith(b"HTTP/1.1 500 ")
    assert b"x-" not in found


async def test_who_reads_slowly_gets_everything_and_holds_up_nobody():
    """The transport's buffer is full long before the last answer: later ones wait for it to drain."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await at_once(scope[SCOPE_CYCLE], 200, [(b"content-length", str(len(BIG)).encode())], BIG)

    async with serving(application) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(request("/", headers="") * 39 + request("/"))
        await asyncio.sleep(0.1)
        assert len(await everything(port, request("/"))) > len(BIG)
        size = 0
        while chunk := await asyncio.wait_for(reader.read(50_000), 5):
            size += len(chunk)
        writer.close()
    assert size > 40 * len(BIG)


async def test_an_answer_to_somebody_who_left_is_dropped():
    gone = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await at_once(scope[SCOPE_CYCLE], 200, [(b"content-length", b"2")], b"ok")
        gone.set()

    async with serving(application) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/", headers=""))
        await writer.drain()
        writer.transport.abort()
        await asyncio.wait_for(gone.wait(), 5)
