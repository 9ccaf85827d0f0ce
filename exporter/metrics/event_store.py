"""The exporter's own metrics of what becomes of events on their way to a log store."""

from prometheus_client import CollectorRegistry, Gauge

from exporter.eventlog.notes import DROP_REASONS, DropReason, Notes
from exporter.metrics.labelled import labelled


class EventStoreMetrics:
    """`notes` are for whoever hands events over; `buffered` is to be told how many bytes wait."""

    def __init__(self, registry: CollectorRegistry) -> None:
        events = labelled(
            "capgo_exporter_event_store_events",
            "Events for the log store, by what became of them; those that wait are in neither.",
            "result",
            ("sent", "dropped"),
            registry,
        )
        batches = labelled(
            "capgo_exporter_event_store_batches",
            "Tries to hand a batch to the log store, by status code; none is no answer.",
            "code",
            ("none",),
            registry,
        )
        reasons = labelled(
            "capgo_exporter_event_store_dropped",
            "Events that the log store will never have, by reason; they were counted all the same.",
            "reason",
            DROP_REASONS,
            registry,
        )

        def drop(reason: DropReason, number: int) -> None:
            events.labels("dropped").inc(number)
            reasons.labels(reason).inc(number)

        self.notes = Notes(events.labels("sent").inc, drop, lambda code: batches.labels(code).inc())
        self.buffered = Gauge(
            "capgo_exporter_event_store_buffered_bytes",
            "Bytes of the posts whose events wait to be handed to the log store.",
            registry=registry,
        )
