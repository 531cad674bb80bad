"""When a delivery is tried again."""

from datetime import UTC, datetime

import pytest

from holdfast.webhooks.schedule import HOUR, LONGEST_AFTER, MINUTE, TRIES, WAITS, next_wait, read_retry_after

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def middle() -> float:
    return 0.5


def test_the_waits_are_those_of_the_specification():
    assert WAITS == (
        0,
        5,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
    )


def test_the_waits_follow_each_other_and_then_it_is_over():
    assert [next_wait(tried, middle) for tried in range(TRIES + 1)] == [*WAITS, None]


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_a_wait_is_a_fifth_shorter_or_longer(chance: float, wait: float):
    assert next_wait(1, lambda: chance) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        pytest.param(None, 5.0, id="nothing"),
        pytest.param(1.0, 5.0, id="less than its turn"),
        pytest.param(60.0, 60.0, id="more"),
        pytest.param(1e9, LONGEST_AFTER, id="more than a day"),
    ],
)
def test_a_receiver_may_ask_for_more_time(asked: float | None, wait: float):
    assert next_wait(1, middle, asked) == wait


def test_asking_for_more_time_gives_no_further_try():
    assert next_wait(TRIES, middle, 60.0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("120", 120.0, id="seconds"),
        pytest.param(" 0 ", 0.0, id="no time"),
        pytest.param("9" * 40, LONGEST_AFTER, id="more seconds than a number holds"),
        pytest.param("Sat, 21 Nov 2026 12:01:30 GMT", 90.0, id="a date"),
        pytest.param("Sat, 21 Nov 2026 11:00:00 GMT", 0.0, id="a date that has passed"),
        pytest.param("Sat, 21 Nov 2026 12:01:30", 90.0, id="a date without its zone"),
        pytest.param("soon", None, id="a word"),
        pytest.param("-5", None, id="less than nothing"),
        pytest.param("²", None, id="no digit of ASCII"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None):
    assert read_retry_after(header, NOW) == seconds
