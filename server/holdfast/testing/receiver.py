"""A receiver of webhooks: a real HTTP server that records each request, and answers as it is told."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import msgspec

ARRIVES_SECONDS: Final = 15.0


class Call(msgspec.Struct, frozen=True):
    """One request. `at` is by the clock of `time.monotonic`; names of headers are in lower case."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        """What it says."""
        return msgspec.json.decode(self.body)

    @property
    def type(self) -> str:
        """The type of the event."""
        return self.json["type"]


class Answer(msgspec.Struct, frozen=True):
    """What is answered, after so many seconds. `raw` goes out in the place of everything else, as it is.

    `trickle`: the seconds between two bytes of it.
    """

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    delay: float = 0.0
    raw: bytes = b""
    trickle: float = 0.0

    def wire(self) -> bytes:
        """The answer as it goes over the line."""
        lines = [f"HTTP/1.1 {self.status} X", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return self.raw or ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


OK: Final = Answer()
Reply: TypeAlias = Callable[[Call], Answer]


class Receiver:
    """Answers 200 to everything, or what `reply` says of a request; `replies` has other rules for some paths."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[Call] = []
        self.paths: list[str] = []  # that webhooks lead to
        self.reply: Reply = lambda _: OK
        self.replies: dict[str, Reply] = {}
        self.busy: dict[str, int] = {}
        self.most_busy: dict[str, int] = {}

    def at(self, path: str) -> list[Call]:
        """What came to a path."""
        return [call for call in self.calls if call.path == path]

    async def got(self, path: str, count: int = 1, seconds: float = ARRIVES_SECONDS) -> list[Call]:
        """What came to a path, as soon as it is so much."""
        until = time.monotonic() + seconds
        while len(found := self.at(path)) < count:
            if time.monotonic() > until:
                raise AssertionError(f"{len(found)} of {count} came to {path} within {seconds} s")
            await asyncio.sleep(0.01)
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes over one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await self._answer(Call(time.monotonic(), head[0].split(" ")[1], headers, body), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, call: Call, writer: asyncio.StreamWriter) -> None:
        self.calls.append(call)
        answer = self.replies.get(call.path, self.reply)(call)
        self.busy[call.path] = self.busy.get(call.path, 0) + 1
        self.most_busy[call.path] = max(self.most_busy.get(call.path, 0), self.busy[call.path])
        try:
            await asyncio.sleep(answer.delay)
            for byte in answer.wire() if answer.trickle else b"":
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(answer.trickle)
        finally:
            self.busy[call.path] -= 1
        if not answer.trickle:
            writer.write(answer.wire())
            await writer.drain()


class Webhook(msgspec.Struct, frozen=True):
    """A webhook of the project that leads to the receiver. `about` is what the API said of it."""

    about: Mapping[str, Any]
    path: str
    receiver: Receiver

    @property
    def calls(self) -> list[Call]:
        """What has come for it."""
        return self.receiver.at(self.path)

    @property
    def types(self) -> list[str]:
        """The types of the events that have come for it."""
        return [call.type for call in self.calls]


@asynccontextmanager
async def receiving(at: socket.socket | None = None) -> AsyncGenerator[Receiver]:
    """A receiver for the block. `at` is a socket that is bound already, and has refused everybody until now."""
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(made.serve(reader, writer)))

    bound = at or socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(connected, sock=bound, limit=1 << 20)
    made = Receiver(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # until the connections are closed
