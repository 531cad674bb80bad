"""What an attempt comes to."""

from datetime import UTC, datetime

import pytest

from holdfast.outbound.client import Received
from holdfast.webhooks.circuit import Circuit
from holdfast.webhooks.outcome import MOST_BODY_BYTES, Attempt, Outcome, answered, outcome
from holdfast.webhooks.schedule import TRIES

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPEN = Circuit(failures=9, failing_since=1.0, opened=2.0, probe_at=3.0, width=1)


def after(attempt: Attempt, tried: int = 0, circuit: Circuit | None = None) -> Outcome:
    return outcome(attempt, tried, circuit or Circuit(), 1000.0, lambda: 0.5)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_two_hundred_is_success(status: int):
    assert after(Attempt(ms=1, status=status)).ending == "delivered"


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 400, 404, 429, 500, 503, 999])
def test_everything_else_comes_again(status: int | None):
    found = after(Attempt(ms=1, status=status, error="" if status else "Nothing came."))
    assert (found.ending, found.wait, found.counts) == ("again", 5.0, True)


def test_the_last_try_is_the_last():
    assert after(Attempt(ms=1, status=500), TRIES - 2).ending == "again"
    assert after(Attempt(ms=1, status=500), TRIES - 1).ending == "dead"


def test_a_probe_uses_up_no_try_and_waits_for_the_next_probe():
    found = after(Attempt(ms=0, status=500), TRIES - 1, OPEN)
    assert (found.ending, found.wait, found.counts) == ("again", 0.0, False)
    assert found.circuit.probe_at == 1045.0


@pytest.mark.parametrize(
    ("status", "asked", "probe_at"),
    [
        pytest.param(500, 1.0, 1045.0, id="no sooner than other probes"),
        pytest.param(500, 600.0, 1600.0, id="later"),
        pytest.param(503, 1.0, 1001.0, id="as soon as one that is busy asks for it"),
        pytest.param(503, 0.01, 1001.0, id="not at once"),
        pytest.param(503, 600.0, 1600.0, id="later because it is busy"),
        pytest.param(503, 86_400.0, 4600.0, id="within an hour at the latest"),
    ],
)
def test_a_probe_waits_for_as_long_as_the_receiver_asks_up_to_an_hour(status: int, asked: float, probe_at: float):
    assert after(Attempt(ms=0, status=status, retry_after=asked), 0, OPEN).circuit.probe_at == probe_at


@pytest.mark.parametrize(
    ("status", "asked", "is_open"),
    [(429, 7.0, True), (502, 7.0, True), (503, 7.0, True), (504, 7.0, True), (503, None, False), (500, 7.0, False)],
)
def test_a_receiver_that_asks_for_time_gets_it_for_all_that_waits(status: int, asked: float | None, is_open: bool):
    found = after(Attempt(ms=1, status=status, retry_after=asked))
    assert found.circuit.is_open is is_open
    assert found.counts, "this one was tried"
    if is_open:
        assert found.circuit.probe_at == 1007.0


def test_a_probe_that_is_not_answered_does_not_put_off_the_next_one():
    assert after(Attempt(ms=15_000, error="There was no answer."), 0, OPEN).circuit.probe_at == 1030.0
    assert after(Attempt(ms=60_000, error="There was no answer."), 0, OPEN).circuit.probe_at == 1000.0


def test_gone_is_the_end():
    found = after(Attempt(ms=1, status=410))
    assert (found.ending, found.is_gone) == ("dead", True)


def test_what_is_kept_of_an_answer_fits_into_the_database():
    headers = {f"x-{number}": "é\udcff\0" + "x" * 5000 for number in range(50)}
    found = answered(Received(500, headers, b"\xff\0" + b"y" * 100_000), 7, NOW)
    kept = [found.body, *found.headers, *found.headers.values()]
    assert not any("\0" in text for text in kept)
    assert all(text.encode() for text in kept)
    assert (len(found.headers), len(found.body)) == (20, MOST_BODY_BYTES)
    assert max(map(len, found.headers.values())) == 1000
