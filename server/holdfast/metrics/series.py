"""Every series of the history as data: its name, its unit, and how it follows from what happened in a stretch.

docs/reference/metrics.md is compared with this file by a test.
"""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.metrics.figures import Figures, is_line, quantile, spread_of

Unit: TypeAlias = Literal["per second", "per minute", "ms", "s", "bytes", "%", "number"]
Value: TypeAlias = Callable[[Figures], float | None]
"""What a series is in a stretch; None where nothing is known of it."""


class Series(msgspec.Struct, frozen=True):
    """A series: its name, what its numbers are, how to find them, and one sentence about it."""

    name: str
    unit: Unit
    help: str
    value: Value


def _rate(*names: str, seconds: float = 1.0) -> Value:
    def value(of: Figures) -> float | None:
        return sum(of.counts.get(name, 0.0) for name in names) / of.seconds * seconds if of.seconds else None

    return value


def _mean(name: str) -> Value:
    def value(of: Figures) -> float | None:
        found = of.gauges.get(name)
        return found.sum / found.looks if found else None

    return value


def _most(name: str) -> Value:
    def value(of: Figures) -> float | None:
        found = of.gauges.get(name)
        return found.most if found else None

    return value


def _share(part: str, *others: str) -> Value:
    """How much `part` is of itself and the others, in percent."""

    def value(of: Figures) -> float | None:
        counted = of.counts.get(part, 0.0)
        total = counted + sum(of.counts.get(name, 0.0) for name in others)
        return counted / total * 100 if total else None

    return value


def _requests(kind: Literal["good", "refused", "failed"]) -> Value:
    def value(of: Figures) -> float | None:
        routes = [route for name, route in of.routes.items() if not is_line(name)]
        refused, failed = sum(route.refused for route in routes), sum(route.failed for route in routes)
        good = sum(route.requests for route in routes) - refused - failed
        found = {"good": good, "refused": refused, "failed": failed}[kind]
        return found / of.seconds if of.seconds else None

    return value


def _latency(part: float) -> Value:
    def value(of: Figures) -> float | None:
        return quantile(spread_of(route for name, route in of.routes.items() if not is_line(name)), part)

    return value


def _times(factor: float, value: Value) -> Value:
    def scaled(of: Figures) -> float | None:
        found = value(of)
        return None if found is None else found * factor

    return scaled


SERIES: Final = (
    Series("requests_good", "per second", "Requests that were answered with 1xx, 2xx or 3xx.", _requests("good")),
    Series("requests_refused", "per second", "Requests that were answered with 4xx.", _requests("refused")),
    Series("requests_failed", "per second", "Requests that were answered with 5xx.", _requests("failed")),
    Series("latency_p50", "ms", "Half of the requests took less.", _latency(0.5)),
    Series("latency_p95", "ms", "19 of 20 requests took less.", _latency(0.95)),
    Series("latency_p99", "ms", "99 of 100 requests took less.", _latency(0.99)),
    Series("pool_in_use", "number", "Connections of the processes that worked for somebody.", _mean("pool_in_use")),
    Series("pool_open", "number", "Connections of the processes that were open.", _mean("pool_open")),
    Series("pool_waiting", "number", "The most that waited for a connection.", _most("pool_waiting")),
    Series("database_busy", "number", "Statements that PostgreSQL worked on at once.", _times(0.001, _rate("db_ms"))),
    Series("database_commits", "per second", "Transactions that were committed.", _rate("db_commits")),
    Series("database_rollbacks", "per second", "Transactions that were rolled back.", _rate("db_rollbacks")),
    Series("database_cached", "%", "Pages that were in PostgreSQL's memory.", _share("db_hits", "db_reads")),
    Series("database_bytes", "bytes", "How large the database was.", _mean("db_bytes")),
    Series("database_connections", "number", "Connections to the database, of anybody.", _mean("db_connections")),
    Series("events", "per second", "Events that got their number.", _rate("events")),
    Series("events_waiting", "number", "The most events that had no number yet.", _most("events_waiting")),
    Series("events_lag", "s", "The longest that an event waited for its number.", _most("events_lag")),
    Series("webhooks_delivered", "per second", "Deliveries that were taken.", _rate("webhooks_delivered")),
    Series("webhooks_failed", "per second", "Deliveries that failed.", _rate("webhooks_failed", "webhooks_dead")),
    Series(
        "webhooks_success",
        "%",
        "How many deliveries were taken, of all.",
        _share("webhooks_delivered", "webhooks_failed", "webhooks_dead"),
    ),
    Series("webhooks_oldest", "s", "The longest that a delivery waited since it was due.", _most("webhooks_oldest")),
    Series("jobs_done", "per second", "Jobs that were done.", _rate("jobs_done")),
    Series("jobs_failed", "per second", "Attempts at jobs that failed.", _rate("jobs_failed", "jobs_dead")),
    Series("jobs_waiting", "number", "The most jobs that were not done yet.", _most("jobs_waiting")),
    Series("jobs_oldest", "s", "The longest that a job waited since it was due.", _most("jobs_oldest")),
    Series("jobs_dead", "number", "Jobs that were given up and are kept.", _most("jobs_dead")),
    Series("lines", "number", "Realtime lines that were open.", _mean("lines")),
    Series("topics", "number", "Topics that their clients listened to.", _mean("topics")),
    Series("messages", "per second", "Messages that went over them.", _rate("messages")),
    Series("logins", "per minute", "Logins.", _rate("logins", seconds=60.0)),
    Series("logins_failed", "per minute", "Logins that failed.", _rate("logins_failed", seconds=60.0)),
    Series("files", "number", "Files that records hold, or held until lately.", _mean("files")),
    Series("files_bytes", "bytes", "How much these files take.", _mean("files_bytes")),
    Series("processes", "number", "Server processes and workers.", _mean("processes")),
    Series("memory", "bytes", "Memory that the processes held.", _mean("memory")),
    Series("cpu", "%", "Processor time of the processes, of one core.", _times(100.0, _rate("cpu"))),
    Series("open_files", "number", "Files, sockets and pipes that the processes had open.", _mean("open_files")),
    Series("plans_hits", "%", "Statements that were compiled before.", _share("plans_hits", "plans_misses")),
    Series("callers_hits", "%", "Tokens and keys that were known.", _share("callers_hits", "callers_misses")),
)
"""All of them; `names` of the API names some."""
BY_NAME: Final = {one.name: one for one in SERIES}
