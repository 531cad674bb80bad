"""R12: who asks for what came after a position that nobody knows is told so."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest

from holdfast.events.partitions import drop_old_partitions
from holdfast.events.position import Position
from lines import cut_line, cut_socket
from reliability import faults
from reliability.figures import Figures
from reliability.site import Site
from sse import Event, dialled

TOPIC = "told/*"
HEARD_SECONDS = 0.8  # from the connection on
MOST_BYTES = 100_000
TOMORROW = -1  # keep so many days: the log begins tomorrow
INSERT = "INSERT INTO told (id, title) SELECT gen_random_uuid()::text, '' FROM generate_series(1, 5)"
Way = Callable[[Site, str], Awaitable[list[Event]]]


async def by_header(site: Site, since: str) -> list[Event]:
    """A browser that connects again."""
    return (await cut_line(site.url, TOPIC, since, MOST_BYTES, HEARD_SECONDS)).events


async def by_query(site: Site, since: str) -> list[Event]:
    """A position in the address."""
    async with dialled(site.url, f"topics={TOPIC}&since={since}") as opened:
        await asyncio.sleep(HEARD_SECONDS)
        return [await opened.next() for _ in range(opened.waiting)]


async def by_post(site: Site, since: str) -> list[Event]:
    """A position in the request that subscribes."""
    async with dialled(site.url) as opened, aiohttp.ClientSession(site.url) as guest:
        body = {"clientId": opened.id, "subscriptions": [TOPIC], "since": since}
        async with guest.post("/api/realtime", json=body) as answer:
            assert answer.status == 204, await answer.text()
        await asyncio.sleep(HEARD_SECONDS)
        return [await opened.next() for _ in range(opened.waiting)]


async def by_socket(site: Site, since: str) -> list[Event]:
    """A WebSocket."""
    return (await cut_socket(site.url, TOPIC, since, MOST_BYTES, HEARD_SECONDS)).events


WAYS: tuple[Way, ...] = (by_header, by_query, by_post, by_socket)


async def position(site: Site) -> Position:
    """Where the log stands, when everything has its number."""
    await site.relayed()
    return Position(*(await site.asked("SELECT ARRAY[epoch, seq::text] FROM holdfast.stream")))


async def begin(site: Site) -> Mapping[str, str]:
    """Let a log lose its beginning, and its epoch once; positions from which nobody can go on."""
    await site.start()
    await site.define("told")
    await site.did(INSERT)
    restored = await position(site)
    # As after a restore: the log was numbered by another database than this one.
    await site.did("UPDATE holdfast.stream SET origin = 'elsewhere'")
    await site.stop()
    await site.start()
    await site.did(INSERT)
    dropped = await position(site)
    connection = await site.connect()
    await drop_old_partitions(connection, days=TOMORROW)
    await connection.close()
    await site.did(INSERT)
    now = await position(site)
    assert now.epoch == dropped.epoch != restored.epoch
    return {
        "older than the log": f"{now.epoch}:1",
        "of the future": f"{now.epoch}:{int(now.seq) + 1000}",
        "of a database before its restore": str(restored),
        "of nowhere": f"{'0' * 12}:{now.seq}",
    }


def is_one_reset(events: list[Event]) -> bool:
    """Whether a client was told once to start afresh, that it listens from there, and nothing else."""
    told = [event for event in events if event.name != "PB_CONNECT"]
    if [event.name for event in told] != ["HF_RESET", "HF_READY"]:
        return False
    return told[0].json["reason"] == "lost" and told[0].id == told[1].id


@pytest.mark.reliability_gate
@pytest.mark.reliability("R12", "A position that is lost is said to be lost")
async def test_r12_positions_lost(site: Site, anywhere: Path, figures: Figures) -> None:
    """Clients ask to go on from a position that is older than the log, from one of the future, from one of a database
    before it was restored, and from one of a log that never was; by `Last-Event-ID`, in the address, in the request
    that subscribes, and over a WebSocket. Each has to get exactly one `HF_RESET` and then `HF_READY`: never silence,
    and never an error of the server. Who stands where the log still is gets what came since, and no `HF_RESET`.

    The control is a server that says nothing when it cannot read on.
    """
    lost = await begin(site)
    asked = [(way, since) for way in WAYS for since in lost.values()]
    heard = await asyncio.gather(*(way(site, since) for way, since in asked))
    figures.size("positions in 4 ways", gate=len(lost), full=len(lost))
    figures.exactly("told once to start afresh", sum(map(is_one_reset, heard)), len(asked))
    now = await position(site)
    await site.did(INSERT)
    await position(site)
    going_on = await asyncio.gather(*(way(site, str(now)) for way in WAYS))
    told = [[event.name for event in events if event.name != "PB_CONNECT"] for events in going_on]
    figures.exactly("who can go on, and are told of all", told.count([TOPIC] * 5 + ["HF_READY"]), len(WAYS))
    await site.stop()
    site.environment.update(faults.environment(anywhere / "faults", "no_reset"))
    await site.start()
    unheard = await asyncio.gather(*(by_header(site, since) for since in lost.values()))
    figures.control("no word of it", "not told to start afresh", sum(not is_one_reset(one) for one in unheard))
