"""R22: a server that is told to stop finishes what it has begun, and PostgreSQL is shut down cleanly."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import msgspec
import pytest

from holdfast.db.embedded.binaries import find_binaries
from reliability.figures import Figures
from reliability.site import Site, until
from reliability.writers import Writers, writing
from sse import Stream, dialled

WRITERS = 8
WAITING = 8  # requests that wait for a lock when the stop comes; the server has ten connections
STOP_SECONDS = 10.0
HELD_SECONDS = 1.0  # of the stop, until the lock is free


class Ending(msgspec.Struct, frozen=True):
    """What the clients of a server saw of its end."""

    code: int
    seconds: float
    cut: int
    silent: int
    done_unanswered: int
    lost: int
    wrong: list[str]


async def end(site: Site, lines: int, sign: signal.Signals) -> Ending:
    """Send a signal to a server under load, and look at what its clients get."""
    holding = await site.connect()
    transaction = holding.transaction()
    await transaction.start()
    await holding.execute("LOCK TABLE slow IN SHARE MODE")
    async with opened(site, lines) as streams, writing(site, "kept", WRITERS) as load:
        waiting = [
            asyncio.create_task(site.ask("POST", "/api/collections/slow/records", {"title": "x"}))
            for _ in range(WAITING)
        ]
        await load.more(100)
        await site.becomes(
            "SELECT count(*)::int FROM pg_locks WHERE NOT granted AND relation = 'slow'::regclass", WAITING
        )
        began = time.monotonic()
        site.server.signal(sign)
        await asyncio.sleep(HELD_SECONDS)
        holding.terminate()  # and the lock is free
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        code = await asyncio.to_thread(site.server.ended)
        seconds = time.monotonic() - began
        await until(lambda: all(stream.ended.is_set() for stream in streams), "the end of all lines")
    cut = sum(isinstance(answer, BaseException) or answer[0] != 200 for answer in answers)
    silent = sum(not stream.raw.rstrip().endswith("retry:1000") for stream in streams)
    return await compared(site, load, Ending(code, seconds, cut, silent, 0, 0, load.wrong))


async def compared(site: Site, load: Writers, seen: Ending) -> Ending:
    """The same, with what the next server has of the records."""
    clean = cluster_state(site)
    await site.start()
    connection = await site.connect()
    there = {row["id"]: row["title"] for row in await connection.fetch("SELECT id, title FROM kept")}
    await connection.execute("TRUNCATE kept")
    await connection.close()
    lost = sum(id not in there for id in load.acknowledged.values())
    done = sum(title not in load.acknowledged for title in there.values())
    wrong = [*seen.wrong, *([] if clean == "shut down" else [f"PostgreSQL: {clean}"])]
    return msgspec.structs.replace(seen, lost=lost, done_unanswered=done, wrong=wrong)


def cluster_state(site: Site) -> str:
    """What PostgreSQL has written down about its end."""
    command = (str(find_binaries(None).program("pg_controldata")), str(site.data / "pg"))
    lines = subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C"}).stdout.splitlines()
    (state,) = [line.partition(":")[2].strip() for line in lines if line.startswith("Database cluster state:")]
    return state


@asynccontextmanager
async def opened(site: Site, count: int) -> AsyncIterator[list[Stream]]:
    """Lines that listen to the records."""
    async with AsyncExitStack() as stack, aiohttp.ClientSession(site.url) as guest:
        streams = [await stack.enter_async_context(dialled(site.url)) for _ in range(count)]
        for stream in streams:
            body = {"clientId": stream.id, "subscriptions": ["kept/*"]}
            async with guest.post("/api/realtime", json=body) as answer:
                assert answer.status == 204, await answer.text()
        yield streams


@pytest.mark.reliability_gate
@pytest.mark.reliability("R22", "A stop under load")
async def test_r22_graceful_stop(site: Site, figures: Figures) -> None:
    """The server gets SIGTERM while eight clients make records without a pause, lines of realtime are open, and some
    requests wait for a lock that is free only a second after the signal. Those have to be answered. Every line has to
    end with `retry:`, so that its client comes back. A client whose connection breaks because the server is gone may be
    sure that its request was not done: there is no record that nobody was told of. PostgreSQL has to say of itself that
    it was shut down.

    The control sends SIGKILL.
    """
    rounds = figures.size("stops", gate=1, full=20)
    lines = figures.size("lines", gate=10, full=100)
    figures.size("writers", gate=WRITERS, full=WRITERS)
    await site.start()
    await site.define("kept")
    await site.define("slow")
    endings = [await end(site, lines, signal.SIGTERM) for _ in range(rounds)]
    assert [wrong for ending in endings for wrong in ending.wrong] == []
    assert {ending.code for ending in endings} == {0}
    figures.at_most("requests cut off", sum(ending.cut for ending in endings), 0)
    figures.at_most("lines without a goodbye", sum(ending.silent for ending in endings), 0)
    figures.at_most("done and not answered", sum(ending.done_unanswered for ending in endings), 0)
    figures.at_most("lost", sum(ending.lost for ending in endings), 0)
    figures.at_most("longest stop", max(ending.seconds for ending in endings), STOP_SECONDS, "s")
    killed = await end(site, lines, signal.SIGKILL)
    figures.control("SIGKILL", "requests cut off", killed.cut)
    figures.control("SIGKILL", "lines without a goodbye", killed.silent)
