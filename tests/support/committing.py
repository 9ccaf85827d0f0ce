"""A committer on a disk that can be held, and the loop whose posts it counts; the test owns the clocks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.changes import Changes
from exporter.counting.ledger import Ledger, Limits
from exporter.intake.committer import Committer
from exporter.intake.gathering import Gathering
from exporter.intake.post import Arrival, Post
from exporter.intake.turns import PATIENCE
from exporter.metrics.telemetry import Telemetry
from exporter.storage.errors import StorageUnavailableError
from exporter.storage.journal import Journal
from exporter.wire.events import decode
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import policy
from tests.support.loops import TestLoop, eventually

SLOWLY = PATIENCE * 1.1


class HangingJournal(Journal):
    """A disk that can be held: each commit waits until it is free."""

    free: threading.Event
    fails = False
    begun = 0

    def commit(self, changes: Changes) -> None:
        self.begun += 1
        self.free.wait()
        if self.fails:
            raise StorageUnavailableError("the disk is full")
        super().commit(changes)


def disk(directory: Path) -> HangingJournal:
    """One that is free."""
    journal = HangingJournal(directory, "process", 1000, 3600.0)
    journal.free = threading.Event()
    journal.free.set()
    return journal


class Bench:
    """A committer, its loop, and what became of the posts."""

    def __init__(self, directory: Path) -> None:
        self.loop = TestLoop()
        self.journal = disk(directory)
        self.telemetry = Telemetry()
        limits = Limits(3600.0, 0.0, 10_000, 1000, BudgetLimits(2, 10, 10_000))
        self.committer = Committer(
            Ledger(limits), self.journal, self.telemetry, (), clock=lambda: 1_000_000.0, now=lambda: self.loop.now
        )
        self.committer.load()
        self.committer.start()
        self.gathering = Gathering(self.committer)
        self.gathering.on_decided(self._decided)
        self.fates: dict[int, Exception | None] = {}
        self._label, self._fingerprints = policy(()), fingerprinter(self.journal.key)
        self._posted = 0
        self.answered: Callable[[], None] = lambda: None
        """Called when posts were decided."""

    def _decided(self, posts: list[Post]) -> None:
        for post in posts:
            assert int(post.arrival.user_agent) not in self.fates, "decided twice"
            self.fates[int(post.arrival.user_agent)] = post.error
        self.answered()

    def post(self, app_id: str = "com.example.app", events: int = 1) -> int:
        """Submit one; its number in `fates`."""
        self._posted += 1
        items = [{"app_id": app_id, "action": "set", "version_name": "1.0.0"}] * events
        body = json.dumps(items).encode()
        arrival = Arrival(body, str(self._posted), lambda _: None, self.loop.now)
        self.gathering.submit(Post(arrival, decode(body, 100_000), self._label, self._fingerprints))
        return self._posted

    async def until_it_hangs(self) -> int:
        """Hold the disk, and have it begin a commit; the number of the post in it."""
        self.journal.free.clear()
        begun = self.journal.begun
        number = self.post()
        await eventually(lambda: self.journal.begun > begun)
        return number

    async def until_decided(self, number: int) -> Exception | None:
        """The error of a post, if it has one."""
        await eventually(lambda: number in self.fates)
        return self.fates[number]

    def run(self, story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
        """Run a story in the loop."""
        self.loop.run_until_complete(story(self))
