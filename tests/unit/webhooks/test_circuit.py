"""When an endpoint is asked, and by how many requests at once."""

import pytest

from holdfast.webhooks.circuit import BUSY_FAILURES, DISABLED_AFTER, FAILURES, WARNINGS, WIDEST, Circuit

NOW = 1_800_000_000.0


def middle() -> float:
    return 0.5


def failing(times: int, *, every: float, start: Circuit | None = None, busy: bool = False) -> Circuit:
    found = start or Circuit()
    for number in range(times):
        found = found.failed(NOW + number * every, middle, busy=busy)
    return found


def test_a_healthy_endpoint_gets_many_requests_at_once():
    assert Circuit().room(NOW, 0) == WIDEST
    assert Circuit().room(NOW, 10) == WIDEST - 10
    assert Circuit().room(NOW, WIDEST + 3) == 0


def test_it_opens_after_five_failures_in_a_row_over_thirty_seconds():
    assert not failing(FAILURES - 1, every=60).is_open
    assert failing(FAILURES, every=7.5).is_open
    assert not failing(FAILURES, every=7).is_open, "all within thirty seconds may be one hiccup"
    assert failing(FAILURES + 1, every=7).is_open


def test_it_opens_sooner_for_a_receiver_that_has_too_much_to_do():
    assert not failing(BUSY_FAILURES - 1, every=10, busy=True).is_open
    assert failing(BUSY_FAILURES, every=2.5, busy=True).is_open
    assert not failing(FAILURES, every=1, busy=True).is_open, "all within five seconds may be a restart"


def test_a_success_in_between_begins_the_count_anew():
    found = failing(FAILURES - 1, every=60).succeeded()
    assert not failing(FAILURES - 1, every=60, start=found).is_open


def test_while_it_is_open_one_probe_goes_out_and_no_more():
    found = failing(FAILURES, every=10)
    assert found.room(NOW + 50, 0) == 0
    assert found.probe_at == NOW + 40 + 45
    assert found.room(found.probe_at, 0) == 1
    assert found.room(found.probe_at, 1) == 0


def test_a_probe_that_fails_puts_the_next_one_off_and_leaves_it_open():
    found = failing(FAILURES, every=10)
    later = found.failed(found.probe_at, middle)
    assert later.is_open
    assert later.opened == found.opened
    assert later.probe_at == found.probe_at + 45


def test_the_time_between_probes_is_thirty_to_sixty_seconds():
    found = failing(FAILURES, every=10)
    assert found.failed(NOW, lambda: 0.0).probe_at == NOW + 30
    assert found.failed(NOW, lambda: 1.0).probe_at == NOW + 60


def test_the_first_success_closes_it_and_the_backlog_goes_slowly_at_first():
    found = failing(FAILURES, every=10).succeeded()
    assert not found.is_open
    widths: list[int] = []
    for _ in range(6):
        widths.append(found.room(NOW, 0))
        found = found.succeeded()
    assert widths == [1, 2, 4, 8, 16, 16]


def test_five_days_of_nothing_but_failure_are_the_end():
    found = failing(FAILURES, every=10)
    assert not found.is_given_up(NOW + DISABLED_AFTER - 1)
    assert found.is_given_up(NOW + DISABLED_AFTER)
    assert not found.succeeded().is_given_up(NOW + DISABLED_AFTER)
    assert not Circuit().is_given_up(NOW)


@pytest.mark.parametrize(
    ("share", "warned", "due"),
    [
        pytest.param(0.49, 0, 0, id="not yet"),
        pytest.param(0.5, 0, 50, id="the half of the time is over"),
        pytest.param(0.79, 50, 0, id="that was told"),
        pytest.param(0.8, 50, 80, id="it comes nearer"),
        pytest.param(0.9, 80, 0, id="both were told"),
        pytest.param(0.9, 0, 80, id="nobody was there to tell the first"),
    ],
)
def test_a_warning_is_due_at_its_time_and_once(share: float, warned: int, due: int):
    found = Circuit(failures=9, failing_since=NOW, warned=warned)
    assert found.warning(NOW + share * DISABLED_AFTER) == due


def test_a_success_makes_all_warnings_come_anew():
    found = Circuit(failures=9, failing_since=NOW, opened=NOW, warned=WARNINGS[-1])
    assert found.failed(NOW + 10, middle).warned == WARNINGS[-1]
    assert found.succeeded().warned == 0
    assert Circuit().warning(NOW) == 0
