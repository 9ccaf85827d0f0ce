"""A post between its decoding and its commit: which of its events ask to be counted, and what became of them."""

from collections.abc import Sequence

from exporter.events import Batch, Event, Reason, Rejected
from exporter.fingerprints import Fingerprints
from exporter.labels import Ignored, IgnoredReason, Label, Series
from exporter.ledger import Entry


class Post:
    """A decoded post on its way through the commit; `error` or `series` are set when it is decided."""

    __slots__ = ("array", "decided", "elements", "entries", "error", "ignored", "positions", "rejected", "series")

    def __init__(self, batch: Batch, label: Label, fingerprints: Fingerprints) -> None:
        self.array = batch.array
        self.elements = len(batch.items)
        events: list[Event] = []
        labelled: list[Series] = []
        self.positions: list[int] = []
        self.rejected: dict[int, Reason] = {}
        self.ignored: list[IgnoredReason] = []
        for index, item in enumerate(batch.items):
            outcome = item if isinstance(item, Rejected) else label(item)
            if isinstance(outcome, Rejected):
                self.rejected[index] = outcome.reason
            elif isinstance(outcome, Ignored):
                self.ignored.append(outcome.reason)
            elif isinstance(item, Event):
                events.append(item)
                labelled.append(outcome)
                self.positions.append(index)
        timestamps = [event.timestamp or 0 for event in events]
        devices = [event.device_id or "" for event in events]
        self.entries = list(map(Entry, labelled, fingerprints(events), timestamps, devices))
        self.series: Sequence[Series | None] = ()
        self.error: Exception | None = None
        self.decided = False

    def counted(self) -> list[tuple[int, Series]]:
        """Index in the body and series of each event that was counted."""
        return [(at, series) for at, series in zip(self.positions, self.series, strict=True) if series is not None]
