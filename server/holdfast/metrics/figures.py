"""What happened in a stretch of time, as numbers that can be added up. Pure.

Counters are what came in the stretch, so that a process that begins anew makes nothing negative; histograms are kept
as they are, so that the quantiles of any time are those of all its requests.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from holdfast.metrics.requests import BOUNDS_MS, OTHER, RequestCount
from holdfast.metrics.worker_report import WorkerReport

MOST_STATEMENTS: Final = 20
"""In one row: those that took most time in all, and as many that had the longest run."""
MOST_ROUTES: Final = 60  # in one row: the busiest; the others are told as one
REALTIME: Final = "/api/realtime"  # a line that is open for an hour is no request that takes one


class Gauge(msgspec.Struct, frozen=True, array_like=True):
    """Something that goes up and down: the sum of what was seen, in how many looks, and the most."""

    sum: float
    looks: int
    most: float


class RouteFigures(msgspec.Struct, frozen=True, array_like=True):
    """The requests to a route: how many, those of them with a 4xx and with a 5xx, how long they took in all, and how
    many took up to each of BOUNDS_MS and longer than the one before."""

    requests: int
    refused: int
    failed: int
    ms: float
    spread: tuple[int, ...]


class StatementFigures(msgspec.Struct, frozen=True, array_like=True):
    """The runs of a statement: how long they took in all and the longest, and how many took up to each of BOUNDS_MS."""

    ms: float
    most: float
    spread: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.spread)


class Figures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened in `seconds`. `totals` are counters as they stood at the end, to find out what comes next."""

    seconds: float = 60.0
    counts: dict[str, float] = {}
    gauges: dict[str, Gauge] = {}
    routes: dict[str, RouteFigures] = {}
    totals: dict[str, float] = {}
    statements: dict[str, StatementFigures] = {}


NOTHING: Final = Figures(seconds=0.0)


def beside(some: Iterable[Figures]) -> Figures:
    """Figures of several processes in the same stretch as one."""
    found = list(some)
    gauges: dict[str, Gauge] = {}
    for one in found:
        for name, gauge in one.gauges.items():
            known = gauges.get(name)
            if known is not None:
                gauge = Gauge(known.sum + gauge.sum, max(known.looks, gauge.looks), known.most + gauge.most)
            gauges[name] = gauge
    return _added(found, max((one.seconds for one in found), default=0.0), gauges)


def in_turn(some: Iterable[Figures]) -> Figures:
    """Figures of stretches that follow each other as one."""
    found = list(some)
    gauges: dict[str, Gauge] = {}
    for one in found:
        for name, gauge in one.gauges.items():
            known = gauges.get(name)
            if known is not None:
                gauge = Gauge(known.sum + gauge.sum, known.looks + gauge.looks, max(known.most, gauge.most))
            gauges[name] = gauge
    return _added(found, sum(one.seconds for one in found), gauges)


def _added(some: Sequence[Figures], seconds: float, gauges: dict[str, Gauge]) -> Figures:
    counts: dict[str, float] = {}
    routes: dict[str, RouteFigures] = {}
    statements: dict[str, StatementFigures] = {}
    for one in some:
        for id, statement in one.statements.items():
            statements[id] = together(statements[id], statement) if id in statements else statement
        for name, count in one.counts.items():
            counts[name] = counts.get(name, 0.0) + count
        for name, route in one.routes.items():
            known = routes.get(name)
            routes[name] = route if known is None else joined(known, route)
    slowest = slow_ones(statements)
    return Figures(seconds=seconds, counts=counts, gauges=gauges, routes=bounded(routes), statements=slowest)


def together(one: StatementFigures, other: StatementFigures) -> StatementFigures:
    """The runs of both."""
    spread = tuple(a + b for a, b in zip(one.spread, other.spread, strict=True))
    return StatementFigures(one.ms + other.ms, max(one.most, other.most), spread)


def slow_ones(statements: Mapping[str, StatementFigures]) -> dict[str, StatementFigures]:
    """The statements that took most time in all, and those with the longest runs."""
    if len(statements) <= MOST_STATEMENTS:
        return dict(statements)
    in_all = sorted(statements, key=lambda id: statements[id].ms, reverse=True)[:MOST_STATEMENTS]
    at_once = sorted(statements, key=lambda id: statements[id].most, reverse=True)[:MOST_STATEMENTS]
    return {id: statements[id] for id in dict.fromkeys((*in_all, *at_once))}


def joined(one: RouteFigures, other: RouteFigures) -> RouteFigures:
    """The requests of both."""
    return RouteFigures(
        one.requests + other.requests,
        one.refused + other.refused,
        one.failed + other.failed,
        one.ms + other.ms,
        tuple(a + b for a, b in zip(one.spread, other.spread, strict=True)),
    )


def bounded(routes: Mapping[str, RouteFigures]) -> dict[str, RouteFigures]:
    """The busiest of the routes, and the others as one; but none that is a line of realtime."""
    if len(routes) <= MOST_ROUTES:
        return dict(routes)
    busiest = sorted(routes, key=lambda name: routes[name].requests, reverse=True)
    found = {name: routes[name] for name in busiest[: MOST_ROUTES - 1]}
    other = f"{OTHER} {OTHER}"
    for name in busiest[MOST_ROUTES - 1 :]:
        if not is_line(name):
            found[other] = joined(found[other], routes[name]) if other in found else routes[name]
    return found


def is_line(name: str) -> bool:
    """Whether a route, with its method, is one of realtime."""
    return name.partition(" ")[2].startswith(REALTIME)


def spread_of(routes: Iterable[RouteFigures]) -> tuple[int, ...]:
    """The histograms of the routes as one."""
    found = [0] * (len(BOUNDS_MS) + 1)
    for route in routes:
        for at, count in enumerate(route.spread):
            found[at] += count
    return tuple(found)


def quantile(spread: Sequence[int], part: float) -> float | None:
    """The time in ms that this part of the requests stayed under; None where there were none.

    Within a stretch of the histogram they are taken to be spread evenly; of what took longer than its last bound
    nothing but that is known.
    """
    wanted = sum(spread) * part
    if not wanted:
        return None
    below, floor = 0, 0.0
    for bound, count in zip(BOUNDS_MS, spread, strict=False):
        if count and below + count >= wanted:
            return floor + (bound - floor) * (wanted - below) / count
        below, floor = below + count, bound
    return floor


def of_process(
    before: WorkerReport | None,
    now: WorkerReport,
    statements: Mapping[str, StatementFigures] = MappingProxyType({}),
    *,
    ends: bool = False,
) -> Figures:
    """What a process has done between two looks at it. One that `ends` leaves its place to the next: no gauges."""
    counts = {
        "cpu": now.process.cpu_seconds - (before.process.cpu_seconds if before else 0.0),
        "messages": float(now.messages - (before.messages if before else 0)),
    }
    known = {cache.name: cache for cache in before.caches} if before else {}
    for cache in now.caches:
        was = known.get(cache.name)
        counts[f"{cache.name}_hits"] = float(cache.hits - (was.hits if was else 0))
        counts[f"{cache.name}_misses"] = float(cache.misses - (was.misses if was else 0))
    gauges = {} if ends else {name: Gauge(value, 1, value) for name, value in _gauges(now).items()}
    routes = requests_between(before.requests if before else (), now.requests)
    grown = {name: count for name, count in counts.items() if count > 0}
    return Figures(counts=grown, gauges=gauges, routes=routes, statements=slow_ones(statements))


def _gauges(now: WorkerReport) -> dict[str, float]:
    found: dict[str, float | None] = {
        "memory": now.process.memory_bytes,
        "open_files": now.process.open_files,
        "pool_open": now.pool.open,
        "pool_in_use": now.pool.in_use,
        "pool_waiting": now.pool.waiting,
        "lines": now.connections,
        "topics": now.topics,
        "processes": 1,
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def requests_between(before: Iterable[RequestCount], now: Iterable[RequestCount]) -> dict[str, RouteFigures]:
    """The requests that came between two looks at the counts of a process, by method and route."""
    known = {(one.method, one.route, one.status): one for one in before}
    found: dict[str, RouteFigures] = {}
    for one in now:
        was = known.get((one.method, one.route, one.status))
        spread = tuple(a - b for a, b in zip(one.spread, was.spread, strict=True)) if was else one.spread
        came = sum(spread)
        if not came:
            continue
        ms = one.ms - (was.ms if was else 0.0)
        refused, failed = came * (400 <= one.status < 500), came * (one.status >= 500)
        figures = RouteFigures(came, refused, failed, round(ms, 1), spread)
        name = f"{one.method} {one.route}"
        found[name] = joined(found[name], figures) if name in found else figures
    return bounded(found)


def of_totals(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """How much counters that outlive processes have grown; nothing of one that is new, or was set back."""
    grown = {name: value - before[name] for name, value in now.items() if name in before}
    return {name: value for name, value in grown.items() if value > 0}
