"""The ledger's families as prometheus_client's own, to hold our text against the library's."""

from __future__ import annotations

from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from exporter.counting.here import Here
from exporter.metrics.ledger_families import LEDGER_FAMILIES, RUNNING, TRYING, DeviceFamily, LedgerFamily
from exporter.wire.families import BESIDE, EVENTS, is_parted
from exporter.wire.labels import Series, Version

NO_DEVICES = Here({}, {}, 0, 0)


class Library:
    """What is shown, in the order of the families; actions with parts come last."""

    def __init__(self, shown: dict[Series, int], here: Here = NO_DEVICES) -> None:
        self.shown = shown
        self.here = here

    def collect(self) -> list[Metric]:
        kept = [self.histogram(each) if each.family.bounds else self.counter(each) for each in LEDGER_FAMILIES]
        running = [
            (version, name, number)
            for name, devices in self.here.running.items()
            for version, number in devices.items()
        ]
        trying = [(version, stage.name.lower(), number) for (version, stage), number in self.here.trying.items()]
        return [*kept, self.gauge(RUNNING, running), self.gauge(TRYING, trying)]

    def gauge(self, family: DeviceFamily, values: list[tuple[Version, str, int]]) -> Metric:
        metric = GaugeMetricFamily(family.name, family.text, labels=["app_id", "platform", "version", family.label])
        for version, label, number in values:
            metric.add_metric([*version[:3], label], number)
        return metric

    def counter(self, family: LedgerFamily) -> Metric:
        metric = CounterMetricFamily(family.name, family.text, labels=["app_id", "platform", "version", family.label])
        for (version, member), value in self.values(family).items():
            metric.add_metric([*version[:3], member], value)
        return metric

    def values(self, family: LedgerFamily) -> dict[tuple[Version, str], int]:
        """By version and label; of an action, its own events and those of its parts."""
        found, parted = dict[tuple[Version, str], int](), dict[tuple[Version, str], int]()
        for series, value in self.shown.items():
            if series.version.test != family.test:
                continue
            if family.family is not EVENTS:
                if series.name in family.family.names:
                    found[series.version, series.name.partition(":")[2]] = value
            elif series.name not in BESIDE:
                key = series.version, series.action
                place = parted if is_parted(series.name) else found
                place[key] = place.get(key, 0) + value
        return found | parted

    def histogram(self, family: LedgerFamily) -> Metric:
        metric = HistogramMetricFamily(family.name, family.text, labels=["app_id", "platform", "version"])
        names = family.family.names
        for version in dict.fromkeys(series.version for series in self.shown if series.name in names):
            if version.test == family.test:
                *parts, milliseconds = (self.shown[Series(version, name)] for name in names)
                bounds = [name.partition(":")[2] for name in family.family.parts]
                metric.add_metric(version[:3], [*zip(bounds, accumulate(parts), strict=True)], milliseconds / 1000)
        return metric
