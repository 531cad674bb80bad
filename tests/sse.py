"""Server-sent events from the application in the test's own process, and from a server over a raw socket."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from holdfast.http.front import Front

_NO_HEADERS: Mapping[str, str] = {}


class Event(msgspec.Struct, frozen=True):
    """One event."""

    name: str = ""
    data: str = ""
    id: str = ""

    @property
    def json(self) -> Any:
        """Its data."""
        return json.loads(self.data)


def parse(block: str) -> Event | None:
    """A block of lines; None if it is a comment alone."""
    found: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, text = line.partition(":")
        if name:
            found.setdefault(name, []).append(text.removeprefix(" "))
    if "data" not in found:
        return None
    return Event(found.get("event", [""])[0], "\n".join(found["data"]), found.get("id", [""])[0])


class Stream:
    """An open stream. `raw` is all that has come, `ended` is set when the server ended it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.raw = ""
        self.id = ""
        self.ended = asyncio.Event()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._left = ""

    def take(self, data: bytes) -> None:
        """More has come."""
        text = data.decode()
        self.raw += text
        *blocks, self._left = (self._left + text).split("\n\n")
        for block in blocks:
            event = parse(block)
            if event is not None:
                self._events.put_nowait(event)

    async def next(self, seconds: float = 10.0) -> Event:
        """The next event."""
        async with asyncio.timeout(seconds):
            return await self._events.get()

    async def next_of(self, name: str, seconds: float = 10.0) -> Event:
        """The next event with this name; those before it are passed over."""
        async with asyncio.timeout(seconds):
            while (event := await self._events.get()).name != name:
                pass
        return event

    @property
    def waiting(self) -> int:
        """Events that have come and were not asked for."""
        return self._events.qsize()

    async def silent(self, seconds: float = 0.4) -> bool:
        """Whether nothing comes for so long."""
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def stream(front: Front, query: str = "", headers: Mapping[str, str] = _NO_HEADERS) -> AsyncIterator[Stream]:
    """A stream of an application in this process, after its PB_CONNECT."""
    opened = Stream()
    gone = asyncio.Event()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            opened.status = message["status"]
            opened.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            opened.take(message.get("body", b""))

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/api/realtime",
        "raw_path": b"/api/realtime",
        "query_string": query.encode(),
        "headers": [(b"host", b"holdfast.test"), *((k.lower().encode(), v.encode()) for k, v in headers.items())],
        "client": ("192.0.2.1", 50000),
        "server": ("holdfast.test", 80),
        "scheme": "http",
    }

    async def run() -> None:
        await front(scope, receive, send)
        opened.ended.set()

    task = asyncio.create_task(run())
    try:
        opened.id = (await opened.next_of("PB_CONNECT")).id
        yield opened
    finally:
        gone.set()
        await task


@asynccontextmanager
async def dialled(url: str, query: str = "", headers: Mapping[str, str] = _NO_HEADERS) -> AsyncIterator[Stream]:
    """A stream of a server, after its PB_CONNECT."""
    opened, reading, writer = await dial(url, query, headers)
    try:
        opened.id = (await opened.next_of("PB_CONNECT")).id
        yield opened
    finally:
        reading.cancel()
        writer.close()


async def dial(
    url: str, query: str = "", headers: Mapping[str, str] = _NO_HEADERS
) -> tuple[Stream, asyncio.Task[None], asyncio.StreamWriter]:
    """Open a stream of a server; what comes is read by the task."""
    parts = urlsplit(url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
    path = f"/api/realtime?{query}" if query else "/api/realtime"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{lines}\r\n".encode())
    opened = Stream()

    async def read() -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.split("\r\n")
        opened.status = int(status.split()[1])
        opened.headers = dict(line.lower().split(": ", 1) for line in lines if line)
        try:
            while data := await reader.read(65536):
                opened.take(data)
        except ConnectionError:
            pass
        opened.ended.set()

    return opened, asyncio.create_task(read()), writer
