"""What a scrape of many series costs: `python -m tests.bench.scrape`.

CPU time of the ledger's view and of the text, for 100,000 series, beside what prometheus_client takes for the
same data in the same run; and the memory of a series.
"""

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.metrics.exposition import Exposer, encoded
from exporter.wire.actions import CATALOGUE
from exporter.wire.labels import Series, Version
from tests.support.entries import Entry, columns
from tests.support.library import Library

SERIES = 100_000
ROUNDS = 7
ACCEPT = {"text": "text/plain;version=0.0.4", "OpenMetrics": "application/openmetrics-text;version=1.0.0"}


def filled() -> Ledger:
    """A ledger that shows so many series, each with a count of its own."""
    ledger = Ledger(Limits(1e9, 0.0, SERIES, 1000, BudgetLimits(10**6, 10**6, 10**7)))
    actions = sorted(CATALOGUE)
    draft = Draft(ledger, 0.0)
    for number in range(SERIES // len(actions) + 1):
        # A few versions an app, so that none is beyond its allowance of births.
        version = Version(f"com.acme.app{number // 10}", "android", f"1.{number}.0", False)
        for action in actions:
            draft.add(columns([Entry(Series(version, action))] * (number % 7 + 1)))
    ledger.apply(draft.changes)
    ledger.apply(ledger.exposure(1.0))
    return ledger


class Collected(NamedTuple):
    """The same samples, as the library's own families."""

    families: Sequence[Metric]

    def collect(self) -> Sequence[Metric]:
        return self.families


def cpu(work: Callable[[], object]) -> float:
    """Milliseconds of CPU."""
    before = time.process_time()
    work()
    return (time.process_time() - before) * 1000


def main() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ledger, exposer = filled(), Exposer()
    series = len(ledger.view().shown)
    exposer.expose(ledger.view(), [], ACCEPT["text"])
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{series:,} series: {(after - before) * 1024 / series:.0f} bytes of memory each")
    library = Collected(Library(ledger.view().shown).collect())
    for name, accept in ACCEPT.items():
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(cpu(lambda: encoded(exposer.expose(ledger.view(), [], accept).parts, "gzip")))  # noqa: B023
            theirs.append(cpu(lambda: choose_encoder(accept)[0](library)))  # noqa: B023
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        print(
            f"{name}: {min(ours):.0f} {statistics.median(ours):.0f} {max(ours):.0f} ms CPU, gzip included"
            f" (min, median, max); prometheus_client without gzip {statistics.median(theirs):.0f}; ratio {ratio:.1f}"
        )


if __name__ == "__main__":
    main()
