"""Clients that make records over HTTP one after another, whatever happens to the server in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import aiohttp

from reliability.site import Site, until

ANSWER_SECONDS = 30.0
AGAIN_SECONDS = 0.02


class Writers:
    """`acknowledged`: the titles and ids of records whose making was answered with 200.

    `wrong` has answers that no client should get: all but 200, and 503 with Retry-After. `broken` are requests that
    got no answer. `slowest` is the longest that any answer took, in seconds; `times` are those of acknowledgements.
    """

    def __init__(self, site: Site, collection: str) -> None:
        self.url = f"{site.url}/api/collections/{collection}/records"
        self.acknowledged: dict[str, str] = {}
        self.wrong: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.refused = 0
        self.slowest = 0.0
        self.times: list[float] = []
        self.stopped = False

    async def write(self, number: int) -> None:
        """One client: a record after another until `stopped`."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            count = 0
            while not self.stopped:
                count += 1
                title = f"writer {number}, record {count}"
                began = time.monotonic()
                try:
                    async with session.post(self.url, json={"title": title}) as answer:
                        await self._take(title, answer)
                except (aiohttp.ClientError, OSError) as failure:  # a TimeoutError is an OSError
                    self.broken[title] = failure
                    await asyncio.sleep(AGAIN_SECONDS)
                self.slowest = max(self.slowest, time.monotonic() - began)

    async def _take(self, title: str, answer: aiohttp.ClientResponse) -> None:
        text = await answer.text()
        if answer.status == 200:
            self.acknowledged[title] = (await answer.json())["id"]
            self.times.append(time.monotonic())
        elif answer.status == 503 and "Retry-After" in answer.headers:
            self.refused += 1
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            self.wrong.append(f"{answer.status} {text}")

    def longest_pause(self, since: float) -> float:
        """The longest time without an acknowledgement, from a moment on, in seconds."""
        times = [since, *(at for at in self.times if at > since), time.monotonic()]
        return max(after - before for before, after in pairwise(times))

    async def more(self, count: int) -> float:
        """Wait until this many more are acknowledged; the seconds that took."""
        goal = len(self.acknowledged) + count
        return await until(lambda: len(self.acknowledged) >= goal, f"{count} more records")


@asynccontextmanager
async def writing(site: Site, collection: str, count: int) -> AsyncIterator[Writers]:
    """So many clients that write during the block; after it each has its last answer."""
    writers = Writers(site, collection)
    tasks = [asyncio.create_task(writers.write(number)) for number in range(count)]
    try:
        yield writers
    finally:
        writers.stopped = True
        await asyncio.gather(*tasks)
