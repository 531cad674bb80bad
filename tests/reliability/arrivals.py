"""A receiver of webhooks that does as little as it can, for tests of how many a server sends."""

import asyncio
import time
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
LENGTH = b"content-length:"
ID = b"webhook-id:"


class Arrivals:
    """What came. `at` has the times by `time.monotonic`; `ids` each id once."""

    def __init__(self) -> None:
        self.url = ""
        self.at = array("d")
        self.ids: set[bytes] = set()

    def take(self, head: bytes) -> None:
        """A request has come."""
        self.at.append(time.monotonic())
        self.ids.add(header(head, ID))

    def rate(self) -> float:
        """How many came in a second, from the first to the last."""
        return len(self.at) / (self.at[-1] - self.at[0]) if len(self.at) > 1 else 0.0


class Counting(asyncio.Protocol):
    """One connection: answers 200 to each request."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            whole = end + 4 + int(header(head, LENGTH) or b"0")
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            self._arrivals.take(head)
            self._transport.write(OK)


def header(head: bytes, name: bytes) -> bytes:
    """The content of a header, of a head in lower case."""
    at = head.find(b"\r\n" + name)
    if at < 0:
        return b""
    begin = at + 2 + len(name)
    end = head.find(b"\r\n", begin)
    return head[begin : end if end >= 0 else None].strip()


@asynccontextmanager
async def counting() -> AsyncIterator[Arrivals]:
    """Such a receiver for the block."""
    arrivals = Arrivals()
    server = await asyncio.get_running_loop().create_server(lambda: Counting(arrivals), "127.0.0.1", 0)
    arrivals.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield arrivals
    finally:
        server.close()
