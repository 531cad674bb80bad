"""R10: clients that listen and never read cost little, and nobody else waits for them."""

import asyncio
import re
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from lines import cut_line, stalled_line
from reliability import faults
from reliability.figures import Figures
from reliability.site import Site, until

TOPIC = "told/*"
BYTES = 2_000
RATE = 1_000  # events a second
AT_ONCE = 50
STALLED = 50
READERS = 2
CLOSED_SECONDS = 30.0
KEPT_MB = 64 * STALLED / 1024 + 30
LOOK_SECONDS = 0.2
SENT = re.compile(rb'"sent":([0-9.]+)')
COMPARED_EVENTS = 5_000
COMPARED_SECONDS = 35.0
INSERT = """
    INSERT INTO told (id, sent, title)
    SELECT 't' || g, $3, repeat('x', $4::int) FROM generate_series($1::int, $2::int) AS g
"""


class Reader(asyncio.Protocol):
    """A client that reads everything: how long after it was written each event came."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._left = b""
        self.delays: list[float] = []
        self.is_ready = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(f"GET /api/realtime?topics={TOPIC} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self.is_ready = self.is_ready or b"HF_READY" in data
        *blocks, self._left = (self._left + data).split(b"\n\n")
        self.delays += [now - float(found[1]) for block in blocks if (found := SENT.search(block))]


class Stalled:
    """Clients that do not read, and when the server has closed their lines."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lines = [stalled_line(site.url, TOPIC) for _ in range(STALLED)]
        self._ports = {line.getsockname()[1] for line in self._lines}
        self.closed_after = 0.0

    def open(self) -> int:
        """How many of their lines the server still holds."""
        found = psutil.Process(self._site.server.process.pid).net_connections("tcp")
        return sum(
            bool(one.raddr) and one.raddr.port in self._ports and one.status == psutil.CONN_ESTABLISHED for one in found
        )

    async def watch(self, began: float) -> None:
        """Look until all are closed."""
        while True:
            left, now = self.open(), time.monotonic() - began
            if not left:
                self.closed_after = now
                return
            assert now < 2 * CLOSED_SECONDS, f"{left} lines of stalled clients are still open"
            await asyncio.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Go away."""
        for line in self._lines:
            line.close()


async def readers(site: Site) -> list[Reader]:
    """Clients that read."""
    parts, loop = urlsplit(site.url), asyncio.get_running_loop()
    made = [Reader(parts.netloc) for _ in range(READERS)]
    for one in made:
        await loop.create_connection(lambda one=one: one, parts.hostname, parts.port, family=socket.AF_INET)
    await until(lambda: all(one.is_ready for one in made), "clients that listen")
    return made


async def write(site: Site, count: int) -> None:
    """So many events of 2 kB, evenly."""
    connection = await site.connect()
    began = time.monotonic()
    for first in range(1, count + 1, AT_ONCE):
        await connection.execute(INSERT, first, min(first + AT_ONCE - 1, count), time.time(), BYTES)
        await asyncio.sleep(max(0.0, began + first / RATE - time.monotonic()))
    await connection.close()


async def open_told(site: Site) -> str:
    """Start, and make the collection; the position before all of it."""
    await site.start()
    await site.define("told", {"name": "sent", "type": "number"}, {"name": "title", "type": "text", "max": 9000})
    await site.relayed()
    return await site.asked("SELECT epoch || ':' || seq FROM holdfast.stream")


@pytest.mark.reliability("R10", "Clients that never read")
async def test_r10_clients_that_never_read(site: Site, anywhere: Path, figures: Figures) -> None:
    """Fifty clients listen and never read a byte, while a thousand events of 2 kB are written each second and two
    other clients read them. The server may take 64 kB more memory for each of the fifty, and 30 MB for the rest; it
    has to close all of their lines within 30 seconds; the others get 99 of 100 events within half a second from
    writing; and a client that comes back with its last position is told of everything that it has missed.

    The control is a server that keeps what waits for a client for as long as there is a line.
    """
    count = figures.size("events of 2 kB", gate=5_000, full=100_000)
    figures.size("stalled clients", gate=STALLED, full=STALLED)
    since = await open_told(site)
    await write_some(site)
    reading, stalled = await readers(site), Stalled(site)
    before, began = site.rss_mb(), time.monotonic()
    watching = asyncio.create_task(stalled.watch(began))
    writing = asyncio.create_task(write(site, count))
    growth = 0.0
    while not writing.done():
        growth = max(growth, site.rss_mb() - before)
        await asyncio.sleep(LOOK_SECONDS)
    await writing
    await until(lambda: all(len(one.delays) >= count for one in reading), "all events at those who read")
    await watching
    stalled.close()
    delays = sorted(delay for one in reading for delay in one.delays)
    figures.at_most("more memory", growth, KEPT_MB, "MB")
    figures.at_most("all stalled lines closed after", stalled.closed_after, CLOSED_SECONDS, "s")
    figures.at_most("p99 of those who read", delays[len(delays) * 99 // 100] * 1000, 500, "ms")
    figures.exactly("told to one who came back", await told_since(site, since), count)
    await site.stop()
    left = await unbounded(anywhere)
    figures.control("no bound and no time", f"stalled lines still open after {COMPARED_SECONDS:.0f} s", left)


async def write_some(site: Site) -> None:
    """Have the server read and tell something, so that everything is loaded."""
    await site.did("INSERT INTO told (id, title) VALUES ('first', ''); DELETE FROM told")
    await site.relayed()


async def told_since(site: Site, since: str) -> int:
    """How many different records somebody is told of who comes back from there, over as many lines as it takes."""
    seen: set[str] = set()
    while True:
        heard = await cut_line(site.url, TOPIC, since, 4_000_000, 3.0)
        assert not any(event.name == "HF_RESET" for event in heard.events)
        told = [event for event in heard.events if event.name == TOPIC]
        seen |= {event.json["record"]["id"] for event in told if event.json["action"] == "create"}
        if not told:
            return len(seen - {"first"})
        since = told[-1].id


async def unbounded(anywhere: Path) -> int:
    """How many lines of clients that do not read are open in the end where nothing bounds what waits for them."""
    environment = faults.environment(anywhere / "faults", "no_bounds")
    async with Site(anywhere / "unbounded", environment=environment) as site:
        await open_told(site)
        stalled = Stalled(site)
        began = time.monotonic()
        await write(site, COMPARED_EVENTS)
        await asyncio.sleep(max(0.0, began + COMPARED_SECONDS - time.monotonic()))
        left = stalled.open()
        stalled.close()
        return left
