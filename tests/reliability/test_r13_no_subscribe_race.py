"""R13: whoever is told that it listens misses nothing from that moment on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reliability.figures import Figures
from reliability.site import Site
from sse import dial, dialled

TOPIC = "race/*"
LANES = 16
SEEN_SECONDS = 10.0
MISSED_SECONDS = 1.0
COMPARED = 64
INSERT = "INSERT INTO race (id, n) VALUES ('n' || $1::int, $1)"


class Lane:
    """A client that subscribes again and again, and a writer of its own."""

    def __init__(self, site: Site, connection: Any) -> None:
        self.site = site
        self._connection = connection

    async def write(self, number: int) -> None:
        """Commit a change."""
        await self._connection.execute(INSERT, number)

    async def after_ready(self, number: int) -> bool:
        """Subscribe, write as soon as the server says that this holds, and listen."""
        async with dialled(self.site.url, f"topics={TOPIC}") as opened:
            await opened.next_of("HF_READY")
            await self.write(number)
            return await comes(opened, number, SEEN_SECONDS)

    async def after_a_list(self, number: int) -> bool:
        """Read a list, write, and subscribe from where the list stood."""
        async with self.site.http.get("/api/collections/race/records?perPage=1&skipTotal=1") as answer:
            assert answer.status == 200
            since = answer.headers["X-Event-Seq"]
        await self.write(number)
        async with dialled(self.site.url, f"topics={TOPIC}&since={since}") as opened:
            return await comes(opened, number, SEEN_SECONDS)

    async def at_once(self, number: int) -> bool:
        """Write without waiting until the subscription holds."""
        opened, reading, writer = await dial(self.site.url, f"topics={TOPIC}")
        try:
            await self.write(number)
            return await comes(opened, number, MISSED_SECONDS)
        finally:
            reading.cancel()
            writer.close()


async def comes(opened: Any, number: int, seconds: float) -> bool:
    """Whether a change comes over a line in time."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                event = await opened.next(seconds)
                if event.name == TOPIC and event.json["record"]["n"] == number:
                    return True
    except TimeoutError:
        return False


async def seen(site: Site, way: Callable[[Lane, int], Awaitable[bool]], first: int, count: int) -> int:
    """How many of so many changes are seen in this way, by several clients at once."""
    numbers = iter(range(first, first + count))

    async def run() -> int:
        connection = await site.connect()
        lane = Lane(site, connection)
        found = [await way(lane, number) for number in numbers]
        await connection.close()
        return sum(found)

    return sum(await asyncio.gather(*(run() for _ in range(LANES))))


@pytest.mark.reliability_gate
@pytest.mark.reliability("R13", "No change is missed while somebody subscribes")
async def test_r13_no_subscribe_race(site: Site, figures: Figures) -> None:
    """Clients of a server of two processes subscribe, over and over. Half of them write a record the moment the
    server says `HF_READY`. The others read a list, write a record, and subscribe with the position that came with the
    list (`X-Event-Seq`). Each has to be told of its record, every time.

    The control writes as soon as the request is out, without waiting for `HF_READY`.
    """
    count = figures.size("subscriptions", gate=1_000, full=10_000)
    await site.start("--workers", "2")
    await site.define("race", {"name": "n", "type": "number"})
    ready = await seen(site, Lane.after_ready, 0, count // 2)
    listed = await seen(site, Lane.after_a_list, count, count // 2)
    figures.exactly("seen after HF_READY", ready, count // 2)
    figures.exactly("seen from a list on", listed, count // 2)
    missed = COMPARED - await seen(site, Lane.at_once, 2 * count, COMPARED)
    figures.control(f"{COMPARED} who do not wait for HF_READY", "missed", missed)
