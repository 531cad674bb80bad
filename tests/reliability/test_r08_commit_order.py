"""R8: transactions that overtake each other skip nothing, double nothing and turn nothing around."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from event_log import Log, folded, opened
from holdfast.events.position import Position
from reliability.figures import Figures
from reliability.site import Site
from reliability.unprotected import IdentityReader, keep_naive_log

WRITERS = 16
POLL_SECONDS = 0.005
ROWS_EACH = 50
PAUSES = (0.0, 0.0, 0.001, 0.005, 0.04)  # seconds in the middle of a transaction


class Load:
    """Writers whose transactions take up to 40 ms, of which a tenth is rolled back."""

    def __init__(self, site: Site, goal: int) -> None:
        self.site = site
        self.goal = goal
        self.committed = 0
        self.rolled_back = 0

    async def run(self) -> None:
        """Write until so many changes are committed."""
        await asyncio.gather(*(self._write(number) for number in range(WRITERS)))

    async def _write(self, number: int) -> None:
        chance = random.Random(number)
        connection = await self.site.connect()
        try:
            while self.committed < self.goal:
                transaction = connection.transaction()
                await transaction.start()
                count = chance.randint(1, 4)
                for _ in range(count):
                    await connection.execute(
                        "INSERT INTO notes (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = notes.n + 1",
                        f"{number} {chance.randint(1, ROWS_EACH)}",
                    )
                await asyncio.sleep(chance.choice(PAUSES))
                if chance.random() < 0.1:
                    await transaction.rollback()
                    self.rolled_back += count
                else:
                    await transaction.commit()
                    self.committed += count
        finally:
            await connection.close()


class SeqReader:
    """Follows the log by `seq`, as consumers do."""

    def __init__(self, log: Log, start: Position) -> None:
        self._log = log
        self._position = start
        self.seen: list[int] = []

    async def look(self) -> None:
        """Read what is new."""
        page = await self._log.feed.read(self._position)
        self.seen.extend(event.seq for event in page)
        if page:
            self._position = Position(self._position.epoch, page[-1].seq)


async def poll(look: Callable[[], Awaitable[None]]) -> None:
    """Look every few milliseconds, until cancelled."""
    while True:
        await look()
        await asyncio.sleep(POLL_SECONDS)


@pytest.mark.reliability_gate
@pytest.mark.reliability("R8", "No gap by the order of commits")
async def test_r08_commit_order(site: Site, figures: Figures) -> None:
    """16 connections write in transactions that take up to 40 milliseconds, and roll back a tenth of them. So rows that
    were written first are often committed last. A reader asks every 5 milliseconds for what is new after the highest
    `seq` that it has seen. It has to get every number once and in order, and whoever replays the log has to know each
    record as the table has it, step by step.

    The control is a second log of the same changes in the same run, with numbers of an identity column, and a reader
    that does the same with them. Rows that commit late under a low number are never seen by it.
    """
    goal = figures.size("changes", gate=3_000, full=20_000)
    figures.size("writers", gate=WRITERS, full=WRITERS)
    await site.start()
    await site.define("notes", {"name": "n", "type": "number"})
    await keep_naive_log(site, "notes")
    connection = await site.connect()
    await site.relayed()  # the superuser's own events
    async with opened(site.dsn) as log:
        start = await log.feed.position()
        real, naive = SeqReader(log, start), IdentityReader(connection)
        polling = [asyncio.create_task(poll(reader.look)) for reader in (real, naive)]
        load = Load(site, goal)
        await load.run()
        await log.settled()
        await asyncio.sleep(0.2)
        for task in polling:
            task.cancel()
        await asyncio.gather(*polling, return_exceptions=True)
        await real.look()
        await naive.look()
        everything = await log.events(start)
        rows = {row["id"]: row["n"] for row in await connection.fetch("SELECT id, n FROM notes")}
        logged = await connection.fetchval("SELECT count(*) FROM naive_log")
    await connection.close()
    events = [event for event in everything if event.collection == "notes"]
    figures.at_most("lost", len(everything) - len(set(real.seen)), 0)
    figures.at_most("not in the log", load.committed - len(events), 0)
    figures.at_most("seen twice", len(real.seen) - len(set(real.seen)), 0)
    figures.at_most("out of order", sum(b != a + 1 for a, b in zip(real.seen, real.seen[1:], strict=False)), 0)
    figures.at_most("too many in it", len(events) - load.committed, 0)
    known = {id: row["n"] for id, row in folded(events)["notes"].items()}
    figures.at_most("rows told otherwise", len(known.items() ^ rows.items()), 0)
    figures.control("read by an identity column", "lost", logged - len(naive.seen))
