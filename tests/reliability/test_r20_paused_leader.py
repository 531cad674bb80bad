"""R20: a leader that is stopped is replaced, and what it writes when it wakes up changes nothing."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from receiver import OK, Answer, Receiver
from reliability import faults
from reliability.figures import Figures
from reliability.site import ENVIRONMENT, Site, until, untold
from served import Server

TAKEOVER_SECONDS = 15.0
EVERY_SECONDS = 0.05
HELD = 10  # requests
SILENT = Answer(delay=600.0)
LEADS = "this process relays the events"
NEWEST = "SELECT seq FROM holdfast.stream"
# Each delivery was made by one try that counted, though somebody else has said later that it failed.
CHANGED_LATE = "SELECT count(*) FROM holdfast.deliveries WHERE state <> 2 OR attempts <> 1"
WRITTEN_LATE = """
    SELECT count(*) FROM holdfast.delivery_attempts AS late JOIN holdfast.delivery_attempts AS good USING (delivery_id)
     WHERE late.status IS NULL AND good.status = 200 AND late.id > good.id
"""


class Servers:
    """Servers on the database of a site that does no background work itself."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._site = site
        self._folder = folder
        self._started: list[Server] = []

    async def start(self, environment: dict[str, str] | None = None) -> Server:
        """Another server."""
        data = self._folder / f"server-{len(self._started)}"
        given = {**ENVIRONMENT, "DATABASE_URL": self._site.dsn, **(environment or {})}
        server = Server(data, "--port", "0", environment=given)
        self._started.append(server)
        await asyncio.to_thread(server.started)
        return server

    async def stop(self) -> None:
        """All of them."""
        for server in self._started:
            if server.process.poll() is None:
                server.signal(signal.SIGCONT)
                await asyncio.to_thread(server.stop)


@asynccontextmanager
async def servers(site: Site, folder: Path) -> AsyncIterator[Servers]:
    """None yet."""
    found = Servers(site, folder)
    try:
        yield found
    finally:
        await found.stop()


def stop(server: Server) -> float:
    """Stop all that belongs to a server, as a machine that is frozen; when."""
    os.killpg(server.process.pid, signal.SIGSTOP)
    return time.monotonic()


async def write(site: Site) -> None:
    """Records, one after another, until cancelled."""
    connection = await site.connect()
    try:
        while True:
            await connection.execute("INSERT INTO posts (id) VALUES (gen_random_uuid()::text)")
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        await connection.close()


async def taken_over(site: Site, stopped: float, most: float) -> float:
    """How many seconds after a leader was stopped events get numbers again; `most` if they do not until then."""
    await asyncio.sleep(0.3)  # what it had sent to PostgreSQL is done
    newest = await site.asked(NEWEST)
    while time.monotonic() - stopped < most:
        if await site.asked(NEWEST) > newest:
            return time.monotonic() - stopped
        await asyncio.sleep(0.05)
    return most


@pytest.mark.reliability("R20", "A leader that is stopped")
async def test_r20_paused_leader(anywhere: Path, receiver: Receiver, figures: Figures) -> None:
    """Two servers share a database. One of them numbers the events and sends the webhooks, and gets SIGSTOP in the
    middle of it, with requests under way that nobody answers. Within 15 seconds the other has to number events, and
    to deliver them. After SIGCONT the first finds that its requests have failed, and writes that down, though the
    other has delivered the same events meanwhile: that must change nothing. In the end all numbers are there once,
    without a gap, and each delivery was made by one try that counted.

    The control is a leader that keeps its place however long it is stopped.
    """
    seconds = figures.size("seconds stopped", gate=20, full=90)
    idle = Site(anywhere / "data", environment={"HOLDFAST_BACKGROUND": "false"})
    async with idle as site, servers(site, anywhere) as beside:
        await site.start()
        await site.post("/api/collections", {"name": "posts", "type": "base"})  # `define` waits for a leader
        await site.post("/api/webhooks", {"url": f"{receiver.url}/hook", "events": ["posts.created"]})
        first = await beside.start()
        await asyncio.to_thread(first.wait_for, LEADS)
        second = await beside.start()
        writing = asyncio.create_task(write(site))
        await until(lambda: len(receiver.calls) > 20, "deliveries")
        held: set[str] = set()
        receiver.reply = lambda call: held.add(call.id) or SILENT
        await until(lambda: len(held) >= HELD, "requests under way")
        stopped, before = stop(first), len(receiver.calls)
        receiver.reply = lambda _: OK
        figures.at_most("numbered again after", await taken_over(site, stopped, 60), TAKEOVER_SECONDS, "s")
        await until(lambda: len(receiver.calls) > before, "a delivery by the other server")
        figures.at_most("delivered again after", receiver.calls[before].at - stopped, TAKEOVER_SECONDS, "s")
        if not figures.full:
            await site.end_leases()
        await until(lambda: held <= {call.id for call in receiver.calls[before:]}, "all that was under way", 90)
        await asyncio.sleep(max(0.0, stopped + seconds - time.monotonic()))
        os.killpg(first.process.pid, signal.SIGCONT)
        try:
            await site.becomes(f"SELECT ({WRITTEN_LATE}) >= {len(held)}", True)
        except AssertionError as failure:
            written, said = await site.asked(WRITTEN_LATE), [line["event"] for line in first.lines[-5:]]
            raise AssertionError(f"{written} of {len(held)} are written down, and the first said {said}") from failure
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await check(figures, site, receiver)
        assert second.process.poll() is None
        figures.control(
            "it keeps its place", "no number for", await without_end(site, beside, [first, second]), beyond=15
        )


async def check(figures: Figures, site: Site, receiver: Receiver) -> None:
    """What is there in the end."""
    await site.delivered(90)
    apart = await untold(site, "posts")
    figures.came_to("events", await site.asked(NEWEST))
    figures.exactly("gaps, events without record, records without event", sum(apart.values()), 0)
    figures.at_least("failures written down too late", await site.asked(WRITTEN_LATE), HELD)
    figures.exactly("changed by that", await site.asked(CHANGED_LATE), 0)
    ids = [call.id for call in receiver.calls]
    figures.at_most("sent twice", len(ids) - len(set(ids)), 64)


async def without_end(site: Site, beside: Servers, others: list[Server]) -> float:
    """For how many seconds no event gets a number where a leader that is stopped keeps its place."""
    for server in others:
        await asyncio.to_thread(server.stop)
    patient = await beside.start(faults.environment(site.data.parent / "faults", "patient"))
    await asyncio.to_thread(patient.wait_for, LEADS)
    await beside.start()
    writing = asyncio.create_task(write(site))
    await asyncio.sleep(1)
    found = await taken_over(site, stop(patient), TAKEOVER_SECONDS + 2)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    return found
