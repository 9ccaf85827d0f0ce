"""What visits, launches and page loads come to as samples of `/metrics`, from what was sent and from what is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from exporter.simulator.health import counters
from tests.support.bodies import Event
from tests.support.harness import Labels, Scrape

METRICS = (
    "capgo_visits_total",
    *(f"capgo_{kind}_seconds_{sample}" for kind in ("launch", "page_load") for sample in ("bucket", "count", "sum")),
)
TEST_METRICS = tuple(metric.replace("capgo_", "capgo_test_", 1) for metric in METRICS)
LABELS = ("app_id", "platform", "version", "reports", "le")

Sample = tuple[str, Labels]
Numbers = Counter[Sample]
"""By sample; sums are in milliseconds, and so whole."""


def sample(metric: str, labels: Mapping[str, Any]) -> Sample:
    """A metric with those of its labels that are there."""
    return metric, frozenset((name, labels[name]) for name in LABELS if name in labels)


def whole(metric: str, value: float) -> int:
    """A value as it is counted: sums in milliseconds."""
    return round(value * 1000) if metric.endswith("_sum") else round(value)


def shown(scrape: Scrape, **labels: str) -> Numbers:
    """What a scrape shows that is not 0, of those that carry these labels."""
    return Numbers(
        {
            (metric, have): whole(metric, value)
            for metric in METRICS + TEST_METRICS
            for have, value in scrape.series(metric, **labels).items()
            if value
        }
    )


def accounted(rows: Iterable[Mapping[str, Any]], *fates: str) -> Numbers:
    """What a fleet's account says of events with such fates."""
    numbers = Numbers()
    for row in rows:
        numbers[sample(row["metric"], row)] += sum(row[fate] for fate in fates)
    return +numbers


def told(events: Iterable[Event]) -> Numbers:
    """What events of current phones come to; their versions are their names."""
    numbers = Numbers()
    for event in events:
        labels = {"app_id": event["app_id"], "platform": event["platform"], "version": event.get("version_name", "")}
        for counter, amount in counters(event["action"], event.get("metadata"), "crashes", not event["is_prod"]):
            more = {counter.label: counter.value} if counter.label else {}
            numbers[sample(counter.name, labels | more)] += amount
    return +numbers


def assert_whole(scrape: Scrape) -> None:
    """In one scrape, visits are those of the events, and buckets rise to the number of their histogram."""
    for prefix in ("capgo_", "capgo_test_"):
        visits = Counter[Labels]()
        for have, value in scrape.series(f"{prefix}visits_total").items():
            visits[frozenset(pair for pair in have if pair[0] != "reports")] += round(value)
        events = scrape.series(f"{prefix}events_total", action="app_moved_to_foreground")
        assert {have - {("action", "app_moved_to_foreground")}: value for have, value in events.items()} == visits
        for kind in ("launch", "page_load"):
            _assert_histograms(scrape, f"{prefix}{kind}_seconds")


def _assert_histograms(scrape: Scrape, name: str) -> None:
    numbers, sums = scrape.series(f"{name}_count"), scrape.series(f"{name}_sum")
    buckets: dict[Labels, dict[float, float]] = {}
    for have, value in scrape.series(f"{name}_bucket").items():
        (bound,) = (float(text) for label, text in have if label == "le")
        buckets.setdefault(frozenset(pair for pair in have if pair[0] != "le"), {})[bound] = value
    assert numbers.keys() == sums.keys() == buckets.keys()
    for labels, by_bound in buckets.items():
        rising = [by_bound[bound] for bound in sorted(by_bound)]
        assert rising == sorted(rising)
        assert rising[-1] == numbers[labels]
        assert bool(sums[labels]) <= bool(numbers[labels])
