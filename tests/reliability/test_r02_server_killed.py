"""R2: SIGKILL of the server loses neither a record, nor its event, nor its delivery."""

import asyncio
import os
import random
import time
from statistics import median

import pytest

from holdfast.webhooks.lane import MOST_UNWRITTEN
from receiver import Answer, Call, Receiver
from reliability.figures import Figures
from reliability.site import Site, until, untold
from reliability.unprotected import deliver_at_most_once
from reliability.writers import writing

WRITERS = 8
LEASE_OVER_SECONDS = 90.0
FIRST_SECONDS = 3.0  # from the start of a server to its first delivery
AFTER_SECONDS = 2.0  # of them, from its first answer on: the rest is what a start takes on this machine
BUSY_SECONDS = 10.0  # the same on a machine that does much else; there a start takes what it is given
BUSY_LOAD = 2.0  # of a core; the test itself makes less than that


def records(calls: list[Call]) -> dict[str, set[str]]:
    """The records that were told of, with the ids under which each was."""
    told: dict[str, set[str]] = {}
    for call in calls:
        told.setdefault(call.json["record"]["id"], set()).add(call.id)
    return told


async def finish(site: Site, *, wait: bool) -> None:
    """Wait until everything is delivered; either until leases have run out, or after they were ended."""
    if not wait:
        await site.end_leases()
    await site.delivered(LEASE_OVER_SECONDS)


def first_seconds() -> float:
    """What a restart may take here and now."""
    return BUSY_SECONDS if os.getloadavg()[0] > BUSY_LOAD * (os.cpu_count() or 1) else FIRST_SECONDS


@pytest.mark.reliability_gate
@pytest.mark.reliability("R2", "kill -9 of the server")
async def test_r02_kills_of_the_server(site: Site, receiver: Receiver, figures: Figures) -> None:
    """Eight clients make records over HTTP without a pause, and a webhook tells a receiver of each. At random moments
    the server gets SIGKILL and is started again at once, on the same address, under the same clients. At the end every
    record that was acknowledged has to be there, every record must have one event and every event its record, the
    numbers of the log have no gap, and the receiver knows every record under one `webhook-id`.

    What was being sent at the moment of a kill is sent again, since nobody knows whether it arrived: these are the
    duplicates, and for each kill there can be no more of them than the 64 requests that may be sent and not written
    down. In the gate the leases of the killed server are ended by hand at the end; in full sizes their minute is waited
    for.

    From the start of a server to its first delivery it may take 3 seconds, or 10 where more than two processes want
    each core of the machine. The gate, which runs beside other tests, looks at the part of it that is not the start:
    2 seconds from the first answer on.

    The control has a sender that writes down first that it has delivered, and sends then: a kill loses what it has not
    sent yet.
    """
    kills = figures.size("kills", gate=3, full=100)
    figures.size("writers", gate=WRITERS, full=WRITERS)
    chance = random.Random(2)
    await site.start()
    await site.define("kept")
    await site.webhook(f"{receiver.url}/kept", "kept.created")
    firsts: list[float] = []
    after: list[float] = []
    async with writing(site, "kept", WRITERS) as load:
        for _ in range(kills):
            await load.more(chance.randint(50, 300))
            await asyncio.sleep(chance.uniform(0, 0.4))
            await site.kill()
            before, began = len(receiver.calls), time.monotonic()
            await site.start()
            answered = time.monotonic()
            await until(lambda before=before: len(receiver.calls) > before, "a delivery after a restart")
            firsts.append(receiver.calls[before].at - began)
            after.append(max(0.0, receiver.calls[before].at - answered))
        await load.more(50)
    figures.came_to("records", len(load.acknowledged))
    assert load.wrong == []
    await finish(site, wait=figures.full)
    calls = receiver.at("/kept")
    told, there = records(calls), await ids(site)
    apart = await untold(site, "kept")
    figures.at_most("lost", len(set(load.acknowledged.values()) - there), 0)
    figures.at_most("records without event", apart["without_event"], 0)
    figures.at_most("events without record", apart["without_row"] + apart["told_twice"], 0)
    figures.at_most("gaps in the log", apart["gaps"], 0)
    figures.at_most("not delivered", len(there - told.keys()), 0)
    figures.at_most("records under two ids", sum(len(ids) > 1 for ids in told.values()), 0)
    figures.at_most("duplicates", len(calls) - len(told), kills * MOST_UNWRITTEN)
    figures.at_most("first answer to first delivery, median", median(after), AFTER_SECONDS, "s")
    if figures.full:
        figures.at_most("restart to first delivery, median", median(firsts), first_seconds(), "s")
    figures.control("written down before it is sent", "not delivered", await without_leases(site, receiver))


async def ids(site: Site) -> set[str]:
    """The ids of all records."""
    connection = await site.connect()
    rows = await connection.fetch("SELECT id FROM kept")
    await connection.close()
    return {row["id"] for row in rows}


async def without_leases(site: Site, receiver: Receiver) -> int:
    """How many records never reach the receiver, when one kill hits a sender that writes down before it sends."""
    await deliver_at_most_once(site)
    before = await ids(site)
    receiver.reply = lambda _: Answer(delay=0.3)
    seen = len(receiver.calls)
    insert = "INSERT INTO kept (id, title) SELECT 'late ' || g, 'x' FROM generate_series(1, 200) AS g"
    await site.did(insert)
    await until(lambda: len(receiver.calls) > seen, "the first of 200 deliveries")
    await site.kill()
    receiver.reply = lambda _: Answer()
    await site.start()
    await finish(site, wait=False)
    return len(await ids(site) - before - records(receiver.calls[seen:]).keys())
