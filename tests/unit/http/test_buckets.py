"""Token buckets of one process, by a clock that goes only when told to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.http.buckets import MOST_KEPT, Buckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def passes(buckets: Buckets, most: int, seconds: int, many: int = 1, key: str = "a") -> bool:
    return (await buckets.take(key, most, seconds, many)).passes


async def test_a_full_bucket_gives_all_its_tokens_at_once_and_then_one_by_one():
    clock = Clock()
    buckets = Buckets(clock=clock)
    assert [await passes(buckets, 3, 60) for _ in range(4)] == [True, True, True, False]
    clock.now += 20
    assert [await passes(buckets, 3, 60) for _ in range(2)] == [True, False]
    clock.now += 600
    assert [await passes(buckets, 3, 60) for _ in range(4)] == [True, True, True, False], "and never more than it holds"


@pytest.mark.parametrize(
    ("many", "seconds"),
    [
        pytest.param(1, 20.0, id="one token"),
        pytest.param(2, 40.0, id="two tokens"),
        pytest.param(3, 60.0, id="all of them"),
    ],
)
async def test_who_is_refused_hears_when_there_are_enough(many: int, seconds: float):
    clock = Clock()
    buckets = Buckets(clock=clock)
    await buckets.take("a", 3, 60, 3)
    taken = await buckets.take("a", 3, 60, many)
    assert (taken.passes, taken.seconds) == (False, pytest.approx(seconds))
    clock.now += seconds
    assert await passes(buckets, 3, 60, many)


async def test_what_is_refused_takes_nothing():
    buckets = Buckets(clock=Clock())
    assert not await passes(buckets, 3, 60, many=4)
    assert await passes(buckets, 3, 60, many=3)


async def test_each_key_has_its_own_bucket():
    buckets = Buckets(clock=Clock())
    assert [await passes(buckets, 1, 60, key=key) for key in "aba"] == [True, True, False]


async def test_the_bucket_untouched_for_longest_is_forgotten_first():
    buckets = Buckets(clock=Clock())
    for number in range(MOST_KEPT):
        await buckets.take(str(number), 2, 60)
    await buckets.take("0", 2, 60)
    await buckets.take("one more", 2, 60)
    assert not await passes(buckets, 2, 60, key="0")
    assert [await passes(buckets, 2, 60, key="1") for _ in range(3)] == [True, True, False]


@given(
    most=st.integers(1, 1000),
    seconds=st.integers(1, 86_400),
    steps=st.lists(st.floats(0, 100), min_size=1, max_size=60),
)
async def test_no_more_pass_than_a_full_bucket_and_what_flows_in(most: int, seconds: int, steps: list[float]):
    clock = Clock()
    buckets = Buckets(clock=clock)
    passed = 0
    for step in steps:
        clock.now += step
        passed += await passes(buckets, most, seconds)
    allowed = min(len(steps), int(most + sum(steps[1:]) * most / seconds + 0.001))
    assert passed <= allowed
    if len(steps) <= most:
        assert passed == len(steps)
