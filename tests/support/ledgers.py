"""Ledgers to post to and to scrape: in memory alone, or on a real file; and of what."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine, initialize

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.changes import Changes
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.counting.view import View
from exporter.storage.journal import Journal
from exporter.wire.families import LAUNCHES, Family
from exporter.wire.labels import Series, Version
from tests.support.entries import Entry, columns

HOLD = 30.0
TTL = 2000.0
BUDGETS = BudgetLimits(max_apps=5, max_versions=5, max_series=4000)
VERSIONS = [
    Version("com.acme.notes", "ios", name, test) for name, test in (("1.0", False), ("1.1", False), ("1.1", True))
]
ONE = Series(VERSIONS[0], "update_fail")


def launch(version: Version, milliseconds: int, histogram: Family = LAUNCHES) -> Entry:
    """A launch, or a page load, that took so long."""
    return Entry(Series(version, histogram.part(milliseconds)), duration=milliseconds)


def make(hold: float = HOLD, max_dormant: int = 100) -> Ledger:
    """A ledger without a disk."""
    return Ledger(Limits(TTL, hold, max_dormant, 1000, BUDGETS))


def post(ledger: Ledger, *entries: Entry, at: float) -> list[Series | None]:
    """Count some events in one commit; for each the series that it counted in."""
    draft = Draft(ledger, at)
    counted = draft.add(columns(entries))
    ledger.apply(draft.changes)
    return [*counted]


def count(ledger: Ledger, *series: Series, at: float = 0.0) -> None:
    """Count an event in each of some series."""
    post(ledger, *map(Entry, series), at=at)


def scrape(ledger: Ledger, at: float) -> View:
    """What a scrape shows."""
    ledger.apply(ledger.exposure(at))
    return ledger.view()


class OnFile(RuleBasedStateMachine):
    """A ledger on a real file, and a clock that the test owns; `limits` and `window` are a test's own."""

    limits: Limits
    window: float

    def __init__(self, now: float) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = now

    @initialize()
    def start(self) -> None:
        """Open it, as at a start of the exporter."""
        self.journal = Journal(Path(self.folder.name), "process", self.limits.memory, self.window)
        self.ledger = Ledger(self.limits)
        self.journal.load(self.ledger.apply, self.ledger.devices)

    def teardown(self) -> None:
        """The test is over."""
        self.journal.close()
        self.folder.cleanup()

    def restart(self) -> None:
        """Close it, and open it anew."""
        self.journal.close()
        self.start()

    def commit(self, changes: Changes) -> None:
        """Write changes down, and bring them about."""
        if changes.stored:
            self.journal.commit(changes)
        self.ledger.apply(changes)

    def post(self, *posts: Sequence[Entry]) -> list[Series | None]:
        """Count posts in one commit; for each event the series that it counted in."""
        draft = Draft(self.ledger, self.now, self.journal.remembers)
        counted = [series for entries in posts for series in draft.add(columns(entries))]
        self.commit(draft.changes)
        return [*counted]
