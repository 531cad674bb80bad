"""R9: a client whose line breaks again and again hears everything, once and in order."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from lines import Listen, cut_line, cut_socket
from reliability.figures import Figures
from reliability.site import Site
from sse import dialled

TOPIC = "flowing/*"
WAYS = (cut_line, cut_socket)
EVENT_BYTES = 250  # about
MOST_SECONDS = 1.0  # that a line is open
RATE = 1000  # events a second
AT_ONCE = 20
FORGETFUL = 12
INSERT = "INSERT INTO flowing (id, n) SELECT 'f' || n, n FROM generate_series($1::int, $2::int) AS n"


class Client:
    """One that comes again with the id of the last event that it has seen."""

    def __init__(self, url: str, listen: Listen, since: str) -> None:
        self._url = url
        self._listen = listen
        self.since = since
        self.seqs: list[int] = []
        self.numbers: list[int] = []
        self.resets = 0
        self.in_the_middle = 0
        self.started_afresh = 0

    async def hear(self, most_bytes: int) -> None:
        """Hear until the line breaks."""
        heard = await self._listen(self._url, TOPIC, self.since, most_bytes, MOST_SECONDS)
        self.resets += 1
        self.in_the_middle += heard.cut
        self.started_afresh += sum(event.name == "HF_RESET" for event in heard.events)
        told = [event for event in heard.events if event.name == TOPIC]
        self.seqs += [int(event.id.split(":")[1]) for event in told]
        self.numbers += [event.json["record"]["n"] for event in told]
        self.since = next((event.id for event in reversed(heard.events) if ":" in event.id), self.since)

    async def hear_all(self, count: int, resets: int, chance: random.Random) -> None:
        """Hear so many events over so many lines, or some more."""
        most = round(1.5 * count * EVENT_BYTES / resets)
        async with asyncio.timeout(120 + count / 50):
            while self.resets < resets or len(self.numbers) < count:
                await self.hear(chance.randint(1, most))


async def flow(site: Site, first: int, count: int) -> None:
    """So many events, evenly."""
    connection = await site.connect()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for at in range(0, count, AT_ONCE):
        await connection.execute(INSERT, first + at, first + min(at + AT_ONCE, count) - 1)
        await asyncio.sleep(max(0.0, began + at / RATE - loop.time()))
    await connection.close()


def missing(seqs: Sequence[int], first: int) -> int:
    """How many numbers from `first` to the last one are not there."""
    return max(seqs) - first + 1 - len(set(seqs)) if seqs else 0


@pytest.mark.reliability_gate
@pytest.mark.reliability("R9", "Clients that are dropped a hundred times")
async def test_r09_lines_reset(site: Site, figures: Figures) -> None:
    """Events flow, and two clients hear them from a server of two processes: one by server-sent events, one over a
    WebSocket. After a random number of bytes, often in the middle of an event, each resets its connection, and
    connects anew with the id of the last event that it has seen as a whole. Each has to see every `seq` in order,
    none twice, and nobody may be told to start afresh.

    The control is a client that does not say what it had last.
    """
    resets = figures.size("resets each", gate=30, full=100)
    count = figures.size("events", gate=3_000, full=20_000)
    await site.start("--workers", "2")
    await site.define("flowing", {"name": "n", "type": "number"})
    async with dialled(site.url, f"topics={TOPIC}") as opened:
        since = (await opened.next_of("HF_READY")).id
    clients = [Client(site.url, listen, since) for listen in WAYS]
    hearing = [client.hear_all(count, resets, random.Random(at)) for at, client in enumerate(clients)]
    await asyncio.gather(flow(site, 0, count), *hearing)
    for name, client in zip(("events", "WebSocket"), clients, strict=True):
        first = int(since.split(":")[1]) + 1
        ordered = sorted(set(client.seqs))
        figures.at_least(f"{name}: resets", client.resets, resets)
        figures.at_least(f"{name}: in the middle of an event", client.in_the_middle, 1)
        figures.at_most(f"{name}: missing", missing(client.seqs, first) + count - len(set(client.numbers)), 0)
        figures.at_most(f"{name}: twice", len(client.seqs) - len(ordered), 0)
        figures.at_most(f"{name}: out of order", sum(a != b for a, b in zip(client.seqs, ordered, strict=True)), 0)
        figures.at_most(f"{name}: told to start afresh", client.started_afresh, 0)
    figures.control("a client that forgets its place", "missing", await forgetful(site, count))


async def forgetful(site: Site, first: int) -> int:
    """How many events a client misses that begins anew each time."""
    client = Client(site.url, cut_line, "")
    flowing = asyncio.create_task(flow(site, first, 1000))
    for _ in range(FORGETFUL):
        await client.hear(30 * EVENT_BYTES)
        client.since = ""
    await flowing
    return missing(client.seqs, min(client.seqs))
