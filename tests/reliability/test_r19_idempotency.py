"""R19: whoever asks twice with one key is served once, whatever happened to the first answer."""

import asyncio
import random
from typing import Any

import aiohttp
import pytest

from reliability.figures import Figures
from reliability.site import Site, until, untold

RECORDS = "/api/collections/kept/records"
AGAIN_SECONDS = 0.05
TRIES = 200


async def asked(site: Site, title: str, key: str) -> tuple[int, Any]:
    """One request; with a key if there is one."""
    return await site.ask("POST", RECORDS, {"title": title}, headers={"Idempotency-Key": key} if key else {})


async def insisted(site: Site, title: str, key: str) -> Any:
    """Ask until the answer is 200, as the page about retries says; the record."""
    for _ in range(TRIES):
        try:
            status, answer = await asked(site, title, key)
        except (aiohttp.ClientError, OSError):
            status, answer = 503, None
        if status == 200:
            return answer
        assert status in (409, 503), (status, answer)
        await asyncio.sleep(AGAIN_SECONDS)
    raise AssertionError(f"no answer to {title} after {TRIES} tries")


async def answers_lost(site: Site, titles: list[str], chance: random.Random, *, keys: bool) -> int:
    """Send all at once, kill the server while it is at work, throw every answer away, and send all again.

    Returns how many were done before the kill.
    """
    first = [asyncio.create_task(asked(site, title, title if keys else "")) for title in titles]
    await until(lambda: sum(one.done() for one in first) >= len(titles) // 10, "the first answers")
    await asyncio.sleep(chance.uniform(0, 0.01))
    await site.kill()
    await asyncio.gather(*first, return_exceptions=True)
    await site.start()
    done = await rows(site, titles[0].rpartition("-")[0] + "-")
    await asyncio.gather(*(insisted(site, title, title if keys else "") for title in titles))
    return done


async def rows(site: Site, prefix: str) -> int:
    """How many records have such a title."""
    return int(await site.asked("SELECT count(*) FROM kept WHERE starts_with(title, $1)", prefix))


@pytest.mark.reliability_gate
@pytest.mark.reliability("R19", "Idempotency-Key")
async def test_r19_idempotency(site: Site, figures: Figures) -> None:
    """Many clients send the same request with the same `Idempotency-Key` at the same moment, and each repeats it until
    it has a good answer: one record and one event may come of it, and all answers are alike. The same key with another
    body is refused with 422. Then requests with a key each are sent, and the server is killed while it is at work: some
    are done, some are not, and no client knows which, because all answers are thrown away. All are sent again, and each
    may have made one record.

    The control is the same without keys.
    """
    clients = figures.size("requests at once with one key", gate=200, full=200)
    kills = figures.size("kills", gate=1, full=20)
    many = figures.size("requests at each kill", gate=200, full=200)
    chance = random.Random(19)
    await site.start()
    await site.define("kept")
    answers = await asyncio.gather(*(insisted(site, "one", "the-key") for _ in range(clients)))
    figures.exactly("records of one key", await rows(site, "one"), 1)
    figures.exactly("different answers", len({answer["id"] for answer in answers}), 1)
    status, refusal = await asked(site, "another", "the-key")
    assert (status, refusal["code"]) == (422, "idempotency_mismatch")
    done = 0
    for turn in range(kills):
        done += await answers_lost(site, [f"keyed-{turn}-{number}" for number in range(many)], chance, keys=True)
    figures.came_to("done before a kill", done)
    figures.at_most("made twice", await rows(site, "keyed") - kills * many, 0)
    figures.at_least("made", await rows(site, "keyed"), kills * many)
    apart = await untold(site, "kept")
    figures.at_most("records and events that do not belong together", sum(apart.values()), 0)
    await asyncio.gather(*(insisted(site, "without", "") for _ in range(clients)))
    await answers_lost(site, [f"keyless-{number}" for number in range(many)], chance, keys=False)
    figures.control("without a key", "made twice", await rows(site, "keyless") - many)
    figures.control("without a key", "records of one request", await rows(site, "without"), beyond=1)
