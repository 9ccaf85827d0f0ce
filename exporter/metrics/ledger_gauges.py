"""The gauges that say how the ledger is, all of the moment of one view."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.counting.view import View

_OF_BUDGETS: Final = (
    ("values", "Values of a label that are in use: apps, and versions of the app that has most."),
    ("limit", "Most values a label may have: apps, and versions of one app; beyond it they fold to __overflow__."),
    (
        "demand",
        "Distinct values that asked for a series of their own since start (versions: of all apps), about; apps that "
        "--apps names need not ask.",
    ),
)
"""By their place in a budget's use."""


def ledger_gauges(view: View) -> Iterator[Metric]:
    """Each with its values."""
    yield _events(view)
    yield from _sizes(view)
    yield from _budgets(view)
    yield _first_seen(view)
    yield _newest(view)


def _events(view: View) -> Metric:
    gauge = GaugeMetricFamily(
        "capgo_exporter_ledger_events",
        "Events ever counted, by what became of them; the shown ones are the sum of the event counters of this scrape.",
        labels=["state"],
    )
    for state, events in view.events.items():
        gauge.add_metric([state], events)
    return gauge


def _sizes(view: View) -> Iterator[Metric]:
    for name, text, value in (
        ("series", "Series of the counters of events, visits, durations and devices on /metrics.", view.lines),
        ("series_limit", "Most of these series there may be.", view.series_limit),
        ("devices", "Devices that are remembered.", view.devices.remembered),
        ("devices_limit", "Most devices that may be remembered.", view.devices.limit),
    ):
        yield GaugeMetricFamily(f"capgo_exporter_{name}", text, value=value)


def _budgets(view: View) -> Iterator[Metric]:
    for index, (name, text) in enumerate(_OF_BUDGETS):
        gauge = GaugeMetricFamily(f"capgo_exporter_label_{name}", text, labels=["label"])
        for label, use in view.budgets.items():
            gauge.add_metric([label], use[index])
        yield gauge


def _first_seen(view: View) -> Metric:
    gauge = GaugeMetricFamily(
        "capgo_version_first_seen_timestamp_seconds",
        "Arrival of the first event of a version on a platform, in seconds since the epoch.",
        labels=["app_id", "platform", "version"],
    )
    for version, sighting in view.sightings.items():
        if not version.test:
            gauge.add_metric([version.app_id, version.platform, version.version], sighting.first)
    return gauge


def _newest(view: View) -> Metric:
    gauge = GaugeMetricFamily(
        "capgo_exporter_last_event_timestamp_seconds",
        "Arrival of the newest counted event of an app, in seconds since the epoch; after a restart up to an hour "
        "older until the next one.",
        labels=["app_id"],
    )
    for app_id, at in view.newest.items():
        gauge.add_metric([app_id], at)
    return gauge
