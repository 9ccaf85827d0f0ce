"""What became of the events received since the process started, and the families that say so."""

from collections.abc import Collection, Iterator

import msgspec
from prometheus_client.core import CounterMetricFamily, Metric

from exporter.wire.events import REASONS, Reason
from exporter.wire.labels import IGNORED_REASONS, IgnoredReason


class Tally(msgspec.Struct, frozen=True, gc=False):
    """What became of the events received since the process started; `received` is the sum of the others.

    Immutable, and replaced when posts are decided, so that every scrape adds up.
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

    def families(self) -> Iterator[Metric]:
        """Those that say so."""
        received = self.counted + self.duplicate + sum(self.rejected) + sum(self.ignored)
        for name, text, value in (
            (
                "received",
                "Events received since start: counted, duplicate, rejected and ignored ones together.",
                received,
            ),
            ("counted", "Events counted in capgo_events_total or capgo_test_events_total since start.", self.counted),
            ("duplicate", "Events recognised as a retry of a counted one since start.", self.duplicate),
        ):
            yield CounterMetricFamily(f"capgo_exporter_events_{name}", text, value=value)
        for name, text, reasons, values in (
            ("rejected", "Events that can't be counted, by reason, since start.", REASONS, self.rejected),
            ("ignored", "Events known to say nothing, by reason, since start.", IGNORED_REASONS, self.ignored),
        ):
            family = CounterMetricFamily(f"capgo_exporter_events_{name}", text, labels=["reason"])
            for reason, value in zip(reasons, values, strict=True):
                family.add_metric([reason], value)
            yield family


def _plus(totals: tuple[int, ...], names: tuple[str, ...], found: Collection[str]) -> tuple[int, ...]:
    if not found:
        return totals
    more = list(totals)
    for name in found:
        more[names.index(name)] += 1
    return tuple(more)
