"""An answer that does not end: bytes that go out as they come, to a client that may be slow."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from typing_extensions import override

from holdfast.http.response import Response

MOST_MESSAGES: Final = 256  # that wait for one client
MOST_BYTES: Final = 1024 * 1024  # that wait for one client; one message alone may be longer
LAST_SECONDS: Final = 2.0  # for what is still to go out on a line that is closed
RESTART: Final = 1012  # the code of a WebSocket that its server closes: connect anew
_LOOK_SECONDS: Final = 0.05
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Any]]


class Line(ABC):
    """The way to one client. Nothing here waits for it: who reads too slowly loses the line, and can come again.

    `closed` is done when no more is taken: the client is gone, was too slow, or somebody called `close`, which sends
    `farewell` behind everything else.
    """

    __slots__ = ("_messages", "closed", "farewell", "is_slow", "sent_bytes")

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_slow = False
        self.farewell = b""
        self.sent_bytes = 0
        self._messages = 0

    def put(self, data: bytes, messages: int = 1) -> bool:
        """Send so many messages as soon as the client takes them; False when the line is closed, or is now.

        The same `data` put on many lines is kept once.
        """
        if self.closed.done():
            return False
        waiting = self.waiting
        self._messages = self._messages + messages if waiting else messages
        if waiting and (self._messages > MOST_MESSAGES or waiting + len(data) > MOST_BYTES):
            self.abort()
            return False
        self.sent_bytes += len(data)
        self._write(data)
        return True

    def close(self) -> None:
        """Take nothing more; what waits may still go out, for LAST_SECONDS."""
        if self.farewell and not self.closed.done():
            self._write(self.farewell)
        self.lost()

    def abort(self) -> None:
        """Drop the line with all that waits on it: its client reads too slowly, or not at all."""
        self.is_slow = True
        self.lost()
        self._abort()

    def lost(self) -> None:
        """Take nothing more: the client is gone."""
        if not self.closed.done():
            self.closed.set_result(None)

    async def drained(self) -> None:
        """Wait until little waits, or the line is closed: for who has a lot to send, and must not be too fast."""
        while not self.closed.done() and (self.waiting > MOST_BYTES // 4 or self._messages > MOST_MESSAGES // 2):
            await asyncio.sleep(0 if not self.waiting else _LOOK_SECONDS)
            if not self.waiting:
                self._messages = 0

    @abstractmethod
    async def begin(self, status: int, headers: Headers) -> None:
        """Send the head of the answer."""

    @abstractmethod
    async def finish(self) -> None:
        """Take nothing more, give what waits its time, and end the answer."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""

    @abstractmethod
    def _write(self, data: bytes) -> None: ...

    @abstractmethod
    def _abort(self) -> None: ...

    async def _last(self) -> None:
        """Give what waits its time."""
        for _ in range(round(LAST_SECONDS / _LOOK_SECONDS)):
            if not self.waiting:
                return
            await asyncio.sleep(_LOOK_SECONDS)


class AsgiLine(Line):
    """A line over any ASGI server."""

    __slots__ = ("_gone", "_news", "_queue", "_receive", "_send", "_sending", "_tasks")

    def __init__(self, send: Send, receive: Receive) -> None:
        super().__init__()
        self._send = send
        self._receive = receive
        self._queue: list[bytes] = []
        self._sending = 0
        self._news = asyncio.Event()
        self._gone = False
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    @override
    def waiting(self) -> int:
        return sum(map(len, self._queue)) + self._sending

    @override
    async def begin(self, status: int, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})
        self._tasks = (asyncio.create_task(self._pump()), asyncio.create_task(self._watch()))

    @override
    async def finish(self) -> None:
        self.close()
        try:
            if not self._gone:
                await self._last()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self._gone and not self.waiting:
            await self._end()

    async def _end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    @override
    def _write(self, data: bytes) -> None:
        self._queue.append(data)
        self._news.set()

    @override
    def _abort(self) -> None:
        self._gone = True

    async def _pump(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            data = b"".join(self._queue)
            self._queue.clear()
            self._sending = len(data)
            await self._emit(data)
            self._sending = 0

    async def _emit(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self.lost()


class SocketLine(AsgiLine):
    """A line over a WebSocket. `frames` takes what is put on it apart into texts, one for each message."""

    __slots__ = ("_frames",)

    def __init__(self, send: Send, receive: Receive, frames: Callable[[bytes], list[str]]) -> None:
        super().__init__(send, receive)
        self._frames = frames

    @override
    async def begin(self, status: int, headers: Headers) -> None:
        await self._send({"type": "websocket.accept", "headers": list(headers)})
        self._tasks = (asyncio.create_task(self._pump()),)

    async def texts(self) -> AsyncGenerator[str]:
        """The texts that the client sends, until one of the two closes the line."""
        while not self.closed.done():
            message = await self._receive()
            if message["type"] != "websocket.receive":
                self._gone = message["type"] == "websocket.disconnect"
                self.lost()
                return
            yield message.get("text") or ""

    @override
    async def _emit(self, data: bytes) -> None:
        try:
            for text in self._frames(data):
                await self._send({"type": "websocket.send", "text": text})
        except OSError:
            self._gone = True
            self.lost()

    @override
    async def _end(self) -> None:
        await self._send({"type": "websocket.close", "code": RESTART})


class Streamed(Response, frozen=True, kw_only=True):
    """An answer whose body `run` puts on a line: called when the head is out, it returns when the answer is over."""

    run: Callable[[Line], Awaitable[None]]
