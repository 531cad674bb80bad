"""When an endpoint is asked, and by how many requests at once."""

from holdfast.webhooks.circuit import DISABLED_AFTER, FAILURES, WIDEST, Circuit

NOW = 1_800_000_000.0


def middle() -> float:
    return 0.5


def failing(times: int, *, every: float, start: Circuit | None = None) -> Circuit:
    found = start or Circuit()
    for number in range(times):
        found = found.failed(NOW + number * every, middle)
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
