"""What happens too often is counted: the first is told at once, the others together."""

import asyncio
from typing import Any, cast

import pytest

from holdfast.audit import tally as tallies
from holdfast.audit.author import SERVER
from holdfast.audit.entry import Entry, Target
from holdfast.audit.tally import Tally
from holdfast.db.pool import Pool

NO_POOL = cast(Pool, None)


def refused(id: str) -> Entry:
    return Entry(action="key.refused", target=Target("key", id), outcome="failure", reason="expired")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []

    async def write_after(pool: Any, author: Any, entry: Entry) -> None:
        found.append((entry.target.id, (entry.details or {})["count"]))

    monkeypatch.setattr(tallies, "write_after", write_after)
    return found


async def test_the_first_is_told_at_once_and_the_rest_at_the_end(told: list[tuple[str, int]]) -> None:
    tally = Tally()
    for _ in range(1000):
        tally.add(NO_POOL, "a", SERVER, refused("a"))
    tally.add(NO_POOL, "b", SERVER, refused("b"))
    await asyncio.sleep(0)
    assert told == [("a", 1), ("b", 1)]
    await tally.close()
    assert told == [("a", 1), ("b", 1), ("a", 999)]


async def test_a_window_that_is_over_is_told_and_then_forgotten(told: list[tuple[str, int]]) -> None:
    tally = Tally(window=0.02)
    tally.add(NO_POOL, "a", SERVER, refused("a"))
    tally.add(NO_POOL, "a", SERVER, refused("a"))
    for _ in range(200):
        if len(told) == 2:
            break
        await asyncio.sleep(0.01)
    assert told == [("a", 1), ("a", 1)]
    await asyncio.sleep(0.06)
    tally.add(NO_POOL, "a", SERVER, refused("a"))
    await tally.close()
    assert told == [("a", 1)] * 3


async def test_more_things_than_are_kept_are_counted_together(told: list[tuple[str, int]]) -> None:
    tally = Tally(most=2)
    for at in range(10):
        tally.add(NO_POOL, at, SERVER, refused(str(at)))
    await tally.close()
    assert [count for _, count in told] == [1, 1, 1, 7]
