"""Every metric of the server as data. docs/reference/metrics.md is compared with this file by a test."""

from typing import Final, Literal, TypeAlias

import msgspec

PREFIX: Final = "holdfast_"
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
_REQUEST: Final = ("method", "route", "status", "worker")
_WORKER: Final = ("worker",)
_CACHE: Final = ("cache", "worker")


class Metric(msgspec.Struct, frozen=True):
    """A metric: its name without PREFIX, what kind of number it is, its labels, and one sentence about it."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


METRICS: Final = (
    Metric("info", "gauge", ("version",), "The version of the server, as a label; always 1."),
    Metric("workers", "gauge", (), "Server processes that have answered for this scrape."),
    Metric("http_requests_total", "counter", _REQUEST, "Requests that were answered."),
    Metric(
        "http_request_duration_seconds",
        "histogram",
        _REQUEST,
        "From the headers of a request to the end of its answer.",
    ),
    Metric("db_pool_size", "gauge", _WORKER, "The most database connections that the process opens for requests."),
    Metric("db_pool_open", "gauge", _WORKER, "Database connections that are open."),
    Metric("db_pool_in_use", "gauge", _WORKER, "Database connections that are working for somebody."),
    Metric("db_pool_waiting", "gauge", _WORKER, "Requests and tasks that wait for a database connection."),
    Metric("realtime_connections", "gauge", _WORKER, "Realtime lines that are open."),
    Metric("realtime_topics", "gauge", _WORKER, "Topics that the clients of these lines listen to."),
    Metric("cache_hits_total", "counter", _CACHE, "What was looked for in a cache and was there."),
    Metric("cache_misses_total", "counter", _CACHE, "What was looked for in a cache and was not there."),
    Metric("process_resident_memory_bytes", "gauge", _WORKER, "Memory that the process holds."),
    Metric("process_cpu_seconds_total", "counter", _WORKER, "Time that the process has spent on a processor."),
    Metric("process_open_files", "gauge", _WORKER, "Files, sockets and pipes that the process has open."),
    Metric("process_start_time_seconds", "gauge", _WORKER, "When the process began, in seconds since 1970."),
    Metric("database_up", "gauge", (), "1 if the database has answered for this scrape, else 0."),
    Metric("events_total", "counter", (), "Events that have got their number: changes of records, and others."),
    Metric("events_lag_seconds", "gauge", (), "How long the oldest event that has no number yet has waited."),
    Metric("events_outbox_rows", "gauge", (), "Events that have no number yet, counted up to 10,000."),
    Metric("webhook_deliveries_total", "counter", ("outcome",), "Attempts to deliver an event to a webhook."),
    Metric(
        "webhook_oldest_ready_seconds",
        "gauge",
        (),
        "How long the oldest delivery that is due has waited, to receivers that work.",
    ),
    Metric("webhooks_failing", "gauge", (), "Webhooks whose receiver fails, so that it gets probes only."),
    Metric("webhooks_disabled", "gauge", (), "Webhooks that the server has turned off."),
    Metric("jobs_total", "counter", ("job", "outcome"), "Attempts at jobs of the background, such as sending a mail."),
    Metric("jobs_waiting", "gauge", (), "Jobs that are not done yet, counted up to 10,000."),
    Metric("jobs_oldest_ready_seconds", "gauge", (), "How long the oldest job that is due has waited."),
    Metric("jobs_dead", "gauge", (), "Jobs that were given up and are still kept, counted up to 1,000."),
)
