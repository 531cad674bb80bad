"""R3: SIGKILL of PostgreSQL loses nothing that was acknowledged, and the server goes on by itself."""

import asyncio
import random
import time
from collections.abc import Callable
from statistics import median

import psutil
import pytest

from reliability.figures import Figures
from reliability.site import Site, kill, untold
from reliability.unprotected import acknowledge_early
from reliability.writers import Writers, writing

WRITERS = 8
RECOVERY_SECONDS = 5.0
NOTICED_SECONDS = 0.5  # after a kill; nobody is answered by PostgreSQL any more then, or it is back


def victims(site: Site, chance: random.Random) -> list[Callable[[], None]]:
    """What is killed in turn: the postmaster, all processes, one of those that serve a connection."""

    def one_backend() -> None:
        # Of its logger PostgreSQL makes a new one, and that is all.
        kill(
            chance.choice(
                [pid for pid in site.postgres()[1:] if "logger" not in " ".join(psutil.Process(pid).cmdline())]
            )
        )

    return [lambda: kill(site.postmaster()), lambda: kill(*site.postgres()), one_backend]


async def strike(load: Writers, victim: Callable[[], None]) -> float:
    """Kill, and wait until records are acknowledged again; how long none was, in seconds."""
    began = time.monotonic()
    await asyncio.to_thread(victim)
    await asyncio.sleep(NOTICED_SECONDS)
    await load.more(2 * WRITERS)
    return load.longest_pause(began)


@pytest.mark.reliability_gate
@pytest.mark.reliability("R3", "kill -9 of PostgreSQL")
async def test_r03_kills_of_postgresql(site: Site, figures: Figures) -> None:
    """Eight clients make records over HTTP while PostgreSQL is killed: its first process, all of them at once, or one
    of them, which makes PostgreSQL end all others and recover. The server is not touched: it has to start PostgreSQL
    again, make its connections anew and go on. Clients may be told 503 with `Retry-After` in between, and nothing else.
    At the end everything that was acknowledged has to be there, with its events.

    The control lets PostgreSQL acknowledge what is only in its memory (`synchronous_commit = off`): the same kills lose
    records.
    """
    kills = figures.size("kills", gate=3, full=100)
    figures.size("writers", gate=WRITERS, full=WRITERS)
    chance = random.Random(3)
    await site.start()
    await site.define("kept")
    server = site.server.process.pid
    recoveries: list[float] = []
    async with writing(site, "kept", WRITERS) as load:
        ways = victims(site, chance)
        for turn in range(kills):
            await load.more(chance.randint(50, 200))
            recoveries.append(await strike(load, ways[turn % len(ways)]))
    figures.came_to("records", len(load.acknowledged))
    assert load.wrong == []
    assert site.server.process.poll() is None and site.server.process.pid == server
    apart = await untold(site, "kept")
    figures.at_most("lost", await lost(site, load), 0)
    figures.at_most("records without event", apart["without_event"], 0)
    figures.at_most("events without record", apart["without_row"] + apart["told_twice"], 0)
    figures.at_most("gaps in the log", apart["gaps"], 0)
    figures.at_most("requests without an answer", len(load.broken), 0)
    figures.at_most("recovery, median", median(recoveries), RECOVERY_SECONDS, "s")
    figures.at_most("longest", max(recoveries), 3 * RECOVERY_SECONDS, "s")
    await acknowledge_early(site)
    async with writing(site, "kept", WRITERS) as early:
        await early.more(300)
        await strike(early, ways[1])
    figures.control("synchronous_commit = off", "lost", await lost(site, early))


async def lost(site: Site, load: Writers) -> int:
    """How many acknowledged records are not there."""
    connection = await site.connect()
    rows = await connection.fetch("SELECT id FROM kept")
    await connection.close()
    return len(set(load.acknowledged.values()) - {row["id"] for row in rows})
