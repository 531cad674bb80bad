"""Requests are counted by method, route and status, and nobody can make up a label."""

import pytest

from holdfast.metrics.requests import BOUNDS_MS, MOST_KEPT, OTHER, RequestCount, RequestCounts
from holdfast.observe import RequestSeen

ROUTE = "/api/collections/{collection}/records"


class Told:
    def __init__(self) -> None:
        self.requests: list[RequestSeen] = []

    def request(self, seen: RequestSeen) -> None:
        self.requests.append(seen)


def seen(method: str = "GET", route: str = ROUTE, status: int = 200, ms: float = 2.0) -> RequestSeen:
    return RequestSeen(0.0, ms, "id", method, route, "/api/collections/posts/records", status, "guest", "posts", 10)


def counted(*requests: RequestSeen) -> tuple[RequestCount, ...]:
    counts = RequestCounts(Told())
    for one in requests:
        counts.request(one)
    return counts.now()


def test_what_is_alike_is_counted_together():
    (found,) = counted(seen(ms=2.0), seen(ms=3.0))
    assert (found.method, found.route, found.status, found.ms, sum(found.spread)) == ("GET", ROUTE, 200, 5.0, 2)


def test_method_route_and_status_are_counted_apart():
    found = counted(seen(), seen(method="POST"), seen(route="/api/health"), seen(status=404))
    assert len(found) == 4


@pytest.mark.parametrize(
    ("ms", "place"),
    [
        pytest.param(0.0, 0, id="no time"),
        pytest.param(BOUNDS_MS[0], 0, id="the first bound itself"),
        pytest.param(BOUNDS_MS[0] + 0.1, 1, id="just over it"),
        pytest.param(BOUNDS_MS[-1], len(BOUNDS_MS) - 1, id="the last bound itself"),
        pytest.param(BOUNDS_MS[-1] * 10, len(BOUNDS_MS), id="longer than all"),
    ],
)
def test_a_time_has_its_place_in_the_histogram(ms: float, place: int):
    (found,) = counted(seen(ms=ms))
    assert [at for at, some in enumerate(found.spread) if some] == [place]


def test_a_path_that_fits_no_route_and_a_method_that_is_none_are_others():
    (found,) = counted(seen(method="BREW", route=""))
    assert (found.method, found.route) == (OTHER, OTHER)


def test_methods_that_somebody_makes_up_take_no_place():
    assert len(counted(*(seen(method=f"M{number}") for number in range(100)))) == 1


def test_there_is_an_end_to_what_is_counted_apart():
    found = counted(*(seen(status=status) for status in range(MOST_KEPT + 50)))
    assert len(found) == MOST_KEPT + 1
    assert (found[-1].route, sum(found[-1].spread)) == (OTHER, 50)


def test_the_log_is_still_told():
    told = Told()
    RequestCounts(told).request(seen())
    assert told.requests == [seen()]
