"""Answers of other servers that are kept for a while."""

import asyncio
from typing import Any

import pytest

from holdfast.http.keeping import MOST_KEPT, Keeping


class Other:
    """A server that counts how often it is asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.keeping = Keeping(lambda: self.now)

    async def answer(self) -> dict[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        return {"number": self.asked}

    async def get(self, address: str = "a", seconds: float = 60) -> Any:
        return (await self.keeping.get(address, self.answer, seconds=seconds))["number"]


async def test_an_answer_is_asked_for_again_when_it_is_too_old_for_whoever_wants_it() -> None:
    other = Other()
    assert [await other.get(), await other.get()] == [1, 1]
    other.now = 30
    assert [await other.get(), await other.get(seconds=10), await other.get()] == [1, 2, 2]
    other.now = 91
    assert await other.get() == 3


async def test_each_address_has_its_own() -> None:
    other = Other()
    assert [await other.get("a"), await other.get("b"), await other.get("a")] == [1, 2, 1]


async def test_many_at_once_ask_once() -> None:
    other = Other()
    assert await asyncio.gather(*(other.get() for _ in range(20))) == [1] * 20


async def test_what_fails_is_not_kept() -> None:
    other = Other()

    async def fail() -> dict[str, Any]:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await other.keeping.get("a", fail, seconds=60)
    assert await other.get() == 1


async def test_what_is_kept_has_an_end() -> None:
    other = Other()
    for number in range(MOST_KEPT + 1):
        await other.get(str(number))
    assert await other.get("0") == MOST_KEPT + 2
    assert await other.get(str(MOST_KEPT)) == MOST_KEPT + 1
