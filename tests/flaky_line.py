"""A line to a server that breaks: a proxy that cuts connections at random, with a reset, like a bad network."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from lines import reset

PIECE = 65_536  # bytes


class FlakyLine:
    """The proxy. `breaks` counts what it has cut; while `calm` it cuts nothing."""

    def __init__(self, url: str, chance: float, seconds: float) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._chance = chance
        self._seconds = seconds
        self._random = random.Random(7)
        self._serving: set[asyncio.Task[None]] = set()
        self.breaks = 0
        self.calm = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, for as long as it lasts."""
        own = asyncio.current_task()
        assert own is not None
        self._serving.add(own)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(own)
            with suppress(OSError, RuntimeError):
                reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to, back = await asyncio.open_connection(self._host, self._port)
        tasks = [
            asyncio.create_task(self._pump(reader, back)),
            asyncio.create_task(self._pump(to, writer)),
            asyncio.create_task(self._life()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(OSError, RuntimeError):
                reset(back)

    async def _life(self) -> None:
        """Ends when the connection has lived for long enough; never while it is calm."""
        await asyncio.sleep(self._random.expovariate(1 / self._seconds))
        if self.calm:
            await asyncio.Event().wait()
        self.breaks += 1

    async def close(self) -> None:
        """End all connections."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            piece = await reader.read(PIECE)
            if not piece:
                return
            if not self.calm and self._random.random() < self._chance:
                self.breaks += 1
                return
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def flaky_line(url: str, *, chance: float = 0.1, seconds: float = 0.5) -> AsyncIterator[tuple[str, FlakyLine]]:
    """The address of such a line to a server. `chance`: of a piece, to be lost with all after it; `seconds`: a life."""
    line = FlakyLine(url, chance, seconds)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}", line
        finally:
            server.close()
            await line.close()
