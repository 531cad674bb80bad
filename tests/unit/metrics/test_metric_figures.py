"""What happened in a stretch of time adds up: of processes, of stretches, and across a restart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.metrics.figures import (
    MOST_ROUTES,
    Figures,
    Gauge,
    RouteFigures,
    beside,
    bounded,
    in_turn,
    of_process,
    of_totals,
    quantile,
    spread_of,
)
from holdfast.metrics.process import ProcessState
from holdfast.metrics.requests import BOUNDS_MS, RequestCount
from holdfast.metrics.worker_report import CacheUse, PoolState, WorkerReport

PLACES = len(BOUNDS_MS) + 1
spreads = st.lists(st.integers(0, 50), min_size=PLACES, max_size=PLACES).map(tuple)


def spread(**counts: int) -> tuple[int, ...]:
    """A histogram by its places: at2=5 is five requests of 2.5 to 5 ms."""
    return tuple(counts.get(f"at{place}", 0) for place in range(PLACES))


def route(count: int = 1, ms: float = 2.0) -> RouteFigures:
    return RouteFigures(count, 0, 0, ms, spread(at1=count))


def report(requests: int = 0, status: int = 200, cpu: float = 0.0, hits: int = 0) -> WorkerReport:
    counted = (RequestCount("GET", "/api/health", status, requests * 2.0, spread(at1=requests)),) if requests else ()
    return WorkerReport(
        worker=1,
        started=0.0,
        requests=counted,
        pool=PoolState(10, 2, 1, 0),
        caches=(CacheUse("plans", hits, 0),),
        connections=3,
        topics=4,
        process=ProcessState(1000, cpu, None),
        messages=hits,
    )


def test_counters_are_what_came_between_two_looks():
    found = of_process(report(3, cpu=1.0, hits=5), report(10, cpu=1.5, hits=9))
    assert (found.counts, found.routes["GET /api/health"].requests) == (
        {"cpu": 0.5, "messages": 4.0, "plans_hits": 4.0},
        7,
    )


def test_a_process_that_begins_anew_makes_nothing_negative():
    before, again = of_process(None, report(10, cpu=2.0)), of_process(None, report(1, cpu=0.1))
    found = in_turn([before, again])
    assert (found.routes["GET /api/health"].requests, found.counts["cpu"]) == (11, pytest.approx(2.1))


def test_what_goes_up_and_down_is_not_told_by_a_process_that_ends():
    assert of_process(None, report(), ends=True).gauges == {}


@pytest.mark.parametrize(("status", "expected"), [(200, (4, 0, 0)), (404, (4, 4, 0)), (503, (4, 0, 4))])
def test_requests_are_told_by_how_they_ended(status: int, expected: tuple[int, int, int]):
    found = of_process(None, report(4, status)).routes["GET /api/health"]
    assert (found.requests, found.refused, found.failed) == expected


def test_what_processes_hold_at_the_same_time_is_added():
    found = beside([Figures(gauges={"memory": Gauge(10, 1, 10)}), Figures(gauges={"memory": Gauge(20, 1, 20)})])
    assert (found.gauges["memory"], found.seconds) == (Gauge(30, 1, 30), 60)


def test_what_is_held_in_one_stretch_after_another_is_not_added():
    found = in_turn([Figures(gauges={"memory": Gauge(10, 1, 10)}), Figures(gauges={"memory": Gauge(20, 1, 20)})])
    assert (found.gauges["memory"], found.seconds) == (Gauge(30, 2, 20), 120)


def test_counters_that_outlive_processes_grow_by_what_is_new():
    assert of_totals({"events": 5, "jobs": 9, "old": 3}, {"events": 8, "jobs": 2, "new": 4}) == {"events": 3}


def test_only_the_busiest_routes_are_told_apart():
    found = bounded({f"GET /{at}": route(at + 1) for at in range(MOST_ROUTES * 2)})
    assert (len(found), sum(one.requests for one in found.values())) == (
        MOST_ROUTES,
        sum(range(1, MOST_ROUTES * 2 + 1)),
    )


def test_lines_that_stay_open_are_no_part_of_the_other_routes():
    routes = {f"GET /{at}": route(2) for at in range(MOST_ROUTES)} | {"GET /api/realtime": route()}
    assert sum(one.requests for one in bounded(routes).values()) == MOST_ROUTES * 2


@given(st.lists(spreads, min_size=1, max_size=6), st.sampled_from([0.5, 0.95, 0.99]))
def test_the_quantile_of_a_longer_time_is_that_of_all_its_requests(some: list[tuple[int, ...]], part: float):
    figures = [Figures(routes={"GET /x": RouteFigures(sum(one), 0, 0, 1.0, one)}) for one in some]
    joined = in_turn([beside(figures[:2]), *figures[2:]])
    all_of_them = [sum(one[place] for one in some) for place in range(PLACES)]
    assert quantile(spread_of(joined.routes.values()), part) == quantile(all_of_them, part)


@pytest.mark.parametrize(
    ("counts", "part", "expected"),
    [
        pytest.param(spread(), 0.5, None, id="no requests"),
        pytest.param(spread(at0=10), 0.5, 0.5, id="half of the first stretch"),
        pytest.param(spread(at0=1, at2=1), 1.0, 5.0, id="all of them"),
        pytest.param(spread(at13=3), 0.5, 10_000.0, id="longer than the last bound"),
    ],
)
def test_a_quantile_is_found_within_its_stretch(counts: tuple[int, ...], part: float, expected: float | None):
    assert quantile(counts, part) == expected
