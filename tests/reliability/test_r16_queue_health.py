"""R16: the queue stays quick and small, though somebody looks at an old snapshot for long."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.webhooks import queue
from reliability.arrivals import counting
from reliability.figures import Figures
from reliability.site import Site

AT_ONCE = 50
CLAIMED = 16
EVERY_SECONDS = 0.5  # between two looks
CLEARED_SECONDS = 75  # autovacuum looks once a minute
ABANDONED = 50  # deliveries that a process has left behind, each time
INSERT = "INSERT INTO posts (id, title) SELECT 'p' || g, 'x' FROM generate_series($1::int, $2::int) AS g"
SIZE = "SELECT pg_total_relation_size('holdfast.outbox') + pg_indexes_size('holdfast.deliveries')"
DEAD = """
    SELECT sum(n_dead_tup)::bigint FROM pg_stat_all_tables
     WHERE schemaname = 'holdfast' AND relname IN ('outbox', 'deliveries')
"""
OLDEST = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - next_at)), 0)::float8
      FROM (SELECT next_at FROM holdfast.deliveries WHERE state = 0 ORDER BY next_at LIMIT 1) AS first
"""
ABANDON = """
    UPDATE holdfast.deliveries SET state = 1, lease = gen_random_uuid(), lease_until = now() - interval '1 second'
     WHERE id = ANY (ARRAY(SELECT id FROM holdfast.deliveries WHERE state = 0 LIMIT $1 FOR UPDATE SKIP LOCKED))
"""


class Look(msgspec.Struct, frozen=True):
    """What was seen of the queue: seconds that a claim took, seconds that the oldest delivery has waited, dead rows."""

    at: float
    claim: float
    waited: float
    dead: int


class Looks:
    """What was seen over time. Deliveries of a process that was killed a while ago are put into the queue by it."""

    def __init__(self, site: Site, hook: str) -> None:
        self._site = site
        self._hook = hook
        self.seen: list[Look] = []
        self.abandoned = 0

    def since(self, at: float) -> list[Look]:
        """What was seen from then on."""
        return [look for look in self.seen if look.at >= at]

    async def look(self) -> None:
        """Look again and again, until cancelled. What is claimed here is given back at once."""
        connection = await self._site.connect()
        pool = Pool(self._site.dsn, size=1, settings=session_settings(Settings()))
        try:
            while True:
                began = time.monotonic()
                claims = await queue.claim(pool, {self._hook: CLAIMED})
                took = time.monotonic() - began
                await queue.give_back(pool, claims)
                await connection.execute(ABANDON, ABANDONED)
                self.abandoned += ABANDONED
                waited, dead = await connection.fetchval(OLDEST), await connection.fetchval(DEAD)
                self.seen.append(Look(began, took, waited, dead))
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            await pool.close()
            await connection.close()


def p99_ms(looks: Sequence[Look]) -> float:
    """How long 99 of 100 claims took at most."""
    return sorted(look.claim for look in looks)[len(looks) * 99 // 100] * 1000


async def write(site: Site, first: int, count: int, rate: int) -> None:
    """So many events, evenly."""
    connection = await site.connect()
    began = time.monotonic()
    for at in range(0, count, AT_ONCE):
        await connection.execute(INSERT, first + at, first + at + AT_ONCE - 1)
        await asyncio.sleep(max(0.0, began + at / rate - time.monotonic()))
    await connection.close()


@pytest.mark.reliability("R16", "The queue stays quick")
async def test_r16_queue_health(site: Site, figures: Figures) -> None:
    """Events happen evenly and a receiver takes them all, with the autovacuum of an ordinary installation. In the
    middle of it somebody holds a snapshot (REPEATABLE READ), so that nothing that was deleted or changed since can be
    cleared away, and leases that have run out are put into the queue all the time. When the snapshot is let go,
    claims may take 50 ms (99 of 100) and the oldest delivery that is due may have waited 5 seconds. Within some more
    than a minute there have to be no more than twice the dead rows that there were before the snapshot, and the
    outbox and the indexes of deliveries may not grow on: what comes takes the place of what was cleared away.

    This is smaller than a day of a busy site: some hundred events a second for some minutes. The control is the same
    queue while the snapshot is held, which has to have many more dead rows, or nothing was tried.
    """
    rate = figures.size("events/s", gate=100, full=200)
    steady = figures.size("seconds before the snapshot", gate=70, full=130)
    held = figures.size("seconds under it", gate=160, full=220)
    after = figures.size("seconds afterwards", gate=150, full=200)
    await site.start()
    await site.define("posts")
    figures.came_to("events", rate * (steady + held + after))
    async with counting() as arrivals:
        hook = await site.webhook(arrivals.url, "posts.created")
        looks = Looks(site, hook["id"])
        looking = asyncio.create_task(looks.look())
        await write(site, 0, rate * steady, rate)
        holding, snapshot = await hold(site)
        began = time.monotonic()
        await write(site, rate * steady, rate * held, rate)
        await snapshot.rollback()
        await holding.close()
        let_go, size = time.monotonic(), await site.asked(SIZE)
        await write(site, rate * (steady + held), rate * after, rate)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await site.delivered(600)
        grown = (await site.asked(SIZE) - size) / size
    free = looks.since(let_go)
    before = max(look.dead for look in looks.seen if look.at < began)
    figures.at_most("p99 of claims afterwards", p99_ms(free), 50, "ms")
    figures.at_most("oldest due delivery afterwards", max(look.waited for look in free), 5, "s")
    cleared = max(look.dead for look in looks.since(let_go + CLEARED_SECONDS))
    figures.at_most("dead rows afterwards, of those before", cleared / before, 2, "times")
    figures.at_most("larger than when it was let go", grown * 100, 25, "%")
    figures.at_least("leases that had run out", looks.abandoned, ABANDONED)
    figures.at_most("not delivered", rate * (steady + held + after) - len(arrivals.ids), 0)
    most = max(look.dead for look in looks.seen if began <= look.at < let_go)
    figures.control("while it is held", "dead rows, of those before", most / before, beyond=2, unit="times")


async def hold(site: Site) -> tuple[Any, Any]:
    """A connection with a snapshot."""
    connection = await site.connect()
    await connection.execute("SET idle_in_transaction_session_timeout = 0")
    snapshot = connection.transaction(isolation="repeatable_read", readonly=True)
    await snapshot.start()
    await connection.fetchval("SELECT count(*) FROM posts")
    return connection, snapshot
