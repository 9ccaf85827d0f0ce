"""The way from a post's bytes to the committed count, and to what a scrape shows, in this process and thread."""

from __future__ import annotations

import time
from pathlib import Path

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.ledger import Ledger, Limits
from exporter.counting.view import View
from exporter.intake.answer import Answer
from exporter.intake.answers import taken
from exporter.intake.committer import Committer
from exporter.intake.post import Arrival, Post
from exporter.intake.turns import Clock
from exporter.metrics.telemetry import Telemetry
from exporter.storage.journal import Journal
from exporter.wire.events import decode
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import policy

MEMORY = 1_000_000
BUDGETS = BudgetLimits(20, 100, 100_000)
DEVICES = 1_000_000
"""The defaults."""


class Spine:
    """A ledger in a directory, as the exporter builds it, with a commit for each post; or for several."""

    def __init__(
        self,
        directory: Path,
        budgets: BudgetLimits = BUDGETS,
        clock: Clock = time.time,
        devices: int = DEVICES,
    ) -> None:
        self._journal = Journal(directory, "process", MEMORY, 7 * 86400.0)
        ledger = Ledger(Limits(30 * 86400.0, 150.0, budgets.max_series, MEMORY, budgets, devices))
        self._committer = Committer(ledger, self._journal, Telemetry(), (), clock)
        self._committer.load()
        self._label = policy(())
        self._fingerprints = fingerprinter(self._journal.key)

    def read(self, body: bytes) -> Post:
        """Decode, label and fingerprint it."""
        return Post(Arrival(body, "", lambda _: None, 0.0), decode(body, 1000), self._label, self._fingerprints)

    def post(self, *bodies: bytes) -> list[Answer]:
        """Count them in one commit."""
        posts = [self.read(body) for body in bodies]
        self._committer.count(posts)
        return [taken(post) for post in posts]

    def scrape(self) -> View:
        """What a scrape shows."""
        return self._committer.scrape()

    def close(self) -> None:
        self._journal.close()
