"""R4: the server dies after the receiver has answered and before that is written down."""

import asyncio
import time

import pytest

from holdfast.webhooks.circuit import WIDEST
from holdfast.webhooks.queue import LEASE_SECONDS
from receiver import Answer, Receiver, believed
from reliability.figures import Figures
from reliability.site import Site, until
from reliability.unprotected import deliver_at_most_once

THINKS_SECONDS = 1.0  # before the receiver answers, so that all are there and locked
ANSWERED_SECONDS = 0.3  # from its last answer until the kill: the server has read it by then
LATE_SECONDS = 5.0  # after the end of the lease
ROUND = "INSERT INTO kept (id, title) SELECT '{title} ' || g, '{title}' FROM generate_series(1, {count}) AS g"


@pytest.mark.reliability_gate
@pytest.mark.reliability("R4", "A crash between the answer and the bookkeeping")
async def test_r04_crash_after_the_answer(site: Site, receiver: Receiver, figures: Figures) -> None:
    """A receiver answers 200 to as many deliveries as are under way at once, and the server is killed before it has
    written that down. So that the kill hits this moment for certain, the rows of the deliveries are locked by another
    connection: the server has the answers and waits for the lock, when SIGKILL comes. Each delivery has to come once
    more, and only once, with the same `webhook-id` and the same body, signed again, no later than 5 seconds after the
    lease of the dead server has run out and the next one takes requests. In the gate the lease is ended by hand; in
    full sizes the minute of one lease is waited for in the first round.

    The control has a sender that writes down first that it has delivered: after the same kill none comes again. A
    receiver that was killed as well, before it could keep what it was sent, would never hear of it.
    """
    rounds = figures.size("kills", gate=1, full=13)
    figures.came_to("deliveries", rounds * WIDEST)
    await site.start()
    await site.define("kept")
    hook = await site.webhook(f"{receiver.url}/kept", "kept.created")
    again = 0.0
    for turn in range(rounds):
        waiting = figures.full and turn == 0
        again = max(again, await crash(site, receiver, f"round {turn}", wait=waiting))
    calls = receiver.at("/kept")
    arrivals = [[call for call in calls if call.id == id] for id in {call.id for call in calls}]
    assert all(believed(call, [hook["secret"]]) for call in calls)
    figures.exactly("deliveries that came", len(arrivals), rounds * WIDEST)
    figures.at_most("not exactly twice", sum(len(of_one) != 2 for of_one in arrivals), 0)
    figures.at_most("with another body", sum(len({call.body for call in of_one}) > 1 for of_one in arrivals), 0)
    figures.at_most("after the lease", again, LATE_SECONDS, "s")
    await deliver_at_most_once(site)
    await crash(site, receiver, "control", wait=False)
    once = [call for call in receiver.at("/kept") if call.json["record"]["title"] == "control"]
    figures.control("written down before it is sent", "not exactly twice", 2 * WIDEST - len(once))


async def crash(site: Site, receiver: Receiver, title: str, *, wait: bool) -> float:
    """Kill the server with answers in its hands; the seconds from the end of the leases to the last second arrival."""
    connection = await site.connect()
    before = len(receiver.calls)
    receiver.reply = lambda _: Answer(delay=THINKS_SECONDS)
    await site.did(ROUND.format(title=title, count=WIDEST))
    await until(lambda: len(receiver.calls) == before + WIDEST, "all deliveries at the receiver")
    held = connection.transaction()
    await held.start()
    await connection.fetch("SELECT id FROM holdfast.deliveries WHERE lease IS NOT NULL FOR UPDATE")
    assert time.monotonic() < receiver.calls[before].at + THINKS_SECONDS, "the first was answered before the lock"
    await asyncio.sleep(receiver.calls[-1].at + THINKS_SECONDS + ANSWERED_SECONDS - time.monotonic())
    await site.kill()
    killed = time.monotonic()
    receiver.reply = lambda _: Answer()
    connection.terminate()
    await site.start()
    if not wait:
        await site.end_leases()
    over = killed + LEASE_SECONDS if wait else time.monotonic()
    await site.delivered(LEASE_SECONDS + 30)
    return max(receiver.calls[-1].at - over, 0.0)
