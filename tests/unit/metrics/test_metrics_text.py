"""Reports become the text that Prometheus reads: by the catalogue, and with all that was counted."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from holdfast.db.totals import Total
from holdfast.events.state import EventsState
from holdfast.jobs.state import JobsState
from holdfast.metrics.catalogue import METRICS, PREFIX
from holdfast.metrics.database_report import DatabaseReport
from holdfast.metrics.process import ProcessState, process_state
from holdfast.metrics.requests import BOUNDS_MS, RequestCount
from holdfast.metrics.samples import samples
from holdfast.metrics.text import as_text
from holdfast.metrics.worker_report import CacheUse, PoolState, WorkerReport, packed, unpacked
from holdfast.webhooks.state import WebhooksState

SPREAD = (3, 1, *(0 for _ in BOUNDS_MS[2:]), 1)
REPORT = WorkerReport(
    worker=2,
    started=1_700_000_000.0,
    requests=(RequestCount("GET", "/api/health", 200, 12_345.0, SPREAD),),
    pool=PoolState(10, 3, 2, 1),
    caches=(CacheUse("plans", 70, 30),),
    connections=5,
    topics=6,
    process=ProcessState(100_000_000, 12.5, None),
)
DATABASE = DatabaseReport(
    events=EventsState(4, 1.5, 99, 1, "epoch"),
    jobs=JobsState(-30.0, 2, 7),
    webhooks=WebhooksState(8.0, 1, 0),
    totals=(Total("jobs", "mail", "done", 11), Total("webhook_deliveries", "", "dead", 3)),
)


def families(workers: Iterable[WorkerReport], database: DatabaseReport | None = DATABASE) -> dict[str, Family]:
    text = as_text(samples("1.2.3", tuple(workers), database)).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(found: dict[str, Family], name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by their labels."""
    name = PREFIX + name
    family = found[name.removesuffix("_total")]
    return {tuple(sample.labels.values()): sample.value for sample in family.samples if sample.name == name}


def test_every_metric_of_the_catalogue_is_told_with_its_kind_and_its_help():
    found = families([REPORT])
    assert list(found) == [(PREFIX + metric.name).removesuffix("_total") for metric in METRICS]
    assert [family.type for family in found.values()] == [metric.kind for metric in METRICS]
    assert [family.documentation for family in found.values()] == [metric.help for metric in METRICS]


def test_every_sample_has_the_labels_of_the_catalogue():
    found = families([REPORT])
    for metric in METRICS:
        for sample in found[(PREFIX + metric.name).removesuffix("_total")].samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample


def test_requests_are_told_in_seconds_and_from_bound_to_bound():
    found = families([REPORT])
    assert values(found, "http_requests_total") == {("GET", "/api/health", "200", "2"): 5.0}
    histogram = found["holdfast_http_request_duration_seconds"].samples
    buckets = {one.labels["le"]: one.value for one in histogram if one.name.endswith("_bucket")}
    assert (buckets["0.001"], buckets["0.0025"], buckets["10.0"], buckets["+Inf"]) == (3.0, 4.0, 4.0, 5.0)
    assert {one.name.rpartition("_")[2]: one.value for one in histogram if "le" not in one.labels} == {
        "count": 5.0,
        "sum": 12.345,
    }


def test_what_nobody_knows_is_left_out():
    found = families([REPORT])
    assert values(found, "process_open_files") == {}
    assert values(found, "process_resident_memory_bytes") == {("2",): 100_000_000.0}


def test_what_is_counted_in_the_database_is_told_with_the_outcomes_that_there_were_not_yet():
    found = families([REPORT])
    assert values(found, "webhook_deliveries_total") == {("delivered",): 0.0, ("failed",): 0.0, ("dead",): 3.0}
    assert values(found, "jobs_total") == {("mail", "done"): 11.0}
    assert values(found, "jobs_oldest_ready_seconds") == {(): 0.0}, "a job that is not due yet waits for nobody"


def test_without_the_database_the_processes_are_told():
    found = families([REPORT], None)
    assert values(found, "database_up") == {(): 0.0}
    assert values(found, "events_lag_seconds") == {}
    assert values(found, "workers") == {(): 1.0}


def test_a_report_comes_out_of_its_envelope_as_it_went_in():
    assert unpacked(packed(REPORT)) == REPORT


def test_this_process_knows_its_memory():
    state = process_state()
    assert state.memory_bytes is None or state.memory_bytes > 1_000_000
    assert state.cpu_seconds > 0
