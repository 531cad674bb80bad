"""R5: a receiver that was down for an hour gets everything soon after it is back, and not when a schedule says so."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from receiver import OK, Answer, Call, receiving
from reliability import faults
from reliability.figures import Figures
from reliability.site import Site, until

HOUR = 3600.0
COMPARED = 20  # each so many-th event goes to the webhook without a circuit, too
FIRST_SECONDS = 60.0
ALL_SECONDS = 120.0
MACHINE_SECONDS = 0.25  # what a busy machine may add, and the fast clock would multiply
BLACK_HOLE = Answer(delay=HOUR)
INSERT = """
    INSERT INTO posts (id, title)
    SELECT 'post ' || n, CASE WHEN n % $3 = 0 THEN 'compared' ELSE '' END FROM generate_series($1::int, $2::int) AS n
"""
TRIES = "SELECT coalesce(sum(attempts), 0)::int FROM holdfast.deliveries WHERE webhook_id = $1"
LEFT = """
    SELECT count(*) FROM holdfast.deliveries AS d JOIN holdfast.webhooks AS w ON w.id = d.webhook_id
     WHERE w.description = ''
"""


@contextmanager
def refused() -> Iterator[tuple[socket.socket, str]]:
    """A port that belongs to us and refuses everybody, since nobody listens there; and its address."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound, f"http://127.0.0.1:{bound.getsockname()[1]}"


class Outage:
    """A receiver that is down in three ways, one after the other, and then answers. `arrived` has what it took."""

    def __init__(self) -> None:
        self.answer = Answer(503)
        self.arrived: dict[str, dict[str, float]] = {}

    def reply(self, call: Call) -> Answer:
        """What is answered now."""
        if self.answer is OK:
            self.arrived.setdefault(call.path, {}).setdefault(call.id, time.monotonic())
        return self.answer

    def of(self, path: str) -> dict[str, float]:
        """When each event came to a path first."""
        return self.arrived.get(path, {})


async def happen(site: Site, count: int, seconds: float) -> None:
    """So many events, spread over the time."""
    connection, steps = await site.connect(), 40
    began = time.monotonic()
    for step in range(steps):
        first, last = count * step // steps + 1, count * (step + 1) // steps
        await connection.execute(INSERT, first, last, COMPARED)
        await asyncio.sleep(max(0.0, began + seconds * (step + 1) / steps - time.monotonic()))
    await connection.close()


async def go_down(outage: Outage, bound: socket.socket, third: float, back: asyncio.Event) -> None:
    """Refused connections, then 503, then a black hole, and then it is back; until the test ends."""
    await asyncio.sleep(third)
    async with receiving(bound) as receiver:
        receiver.reply = outage.reply
        await asyncio.sleep(third)
        outage.answer = BLACK_HOLE
        await asyncio.sleep(third)
        outage.answer = OK
        back.set()
        await asyncio.Event().wait()


async def tries_at_rest(site: Site, hook: dict[str, Any]) -> int:
    """How many tries all deliveries of a webhook have used up, when its circuit has just opened."""
    opened = "SELECT coalesce((circuit->>'opened')::float8, 0) > 0 FROM holdfast.webhooks WHERE id = $1"
    deadline = time.monotonic() + 30
    while not await site.asked(opened, hook["id"]):
        assert time.monotonic() < deadline, "the circuit did not open"
    await asyncio.sleep(0.3)  # what was under way is written down
    return await site.asked(TRIES, hook["id"])


@pytest.mark.reliability_gate
@pytest.mark.reliability("R5", "Receiver down for an hour")
async def test_r05_receiver_down(anywhere: Path, figures: Figures) -> None:
    """A receiver refuses connections for twenty minutes, answers 503 for twenty, and takes requests without an answer
    for twenty more, while events happen all the time. Then it works again. The first delivery has to come within 60
    seconds, and all of them within 120 seconds after that. While the circuit is open a delivery uses up none of its
    tries, and none may be given up.

    The clock of the sender runs faster, as the sizes say: the waits of its schedule and its circuit, and the time
    that a failing receiver has, are so much shorter, and the figure of the first delivery is in seconds of that
    clock. A quarter of a real second is added to its bound, for what the machine does and no clock can hurry. The
    backlog is work, so its 120 seconds are real ones.

    The control is a webhook without a circuit, which gets every twentieth of the same events in the same outage: the
    schedule of retries alone brings some of them more than an hour late.
    """
    count = figures.size("events", gate=4_000, full=10_000)
    speed = figures.size("times faster clock", gate=120, full=60)
    outage, back = Outage(), asyncio.Event()
    async with Site(
        anywhere / "data", environment=faults.environment(anywhere / "faults", f"hurried({speed})")
    ) as site:
        await site.start()
        await site.define("posts")
        with refused() as (bound, url):
            going = asyncio.create_task(go_down(outage, bound, HOUR / speed / 3, back))
            try:
                hooks = await webhooks(site, url)
                happening = asyncio.create_task(happen(site, count, HOUR / speed * 0.9))
                before = await tries_at_rest(site, hooks[0])
                await back.wait()
                came_back = time.monotonic()
                await happening
                used = await site.asked(TRIES, hooks[0]["id"]) - before
                await measure(figures, outage, count, came_back, speed)
                await look(figures, site, used)
                late = await latest(site, hooks[1], speed)
                figures.control("without a circuit", "the last delivery after", late / 60, beyond=3, unit="min")
            finally:
                going.cancel()
                await asyncio.gather(going, return_exceptions=True)


async def webhooks(site: Site, url: str) -> list[dict[str, Any]]:
    """The webhook of the test, and the one without a circuit."""
    compared = {"description": faults.WITHOUT_CIRCUIT, "filter": "title = 'compared'"}
    return [
        await site.post("/api/webhooks", {"url": f"{url}/{path}", "events": ["posts.created"], **more})
        for path, more in (("real", {}), ("compared", compared))
    ]


async def measure(figures: Figures, outage: Outage, count: int, came_back: float, speed: int) -> None:
    """When the first and the last have come."""
    await until(lambda: bool(outage.of("/real")), "the first delivery")
    first = min(outage.of("/real").values())
    bound = FIRST_SECONDS + MACHINE_SECONDS * speed
    figures.at_most("first delivery after return", (first - came_back) * speed, bound, "s of its clock")
    await until(lambda: len(outage.of("/real")) >= count, "all deliveries", ALL_SECONDS + 30)
    figures.at_most("all others after", max(outage.of("/real").values()) - first, ALL_SECONDS, "s")


async def look(figures: Figures, site: Site, used: int) -> None:
    """What was written down of it."""
    await site.becomes(f"{LEFT} AND state < 2", 0)
    figures.at_most("tries used up while the circuit was open", used, 0)
    figures.at_most("given up", await site.asked(f"{LEFT} AND state = 3"), 0)


async def latest(site: Site, hook: dict[str, Any], speed: int) -> float:
    """In how many seconds of the fast clock the last waiting delivery of a webhook is due; 0 if none waits."""
    due = "SELECT coalesce(max(extract(epoch FROM next_at - now())), 0)::float8 FROM holdfast.deliveries"
    return await site.asked(f"{due} WHERE webhook_id = $1 AND state = 0", hook["id"]) * speed
