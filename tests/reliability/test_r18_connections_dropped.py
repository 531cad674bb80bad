"""R18: the database drops its connections, or restarts, and no client gets a wrong answer."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from reliability.figures import Figures
from reliability.site import Site, until

READERS = 4  # of each sort
HEALTHY_SECONDS = 5.0
HANG_SECONDS = 10.0
QUIET_SECONDS = 0.2  # between two blows
END_ALL = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Clients:
    """Clients that read, list and write without a pause, and look at each answer."""

    def __init__(self, site: Site, known: str) -> None:
        self.site = site
        self.known = known
        self.wrong: list[str] = []
        self.answers = 0
        self.refused = 0
        self.slowest = 0.0
        self.good: dict[int, float] = {}
        self.stopped = False

    async def run(self) -> None:
        """All of them, until `stopped`."""
        looks = (self._get, self._list, self._create)
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(self.site.url, timeout=timeout) as session:
            await asyncio.gather(
                *(self._repeat(number, looks[number % len(looks)], session) for number in range(READERS * len(looks)))
            )

    async def _repeat(
        self, number: int, look: Callable[[aiohttp.ClientSession], Awaitable[bool]], session: aiohttp.ClientSession
    ) -> None:
        while not self.stopped:
            began = time.monotonic()
            try:
                if await look(session):
                    self.good[number] = began
            except (aiohttp.ClientError, OSError) as failure:
                self.wrong.append(f"no answer: {failure!r}")
            self.answers += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.005)

    async def _get(self, session: aiohttp.ClientSession) -> bool:
        async with session.get(f"/api/collections/kept/records/{self.known}") as answer:
            return await self._judge(answer, lambda body: body["id"] == self.known)

    async def _list(self, session: aiohttp.ClientSession) -> bool:
        async with session.get("/api/collections/kept/records?perPage=5&sort=id") as answer:
            return await self._judge(answer, lambda body: len(body["items"]) == 5)

    async def _create(self, session: aiohttp.ClientSession) -> bool:
        async with session.post("/api/collections/kept/records", json={"title": "new"}) as answer:
            return await self._judge(answer, lambda body: body["title"] == "new")

    async def _judge(self, answer: aiohttp.ClientResponse, right: Callable[[dict[str, Any]], bool]) -> bool:
        body = await answer.json()
        if answer.status == 200 and right(body):
            return True
        if answer.status == 503 and "Retry-After" in answer.headers:
            self.refused += 1
        else:
            self.wrong.append(f"{answer.method} {answer.url.path}: {answer.status} {body}")
        return False

    async def healthy(self, since: float) -> float:
        """Wait until each has had a good answer to a request that it sent later; the seconds that took."""
        everybody = READERS * 3
        await until(lambda: sum(at > since for at in self.good.values()) == everybody, "good answers for everybody")
        return time.monotonic() - since


class Kept:
    """One connection that is kept for ever, as programs without a pool do."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.failures = 0

    async def ask(self, blow: Callable[[], Awaitable[None]], times: int) -> None:
        """Ask so many times after a blow."""
        connection = await self._site.connect()
        await connection.fetchval("SELECT 1")
        await blow()
        for _ in range(times):
            try:
                await connection.fetchval("SELECT count(*) FROM kept")
            except Exception:  # whatever it is, there is no answer
                self.failures += 1
        connection.terminate()


@pytest.mark.reliability_gate
@pytest.mark.reliability("R18", "The database drops its connections")
async def test_r18_connections_dropped(site: Site, figures: Figures) -> None:
    """Twelve clients get a record, list records and make some, without a pause. Again and again all connections to
    PostgreSQL are ended at once (`pg_terminate_backend`), and a few times PostgreSQL is restarted under the server. An
    answer may be right, or 503 with `Retry-After`; a 404 for a record that is there, a list without its records, a 500,
    a broken connection or a hanging request is wrong. All clients have to be served again within 5 seconds.

    The control is a connection that is kept without looking whether it is alive: after the first blow it never answers
    again.
    """
    blows = figures.size("times all connections ended", gate=6, full=20)
    restarts = figures.size("restarts of PostgreSQL", gate=2, full=3)
    await site.start()
    await site.define("kept")
    known = [(await site.post("/api/collections/kept/records", {"title": f"{number}"}))["id"] for number in range(5)]
    clients = Clients(site, known[0])
    running = asyncio.create_task(clients.run())
    healed: list[float] = []

    async def end_all() -> None:
        await site.asked(END_ALL, superuser=True)

    try:
        await clients.healthy(time.monotonic())
        for turn in range(blows + restarts):
            began = time.monotonic()
            if turn < blows:
                await end_all()
            else:
                await restart(site)
            await asyncio.sleep(QUIET_SECONDS)
            healed.append(await clients.healthy(began + QUIET_SECONDS) + QUIET_SECONDS)
    finally:
        clients.stopped = True
        await running
    figures.came_to("answers", clients.answers)
    assert clients.wrong[:5] == []
    figures.at_most("wrong answers", len(clients.wrong), 0)
    figures.at_most("served again", max(healed), HEALTHY_SECONDS, "s")
    figures.at_most("slowest answer", clients.slowest, HANG_SECONDS, "s")
    kept = Kept(site)
    await kept.ask(end_all, 10)
    figures.control("one connection for ever", "of 10 questions without answer", kept.failures)


async def restart(site: Site) -> None:
    """A fast shutdown of PostgreSQL that the server did not ask for: it starts it again."""
    was = site.postmaster()
    os.kill(was, signal.SIGINT)
    await until(lambda: again(site, was), "another postmaster")


def again(site: Site, was: int) -> bool:
    """Whether another postmaster runs."""
    try:
        return site.postmaster() != was
    except (OSError, IndexError, ValueError):  # it is being written
        return False
