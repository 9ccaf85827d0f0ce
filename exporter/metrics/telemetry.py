"""All metric families: those of the exporter itself, and name and HELP of those whose counters the ledger keeps.

What README lists, what the dashboards ask for and what /metrics says is this set; a test compares them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import Final, Literal, NamedTuple

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from exporter.counting.view import View
from exporter.eventlog.notes import DROP_REASONS, DropReason, Notes
from exporter.metrics.distribution import Distribution
from exporter.wire import families
from exporter.wire.events import REASONS, Reason
from exporter.wire.families import Family
from exporter.wire.health import DROPPED_REASONS, DroppedReason
from exporter.wire.labels import IGNORED_REASONS, IgnoredReason
from exporter.wire.refusals import REQUEST_REFUSALS

_DEVICES: Final = {
    False: "production devices",
    True: "emulators and development builds (is_emulator true or is_prod false)",
}


class LedgerFamily(NamedTuple):
    """A family of the ledger as it is shown: of production or of test devices, its name (a counter's without `_total`),
    the label that tells its counters apart, and its HELP.
    """

    family: Family
    test: bool
    name: str
    label: str
    text: str

    @property
    def kind(self) -> Literal["counter", "histogram"]:
        """Its TYPE."""
        return "histogram" if self.family.bounds else "counter"


LEDGER_FAMILIES: Final = tuple(
    LedgerFamily(family, test, f"capgo_{'test_' * test}{name}", label, text.format(_DEVICES[test]))
    for family, name, label, text in (
        (
            families.EVENTS,
            "events",
            "action",
            "Events of {}, each counted once, by app, action of the plugin, platform and bundle version.",
        ),
        (
            families.VISITS,
            "visits",
            "reports",
            "Visits (app_moved_to_foreground) of {}, by what their sender is able to report: crashes of the app and "
            "errors of its pages, errors only, or nothing.",
        ),
        (
            families.LAUNCHES,
            "launch_seconds",
            "le",
            "Launches (app_launch_ready) of {}, by the seconds from the plugin's load to notifyAppReady.",
        ),
        (
            families.PAGE_LOADS,
            "page_load_seconds",
            "le",
            "Page loads (webview_page_loaded) of {}, by their seconds.",
        ),
        (
            families.STAGES,
            "device_stages",
            "stage",
            "Devices that entered a stage on the way to a version, each once while it tries that version.",
        ),
    )
    for test in (False, True)
    if family is not families.STAGES or not test  # of test devices nothing is remembered
)


class DeviceFamily(NamedTuple):
    """A gauge of devices: its name, the label beside those of the version, and its HELP."""

    name: str
    label: str
    text: str


RUNNING: Final = DeviceFamily(
    "capgo_devices", "window", "Devices heard from within the window (by the hour), each once, by the version it runs."
)
TRYING: Final = DeviceFamily(
    "capgo_rollout_devices",
    "stage",
    "Devices heard from within 30 days, each once, by the version that it tried last and the stage that it is at.",
)

_LATENCIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCHES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Tally(msgspec.Struct, frozen=True, gc=False):
    """What became of the events received since the process started; `received` is the sum of the others.

    Immutable, and replaced under the commit lock when a request is decided, so that every scrape adds up.
    """

    counted: int = 0
    duplicate: int = 0
    rejected: tuple[int, ...] = (0,) * len(REASONS)
    ignored: tuple[int, ...] = (0,) * len(IGNORED_REASONS)

    def add(
        self, counted: int, duplicate: int, rejected: Collection[Reason], ignored: Collection[IgnoredReason]
    ) -> "Tally":
        """This tally and one more request's events."""
        return Tally(
            self.counted + counted,
            self.duplicate + duplicate,
            _plus(self.rejected, REASONS, rejected),
            _plus(self.ignored, IGNORED_REASONS, ignored),
        )


def _plus(totals: tuple[int, ...], names: tuple[str, ...], found: Collection[str]) -> tuple[int, ...]:
    if not found:
        return totals
    more = list(totals)
    for name in found:
        more[names.index(name)] += 1
    return tuple(more)


class Telemetry:
    """The exporter's own metrics, in a registry of their own so that several can live in one process."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.own = registry = CollectorRegistry()
        self.requests = Counter(
            "capgo_exporter_requests",
            "Requests answered on the public port, by status code.",
            ["code"],
            registry=registry,
        )
        self.refused = Counter(
            "capgo_exporter_requests_refused",
            "Requests refused as a whole, by reason; none of their events was counted or is in the events_* counters.",
            ["reason"],
            registry=registry,
        )
        self._requests_of = cache(self.requests.labels)  # a look-up there costs three times what counting does
        for reason in REQUEST_REFUSALS:
            self.refused.labels(reason)
        self.folded = Counter(
            "capgo_exporter_events_folded",
            "Events counted with a label folded to __overflow__ because its budget is full.",
            ["label"],
            registry=registry,
        )
        for label in ("app_id", "version"):
            self.folded.labels(label)
        self.durations_dropped = Counter(
            "capgo_exporter_durations_dropped",
            "Counted launches and page loads whose duration was not taken, by reason: missing or no number, 0 of a "
            "launch, above ten minutes.",
            ["reason"],
            registry=registry,
        )
        for reason in DROPPED_REASONS:
            self.durations_dropped.labels(reason)
        self.devices_dropped = Counter(
            "capgo_exporter_devices_dropped",
            "Devices forgotten, or not taken in, for lack of room (--max-devices); the latter once a post.",
            registry=registry,
        )
        self.commit_errors = Counter(
            "capgo_exporter_commit_errors",
            "Commits to the ledger that failed; clients were told to retry.",
            registry=registry,
        )
        self.event_log_dropped = Counter(
            "capgo_exporter_event_log_dropped",
            "Lines the event log dropped because its writer could not keep up; they were counted all the same.",
            registry=registry,
        )
        self._add_event_store(registry)
        self.batch_events = Distribution("capgo_exporter_batch_events", "Events in a post.", _BATCHES, registry)
        self.request_seconds = Distribution(
            "capgo_exporter_request_seconds",
            "Seconds from a post being read to its reply being ready.",
            _LATENCIES,
            registry,
        )
        self.commit_seconds = Distribution(
            "capgo_exporter_commit_seconds",
            "Seconds to write one transaction to the ledger; posts that wait together share one.",
            _LATENCIES,
            registry,
        )
        self.ready = Gauge(
            "capgo_exporter_ready",
            "1 while posts can be counted, 0 while the ledger loads or can't be written.",
            registry=registry,
        )
        self.ledger_bytes = Gauge(
            "capgo_exporter_ledger_bytes",
            "Bytes of the ledger on disk, its write-ahead log included.",
            registry=registry,
        )
        self.dedup_span = Gauge(
            "capgo_exporter_dedup_span_seconds",
            "Age of the oldest fingerprint in memory: retries of newer events are recognised without the disk.",
            registry=registry,
        )
        self.zero_hold = Gauge(
            "capgo_exporter_zero_hold_seconds",
            "Seconds for which a new series is held at 0; must exceed twice the scrape interval.",
            registry=registry,
        )
        self.last_backup = Gauge(
            "capgo_exporter_last_backup_timestamp_seconds",
            "When a copy of the ledger was last handed over whole, in seconds since the epoch; 0 if none ever was.",
            registry=registry,
        )
        self.ledger_opened = Gauge(
            "capgo_exporter_ledger_opened",
            "1 for how the ledger was opened at the start: created anew, migrated, restored from a copy, or found.",
            ["how"],
            registry=registry,
        )
        Gauge(
            "capgo_exporter_build_info", "1, labelled with the exporter's version.", ["version"], registry=registry
        ).labels(version("capgo-exporter")).set(1)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def _add_event_store(self, registry: CollectorRegistry) -> None:
        events = Counter(
            "capgo_exporter_event_store_events",
            "Events for the log store, by what became of them; those that wait are in neither.",
            ["result"],
            registry=registry,
        )
        sent, lost = events.labels("sent"), events.labels("dropped")
        batches = Counter(
            "capgo_exporter_event_store_batches",
            "Tries to hand a batch to the log store, by status code; none is no answer.",
            ["code"],
            registry=registry,
        )
        batches.labels("none")
        dropped = Counter(
            "capgo_exporter_event_store_dropped",
            "Events that the log store will never have, by reason; they were counted all the same.",
            ["reason"],
            registry=registry,
        )
        for reason in DROP_REASONS:
            dropped.labels(reason)

        def drop(reason: DropReason, events: int) -> None:
            lost.inc(events)
            dropped.labels(reason).inc(events)

        self.event_store = Notes(sent.inc, drop, lambda code: batches.labels(code).inc())
        self.event_store_buffered = Gauge(
            "capgo_exporter_event_store_buffered_bytes",
            "Bytes of the posts whose events wait to be handed to the log store.",
            registry=registry,
        )

    def count_request(self, status: int, refusal: str | None) -> None:
        """Note the answer to a request on the public port, and why it was refused as a whole, if it was."""
        self._requests_of(status).inc()
        if refusal is not None:
            self.refused.labels(refusal).inc()

    def count_folded(self, folded: Mapping[str, int]) -> None:
        """Note how many events had a label folded."""
        for label, events in folded.items():
            if events:
                self.folded.labels(label).inc(events)

    def count_dropped(self, reasons: Iterable[DroppedReason]) -> None:
        """Note why durations of counted events were not taken."""
        for reason in reasons:
            self.durations_dropped.labels(reason).inc()

    def families(self, view: View) -> Iterator[Metric]:
        """Every family but the ledger's counters; those about the ledger are of the same moment as `view`."""
        yield from _event_families(self.tally)
        yield from _ledger_families(view)
        yield from self.own.collect()


def _event_families(tally: Tally) -> Iterator[Metric]:
    received = tally.counted + tally.duplicate + sum(tally.rejected) + sum(tally.ignored)
    for name, text, value in (
        ("received", "Events received since start: counted, duplicate, rejected and ignored ones together.", received),
        ("counted", "Events counted in capgo_events_total or capgo_test_events_total since start.", tally.counted),
        ("duplicate", "Events recognised as a retry of a counted one since start.", tally.duplicate),
    ):
        yield CounterMetricFamily(f"capgo_exporter_events_{name}", text, value=value)
    for name, text, reasons, values in (
        ("rejected", "Events that can't be counted, by reason, since start.", REASONS, tally.rejected),
        ("ignored", "Events known to say nothing, by reason, since start.", IGNORED_REASONS, tally.ignored),
    ):
        family = CounterMetricFamily(f"capgo_exporter_events_{name}", text, labels=["reason"])
        for reason, value in zip(reasons, values, strict=True):
            family.add_metric([reason], value)
        yield family


def _ledger_families(view: View) -> Iterator[Metric]:
    events = GaugeMetricFamily(
        "capgo_exporter_ledger_events",
        "Events ever counted, by what became of them; the shown ones are the sum of the event counters of this scrape.",
        labels=["state"],
    )
    for state, value in view.events.items():
        events.add_metric([state], value)
    yield events
    yield GaugeMetricFamily(
        "capgo_exporter_series",
        "Series of the counters of events, visits, durations and devices on /metrics.",
        value=view.lines,
    )
    yield GaugeMetricFamily(
        "capgo_exporter_series_limit", "Most of these series there may be.", value=view.series_limit
    )
    yield GaugeMetricFamily("capgo_exporter_devices", "Devices that are remembered.", value=view.devices.remembered)
    yield GaugeMetricFamily(
        "capgo_exporter_devices_limit", "Most devices that may be remembered.", value=view.devices.limit
    )
    yield from _budget_families(view)
    first_seen = GaugeMetricFamily(
        "capgo_version_first_seen_timestamp_seconds",
        "Arrival of the first event of a version on a platform, in seconds since the epoch.",
        labels=["app_id", "platform", "version"],
    )
    for version_, sighting in view.sightings.items():
        if not version_.test:
            first_seen.add_metric([version_.app_id, version_.platform, version_.version], sighting.first)
    yield first_seen
    newest = GaugeMetricFamily(
        "capgo_exporter_last_event_timestamp_seconds",
        "Arrival of the newest counted event of an app, in seconds since the epoch; after a restart up to an hour "
        "older until the next one.",
        labels=["app_id"],
    )
    for app_id, at in view.newest.items():
        newest.add_metric([app_id], at)
    yield newest


def _budget_families(view: View) -> Iterator[Metric]:
    for index, (name, text) in enumerate(
        (
            ("values", "Values of a label that are in use: apps, and versions of the app that has most."),
            (
                "limit",
                "Most values a label may have: apps, and versions of one app; beyond it they fold to __overflow__.",
            ),
            (
                "demand",
                "Distinct values that asked for a series of their own since start (versions: of all apps), about; "
                "apps that --apps names need not ask.",
            ),
        )
    ):
        family = GaugeMetricFamily(f"capgo_exporter_label_{name}", text, labels=["label"])
        for label, use in view.budgets.items():
            family.add_metric([label], use[index])
        yield family
