"""R15: a transaction that stays open holds back nothing but its own changes."""

import asyncio
import time
from typing import Any

import pytest

from holdfast.events.floor import EVERY_SECONDS
from receiver import Receiver
from reliability.figures import Figures
from reliability.site import Site, until
from reliability.unprotected import HorizonReader, keep_naive_log

WRITE_SECONDS = 0.02  # between two records
P99_SECONDS = 2.0
ARRIVED_SECONDS = 30.0
ALONE_SECONDS = 2 * EVERY_SECONDS + 1  # in which no transaction ends while one is open


class Delays:
    """How long changes took from their commit to a receiver of webhooks, and to a reader of the naive log."""

    def __init__(self, site: Site, receiver: Receiver, seconds: float) -> None:
        self.site = site
        self.receiver = receiver
        self.seconds = seconds
        self.committed: dict[str, float] = {}
        self.stalled: list[float] = []

    async def run(self, name: str) -> None:
        """Write a record every few milliseconds, and follow the naive log meanwhile."""
        writing, reading = await self.site.connect(), await self.site.connect()
        naive, seen, known = HorizonReader(reading), time.monotonic(), 0
        await naive.look()
        known = len(naive.seen)
        until_then, count = time.monotonic() + self.seconds, 0
        try:
            while time.monotonic() < until_then:
                count += 1
                id = f"{name} {count}"
                await writing.execute("INSERT INTO kept (id, title) VALUES ($1, $1)", id)
                self.committed[id] = time.monotonic()
                await naive.look()
                if len(naive.seen) > known:
                    seen, known = time.monotonic(), len(naive.seen)
                await asyncio.sleep(WRITE_SECONDS)
            self.stalled.append(time.monotonic() - seen)
        finally:
            await writing.close()
            await reading.close()

    def sorted(self) -> list[float]:
        """The delays of all changes, when all have arrived."""
        arrived = {call.json["record"]["id"]: call.at for call in self.receiver.calls}
        return sorted(arrived[id] - at for id, at in self.committed.items())


async def hold(connection: Any, statement: str) -> Any:
    """Begin a transaction that has written something."""
    await connection.execute("SET idle_in_transaction_session_timeout = 0")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(statement)
    return transaction


@pytest.mark.reliability_gate
@pytest.mark.reliability("R15", "A long open transaction")
async def test_r15_open_transaction(site: Site, receiver: Receiver, figures: Figures) -> None:
    """Somebody writes a record and leaves the transaction open: first in the server's database, then in another
    database of the same PostgreSQL. At first nobody else does anything, then others write 50 records a second. Each of
    these has to be at a receiver of webhooks soon after its commit. When the transaction is committed at last, its
    event has to come, too, with a higher number than all that came before.

    The control is a second log of the same changes, whose reader goes only up to the oldest transaction that is still
    open (`pg_snapshot_xmin`). That is the usual way to skip nothing, and the figure is for how long this reader saw
    nothing at all.
    """
    seconds = figures.size("seconds each", gate=3, full=60)
    await site.start()
    await site.define("kept")
    await keep_naive_log(site, "kept")
    await site.webhook(f"{receiver.url}/kept", "kept.created")
    await site.did("CREATE DATABASE elsewhere", superuser=True)
    here, elsewhere = await site.connect(), await site.connect(superuser=True, database="elsewhere")
    await elsewhere.execute("CREATE TABLE other (n integer)")
    delays = Delays(site, receiver, seconds)
    try:
        held = await hold(here, "INSERT INTO kept (id, title) VALUES ('late', 'late')")
        await asyncio.sleep(ALONE_SECONDS)
        await delays.run("here")
        await arrived(site, receiver, len(delays.committed))
        before = await site.asked("SELECT seq FROM holdfast.stream")
        await held.commit()
        await arrived(site, receiver, len(delays.committed) + 1)
        (late,) = [call.json["seq"] for call in receiver.calls if call.json["record"]["id"] == "late"]
        held = await hold(elsewhere, "INSERT INTO other VALUES (1)")
        await delays.run("elsewhere")
        await arrived(site, receiver, len(delays.committed) + 1)
        await held.rollback()
    finally:
        await here.close()
        await elsewhere.close()
    found = delays.sorted()
    figures.came_to("records", len(found))
    figures.at_most("not delivered", len(delays.committed) - len(found), 0)
    figures.at_most("commit to receiver, p99", found[len(found) * 99 // 100], P99_SECONDS, "s")
    figures.at_most("longest", found[-1], 2 * P99_SECONDS, "s")
    figures.exactly("the late one's number, after the newest of the others", late - before, 1)
    figures.control(
        "a reader up to the oldest open transaction", "nothing for", min(delays.stalled), beyond=0.9 * seconds, unit="s"
    )


async def arrived(site: Site, receiver: Receiver, count: int) -> None:
    """Wait until so many deliveries are there."""
    try:
        await until(lambda: len(receiver.calls) >= count, f"{count} deliveries", ARRIVED_SECONDS)
    except AssertionError as failure:
        raise AssertionError(f"{failure}: {len(receiver.calls)} came; {await site.standing()}") from failure
