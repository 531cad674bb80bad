"""What was counted, as samples of the metrics. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from holdfast.db.totals import Total
from holdfast.jobs import queue as jobs
from holdfast.metrics.database_report import DatabaseReport
from holdfast.metrics.requests import BOUNDS_MS, RequestCount
from holdfast.metrics.worker_report import WorkerReport
from holdfast.webhooks import queue as webhooks

_INFINITE: Final = "+Inf"
BOUNDS: Final = (*(str(bound / 1000) for bound in BOUNDS_MS), _INFINITE)
"""The upper bounds of the histogram as they are written, in seconds."""


class Spread(msgspec.Struct, frozen=True):
    """A histogram: how many were at most each of BOUNDS, and the sum of all."""

    counts: tuple[int, ...]
    sum: float


class Sample(msgspec.Struct, frozen=True):
    """One number of a metric, or one histogram. `labels` are in the order of the catalogue."""

    metric: str
    labels: tuple[str, ...]
    value: float | Spread


Samples: TypeAlias = Iterator[Sample]


def samples(version: str, workers: Sequence[WorkerReport], database: DatabaseReport | None) -> Samples:
    """All samples of one scrape."""
    yield Sample("info", (version,), 1)
    yield Sample("workers", (), len(workers))
    for one in workers:
        yield from _of_requests(one)
        yield from _of_process(one)
    yield Sample("database_up", (), int(database is not None))
    if database is not None:
        yield from _of_database(database)


def _of_requests(report: WorkerReport) -> Samples:
    for count in report.requests:
        labels = (count.method, count.route, str(count.status), str(report.worker))
        yield Sample("http_requests_total", labels, sum(count.spread))
        yield Sample("http_request_duration_seconds", labels, _spread(count))


def _spread(count: RequestCount) -> Spread:
    counts: list[int] = []
    for some in count.spread:
        counts.append(some + (counts[-1] if counts else 0))
    return Spread(tuple(counts), count.ms / 1000)


def _of_process(report: WorkerReport) -> Samples:
    worker = str(report.worker)
    pool, process = report.pool, report.process
    found = {
        "db_pool_size": pool.size,
        "db_pool_open": pool.open,
        "db_pool_in_use": pool.in_use,
        "db_pool_waiting": pool.waiting,
        "realtime_connections": report.connections,
        "realtime_topics": report.topics,
        "process_resident_memory_bytes": process.memory_bytes,
        "process_cpu_seconds_total": process.cpu_seconds,
        "process_open_files": process.open_files,
        "process_start_time_seconds": report.started,
    }
    for metric, value in found.items():
        if value is not None:
            yield Sample(metric, (worker,), value)
    for cache in report.caches:
        yield Sample("cache_hits_total", (cache.name, worker), cache.hits)
        yield Sample("cache_misses_total", (cache.name, worker), cache.misses)


def _of_database(report: DatabaseReport) -> Samples:
    events, jobs_now, webhooks_now = report.events, report.jobs, report.webhooks
    found = {
        "events_total": events.newest,
        "events_lag_seconds": events.lag,
        "events_outbox_rows": events.waiting,
        "webhook_oldest_ready_seconds": max(webhooks_now.waited, 0.0),
        "webhooks_failing": webhooks_now.failing,
        "webhooks_disabled": webhooks_now.disabled,
        "jobs_waiting": jobs_now.waiting,
        "jobs_oldest_ready_seconds": max(jobs_now.waited, 0.0),
        "jobs_dead": jobs_now.dead,
    }
    for metric, value in found.items():
        yield Sample(metric, (), value)
    yield from _of_totals(report.totals)


def _of_totals(totals: Sequence[Total]) -> Samples:
    # An outcome that there was not yet is told, too: a rate needs a number to begin with.
    delivered = dict.fromkeys(webhooks.OUTCOMES.values(), 0)
    for total in totals:
        if total.name == webhooks.TOTALS:
            delivered[total.outcome] = total.value
        elif total.name == jobs.TOTALS:
            yield Sample("jobs_total", (total.label, total.outcome), total.value)
    for outcome, value in delivered.items():
        yield Sample("webhook_deliveries_total", (outcome,), value)
