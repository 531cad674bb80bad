"""R6: receivers that are slow hold up nobody but themselves."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.webhooks.circuit import WIDEST
from receiver import OK, Answer, Call, Receiver
from reliability import faults
from reliability.figures import Figures
from reliability.site import Site, until

FAST = ("/fast/1", "/fast/2", "/fast/3")
SLOW = ("/asleep", "/trickle")
ASLEEP = Answer(delay=29.0)
TRICKLE = Answer(trickle=1.0)
SLOWER = 1.5  # times, beside slow receivers
SLOWER_IN_GATE = 3.0  # its runs are so short that one moment of another program's doubles them
HEEDED_SECONDS = 1.3  # until the sender has seen that webhooks are others
SLOW_RUNS = (False, True, True, False, False, True)
LATE_EVENTS = 300
LATE_SECONDS = 4.0
INSERT = "INSERT INTO posts (id, title) SELECT $1 || g, 'x' FROM generate_series(1, $2::int) AS g"


class Shop:
    """A server with three webhooks that lead to fast receivers, and two that lead to slow ones, which are off."""

    def __init__(self, site: Site, receiver: Receiver) -> None:
        self.site = site
        self.receiver = receiver
        self.hooks: list[dict[str, Any]] = []
        self.runs = 0
        self.is_slow = False
        self.arrived: list[float] = []

    async def open(self) -> None:
        """Start."""
        await self.site.start()
        await self.site.define("posts")
        for path in (*FAST, *SLOW):
            body = {"url": self.receiver.url + path, "events": ["posts.created"], "timeout": 30}
            self.hooks.append(await self.site.post("/api/webhooks", {**body, "active": path in FAST}))
        for path in FAST:
            self.receiver.replies[path] = self._arrive
        for path, answer in zip(SLOW, (ASLEEP, TRICKLE), strict=True):
            self.receiver.replies[path] = lambda _, answer=answer: answer
        await asyncio.sleep(HEEDED_SECONDS)

    def _arrive(self, call: Call) -> Answer:
        self.arrived.append(call.at)
        return OK

    async def slowness(self, *, on: bool) -> None:
        """Turn the webhooks of the slow receivers on or off. They queue all the same."""
        self.is_slow = on
        for hook in self.hooks[len(FAST) :]:
            await self.site.patch(f"/api/webhooks/{hook['id']}", {"active": on})
        await asyncio.sleep(HEEDED_SECONDS)

    async def happen(self, count: int) -> float:
        """So many events at once; when they were committed."""
        self.runs += 1
        self.arrived.clear()
        connection = await self.site.connect()
        await connection.execute(INSERT, f"run {self.runs}, ", count)
        committed = time.monotonic()
        await connection.close()
        return committed

    async def p99(self, count: int) -> float:
        """Within how many seconds 99 of 100 deliveries of so many events come to the fast receivers."""
        committed = await self.happen(count)
        await until(lambda: len(self.arrived) >= count * len(FAST), "all deliveries", 60 + count / 20)
        return sorted(self.arrived)[len(self.arrived) * 99 // 100] - committed


@pytest.mark.reliability_gate
@pytest.mark.reliability("R6", "Slow receivers hold up nobody else")
async def test_r06_slow_receivers(site: Site, receiver: Receiver, anywhere: Path, figures: Figures) -> None:
    """Three webhooks lead to receivers that answer at once. Events happen in one transaction, and the time from its
    commit to the arrival of 99 of 100 deliveries is measured: without slow receivers, and beside one that sleeps for
    29 seconds and one that sends its answer byte by byte, one each second. All are on one host, so they share its
    connections, too. Of three runs the best of each kind is compared. Beside slow receivers it may take 1.5
    times as long (3 in the gate), since five deliveries of each event are written instead of three sent; and a slow
    receiver may hold no more requests at once than its own share. One that is given up after 30 seconds while its
    answer trickles is noticed by its receiver at the next byte, when another has taken its place: so there may be
    twice as many of those.

    The control is a server on which connections go to whoever asks first: the slow ones soon have all of them.
    """
    count = figures.size("events", gate=400, full=10_000)
    shop = Shop(site, receiver)
    await shop.open()
    await shop.p99(count // 4)  # everything is loaded
    runs: dict[bool, list[float]] = {False: [], True: []}
    for slow in SLOW_RUNS:
        if shop.is_slow is not slow:
            await shop.slowness(on=slow)
        runs[slow].append(await shop.p99(count))
    await shop.slowness(on=False)
    alone, beside = runs[False], runs[True]
    bound = (SLOWER if figures.full else SLOWER_IN_GATE) * min(alone)
    figures.at_most("p99 beside slow receivers", min(beside), bound, "s")
    asleep, trickle = (receiver.most_busy[path] for path in SLOW)
    figures.at_least("requests that the sleeper held", asleep, 1)
    figures.at_most("requests that the sleeper held", asleep, WIDEST)
    figures.at_most("requests that the trickle held", trickle, 2 * WIDEST)
    await site.stop()
    site.environment.update(faults.environment(anywhere / "faults", "no_shares"))
    await site.start()
    late = await without_shares(shop)
    figures.control("first come, first served", f"not delivered within {LATE_SECONDS:.0f} s", late)


async def without_shares(shop: Shop) -> int:
    """How many deliveries to fast receivers are late where the slow ones may take every connection."""
    await shop.p99(LATE_EVENTS)
    await shop.slowness(on=True)
    await shop.happen(LATE_EVENTS)
    await asyncio.sleep(LATE_SECONDS)
    return LATE_EVENTS * len(FAST) - len(shop.arrived)
