"""The exporter's own metrics.

With the families that the ledger keeps (`ledger_families`) they are what README lists, what the dashboards ask for and
what /metrics says; a test compares them.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from exporter.counting.view import View
from exporter.metrics.distribution import Distribution
from exporter.metrics.event_store import EventStoreMetrics
from exporter.metrics.labelled import labelled
from exporter.metrics.ledger_gauges import ledger_gauges
from exporter.metrics.tally import Tally
from exporter.wire.health import DROPPED_REASONS, DroppedReason
from exporter.wire.refusals import REQUEST_REFUSALS

_LATENCIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCHES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Telemetry:
    """The exporter's own metrics, in a registry of their own so that several can live in one process."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.own = CollectorRegistry()
        self._add_counters(self.own)
        self.event_store = EventStoreMetrics(self.own)
        self._add_distributions(self.own)
        self._add_gauges(self.own)
        ProcessCollector(registry=self.own)
        PlatformCollector(registry=self.own)
        GCCollector(registry=self.own)

    def _add_counters(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "capgo_exporter_requests",
            "Requests answered on the public port, by status code.",
            ["code"],
            registry=registry,
        )
        self._requests_of = cache(self.requests.labels)  # a look-up there costs three times what counting does
        self.refused = labelled(
            "capgo_exporter_requests_refused",
            "Requests refused as a whole, by reason; none of their events was counted or is in the events_* counters.",
            "reason",
            REQUEST_REFUSALS,
            registry,
        )
        self.folded = labelled(
            "capgo_exporter_events_folded",
            "Events counted with a label folded to __overflow__ because its budget is full.",
            "label",
            ("app_id", "version"),
            registry,
        )
        self.durations_dropped = labelled(
            "capgo_exporter_durations_dropped",
            "Counted launches and page loads whose duration was not taken, by reason: missing or no number, 0 of a "
            "launch, above ten minutes.",
            "reason",
            DROPPED_REASONS,
            registry,
        )
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

    def _add_distributions(self, registry: CollectorRegistry) -> None:
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

    def _add_gauges(self, registry: CollectorRegistry) -> None:
        gauge = partial(Gauge, registry=registry)
        self.ready = gauge(
            "capgo_exporter_ready", "1 while posts can be counted, 0 while the ledger loads or can't be written."
        )
        self.ledger_bytes = gauge(
            "capgo_exporter_ledger_bytes", "Bytes of the ledger on disk, its write-ahead log included."
        )
        self.dedup_span = gauge(
            "capgo_exporter_dedup_span_seconds",
            "Age of the oldest fingerprint in memory: retries of newer events are recognised without the disk.",
        )
        self.zero_hold = gauge(
            "capgo_exporter_zero_hold_seconds",
            "Seconds for which a new series is held at 0; must exceed twice the scrape interval.",
        )
        self.last_backup = gauge(
            "capgo_exporter_last_backup_timestamp_seconds",
            "When a copy of the ledger was last handed over whole, in seconds since the epoch; 0 if none ever was.",
        )
        self.ledger_opened = gauge(
            "capgo_exporter_ledger_opened",
            "1 for how the ledger was opened at the start: created anew, migrated, restored from a copy, or found.",
            ["how"],
        )
        build = gauge("capgo_exporter_build_info", "1, labelled with the exporter's version.", ["version"])
        build.labels(version("capgo-exporter")).set(1)

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
        yield from self.tally.families()
        yield from ledger_gauges(view)
        yield from self.own.collect()
