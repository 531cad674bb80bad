"""Samples as Prometheus reads them: its text format, version 0.0.4."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from holdfast.metrics.catalogue import METRICS, PREFIX, Metric
from holdfast.metrics.samples import BOUNDS, Sample, Spread

if TYPE_CHECKING:  # 3 MB, for those who ask
    from prometheus_client.metrics_core import Metric as Family

MEDIA_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"


def as_text(samples: Iterable[Sample]) -> bytes:
    """All metrics, in the order of the catalogue. Takes up to 30 ms for a thousand lines."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(samples))
    return generate_latest(registry)


class _Scrape:
    """What the library asks for the metrics of one scrape."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            self._samples[sample.metric].append(sample)

    def describe(self) -> "Iterator[Family]":
        """Nothing: the library would look for two metrics of one name, and there is one catalogue."""
        return iter(())

    def collect(self) -> "Iterator[Family]":
        """Every metric, also one without samples."""
        return (_family(metric, self._samples[metric.name]) for metric in METRICS)


def _family(metric: Metric, samples: Iterable[Sample]) -> "Family":
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    name = PREFIX + metric.name
    histogram = HistogramMetricFamily(name, metric.help, labels=metric.labels)
    made = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    plain = made(name, metric.help, labels=metric.labels)
    for sample in samples:
        if isinstance(sample.value, Spread):
            buckets = [(bound, float(count)) for bound, count in zip(BOUNDS, sample.value.counts, strict=True)]
            histogram.add_metric(sample.labels, buckets, sample.value.sum)
        else:
            plain.add_metric(sample.labels, sample.value)
    return histogram if metric.kind == "histogram" else plain
