"""R7: how many deliveries one process sends in a second."""

import asyncio
from typing import Any

import pytest

from reliability.arrivals import counting
from reliability.figures import Figures
from reliability.site import Site, until

BYTES = 2_000
AT_ONCE = 10_000  # records of one statement
INSERT = "INSERT INTO posts (id, title) SELECT 'p' || g, repeat('x', $3::int) FROM generate_series($1::int, $2::int) g"
TRIED = """
    SELECT count(*) FROM holdfast.delivery_attempts AS a JOIN holdfast.deliveries AS d ON d.id = a.delivery_id
     WHERE d.subject LIKE '%/p%'
"""
LOOK_SECONDS = 0.2


class Memory:
    """The most memory that a server has had since this was made, in MB beyond what it had then."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._before = site.rss_mb()
        self.growth = 0.0

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            self.growth = max(self.growth, self._site.rss_mb() - self._before)
            await asyncio.sleep(LOOK_SECONDS)


@pytest.mark.reliability("R7", "A backlog is sent quickly")
async def test_r07_drain(site: Site, figures: Figures) -> None:
    """Records of 2 kB are written while a webhook is turned off, so its deliveries queue. Then it is turned on, and
    one server process sends them to a receiver on the same machine, which answers at once; each attempt is written
    down with request and answer. Counted is from the first arrival to the last, and how much memory the server has
    taken for it. Server, PostgreSQL and receiver share the cores.
    """
    count = figures.size("deliveries of 2 kB", gate=10_000, full=100_000)
    await site.start()
    await site.define("posts")
    async with counting() as arrivals:
        hook = await site.webhook(arrivals.url, "posts.created")
        await warm_up(site, arrivals.url)
        await site.patch(f"/api/webhooks/{hook['id']}", {"active": False})
        memory = Memory(site)
        await fill(site, count)
        arrivals.at = arrivals.at[:0]
        arrivals.ids.clear()
        watching = asyncio.create_task(memory.watch())
        await site.patch(f"/api/webhooks/{hook['id']}", {"active": True})
        await until(lambda: len(arrivals.ids) >= count, "all deliveries", 60 + count / 100)
        await site.delivered()
        watching.cancel()
        figures.at_least("sent", arrivals.rate(), 1000 if figures.full else 700, "deliveries/s")
        figures.at_most("sent twice", len(arrivals.at) - count, 0)
        tried = (
            "SELECT count(*) FROM holdfast.delivery_attempts AS a JOIN holdfast.deliveries AS d ON d.id = a.delivery_id"
        )
        figures.exactly("attempts written down", await site.asked(f"{tried} WHERE d.subject LIKE '%/p%'"), count)
        figures.at_most("more memory", memory.growth, 150, "MB")
    figures.no_control("this is a speed, and there is nothing that could be taken away")


async def warm_up(site: Site, url: str) -> None:
    """Have one delivery sent, so that everything is loaded."""
    await site.did("INSERT INTO posts (id) VALUES ('warm')")
    await site.delivered()


async def fill(site: Site, count: int) -> None:
    """Queue so many deliveries."""
    await asyncio.sleep(1.5)  # the sender knows that the webhook is off
    connection: Any = await site.connect()
    for first in range(1, count + 1, AT_ONCE):
        await connection.execute(INSERT, first, min(first + AT_ONCE - 1, count), BYTES)
    await connection.close()
    await site.relayed(120)
    await site.becomes("SELECT count(*)::int FROM holdfast.deliveries WHERE state = 0", count, 300)
