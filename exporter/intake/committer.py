"""What touches ledger and journal: it counts what was posted, and says what a scrape may show.

All of it in one thread, where each has a turn (`turns`): posts, of which `gathering` brings many together: draft,
commit, apply; scrapes, readiness, backup and the landing page, which wait for so long at the most.

A post is answered only after the transaction that holds its events is committed, and memory changes only then.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from exporter.counting.changes import Changes
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger
from exporter.counting.view import Newest, View
from exporter.eventlog.record import Record, Sink
from exporter.intake.post import Post
from exporter.intake.turns import BusyError, Clock, Turns, answered, result
from exporter.metrics.telemetry import Telemetry
from exporter.storage.errors import StorageUnavailableError, unusable
from exporter.storage.journal import Journal

ASKING_PATIENCE: Final = 0.5
"""Seconds that a scrape waits for its turn."""

BACKUP_PATIENCE: Final = 600.0

VERSIONS_TOLD: Final = 100
"""Versions on the landing page: enough for a person."""

_log = structlog.get_logger("committer")


class Committer:
    """Counts posts, and answers what any other thread asks."""

    def __init__(
        self,
        ledger: Ledger,
        journal: Journal,
        telemetry: Telemetry,
        event_logs: Sequence[Sink],
        clock: Clock = time.time,
        now: Clock = time.monotonic,
    ) -> None:
        """`clock` is in seconds since the epoch, `now` never goes back."""
        self._ledger = ledger
        self._journal = journal
        self._telemetry = telemetry
        self._event_logs = event_logs
        self._clock = clock
        self.turns = Turns(now)
        self._view = ledger.view()
        self._newest = Newest((), 0)
        self._was_left = False
        """Whether a scrape did not wait for what it moved on: the next shows that, as the ledger takes it for shown."""

    # In the committer's thread.

    def load(self) -> None:
        """Rebuild the ledger from its journal, before the start. Raises `LedgerError`."""
        self._journal.load(self._ledger.apply, self._ledger.devices)
        if self._journal.is_copy:
            changes = self._ledger.begin_anew(self._clock())
            self._journal.begin_anew(changes)
            self._ledger.apply(changes)
        self._trim_devices()
        self._look()

    def _trim_devices(self) -> None:
        """Let devices go that are beyond a limit which was higher before. Raises `LedgerError`."""
        try:
            for changes in self._ledger.devices.trimmed(self._clock()):
                self._commit(changes)
                self._telemetry.devices_dropped.inc(len(changes.devices))
        except StorageUnavailableError as error:
            raise unusable(self.directory, error) from error

    def start(self) -> None:
        """Take turns."""
        self.turns.start()

    def stop(self, patience: float) -> None:
        """Finish what waits, write the event log out, and close the ledger; a disk that hangs is left behind."""
        finished = self.turns.stop(patience)
        closing = [threading.Thread(target=log.close) for log in self._event_logs]
        for each in closing:
            each.start()
        for each in closing:
            each.join()
        if finished:
            self._journal.close()

    def count(self, posts: list[Post]) -> None:
        """Count posts in one transaction, and set their `series`. Raises `StorageUnavailableError`."""
        with self._troubles_told():
            self._settle()
            draft = Draft(self._ledger, self._clock(), self._journal.remembers)
            for post in posts:
                post.series = draft.add(post.entries)
            self._commit(draft.changes)
        self._telemetry.count_folded(draft.folded)
        if draft.hearing.dropped:
            self._telemetry.devices_dropped.inc(draft.hearing.dropped)
        self._note(posts, draft.changes.at)

    def _note(self, posts: Sequence[Post], now: float) -> None:
        fates = [fate for post in posts for fate in post.series]
        duplicates = fates.count(None)
        rejected = [reason for post in posts if post.rejected for reason in post.rejected.values()]
        ignored = [reason for post in posts if post.ignored for reason in post.ignored]
        self._telemetry.tally = self._telemetry.tally.add(len(fates) - duplicates, duplicates, rejected, ignored)
        self._telemetry.count_dropped([reason for post in posts if post.dropped for reason in post.durations_dropped()])
        if self._event_logs:
            self._write_down(posts, now)

    def _write_down(self, posts: Sequence[Post], now: float) -> None:
        for post in posts:
            counted = post.counted()
            if counted:
                record = Record(post.arrival.body, now, counted)
                for log in self._event_logs:
                    log.offer(record)

    @contextmanager
    def _troubles_told(self) -> Iterator[None]:
        """Have the log say what the disk refuses, and when it takes it again."""
        failing = not self._journal.healthy
        try:
            yield
        except StorageUnavailableError as error:
            _log.error("storage_unavailable", error=str(error))
            raise
        if failing and self._journal.healthy:
            _log.info("storage_back", ends="storage_unavailable")

    def _settle(self) -> None:
        landed = self._journal.settle()
        if landed is not None:
            self._ledger.apply(landed)

    def _commit(self, changes: Changes) -> None:
        if changes.stored:
            started = time.perf_counter()
            try:
                self._journal.commit(changes)
            except StorageUnavailableError:
                self._telemetry.commit_errors.inc()
                raise
            finally:
                self._telemetry.commit_seconds.observe(time.perf_counter() - started)
        self._ledger.apply(changes)

    def scrape(self) -> View:
        """Move the series on, and tell what a scrape shows then."""
        if self._was_left:
            self._was_left = False
            return self._look()  # not what that one saw then: others may have been shown more since
        with suppress(StorageUnavailableError), self._troubles_told():  # then all stays as it was shown
            self._settle()
            self._commit(self._ledger.exposure(self._clock()))
        return self._look()

    def _look(self) -> View:
        self._ledger.apply(Changes(self._clock()))  # the hours pass for devices, whatever the disk takes
        self._telemetry.ledger_bytes.set(self._journal.size)  # here, as a disk that hangs may hang this as well
        self._view = self._ledger.view()
        return self._view

    def _commit_nothing(self) -> bool:
        try:
            with self._troubles_told():
                self._settle()
                self._journal.commit(Changes(self._clock()))
        except StorageUnavailableError:
            return False
        return True

    def _back_up(self, target: Path) -> None:
        self._settle()  # what is in doubt may hold a transaction open, and the copy would wait for its end
        self._journal.backup(target, self.turns.on_progress)

    def _note_backup(self) -> None:
        self._settle()
        self._journal.note_backup(self._clock())

    # In any thread.

    def has_series_of(self, app_id: str) -> bool:
        """Whether an app has series of its own."""
        return app_id in self._ledger.census.apps

    def view(self, scrape: bool) -> View:
        """What to show now; a `scrape` moves series on: births, releases and expiries, committed before they show.

        If that commit fails, everything stays as it was shown, and the scrape is served all the same; while another one
        hangs, the scrape shows what the one before did.
        """
        future = self.turns.ask(self.scrape if scrape else self._look, ASKING_PATIENCE)
        if answered(future):
            return future.result()
        if scrape and not future.cancelled():
            future.add_done_callback(self._leave)
        return self._view

    def _leave(self, future: "Future[View]") -> None:
        if future.exception() is None:
            self._was_left = True

    def newest(self) -> Newest:
        """The versions heard from last; as they were told before, if it is busy."""
        with suppress(BusyError):
            self._newest = result(self.turns.ask(partial(self._ledger.newest, VERSIONS_TOLD), ASKING_PATIENCE))
        return self._newest

    def ready(self) -> bool:
        """Whether a post would be counted; after a failed commit, finds out by a commit of nothing."""
        if self.turns.hangs():
            return False
        if self._journal.healthy:
            return True
        future = self.turns.ask(self._commit_nothing, ASKING_PATIENCE)
        return answered(future) and future.result()

    def backup(self, target: Path) -> None:
        """Write a consistent copy of the ledger; posts wait until it is complete.

        Raises `StorageUnavailableError`, `sqlite3.Error`, `OSError` or `BusyError`.
        """
        result(self.turns.ask(partial(self._back_up, target), BACKUP_PATIENCE))

    def note_backup(self) -> None:
        """Remember that a copy was handed over now. Raises `StorageUnavailableError` or `BusyError`."""
        result(self.turns.ask(self._note_backup, ASKING_PATIENCE))

    def observe(self) -> None:
        """Bring the gauges about the ledger up to date."""
        self._telemetry.last_backup.set(self._journal.last_backup)
        since = self._ledger.seen.since
        self._telemetry.dedup_span.set(0 if since is None else self._clock() - since)

    @property
    def directory(self) -> Path:
        """The data directory."""
        return self._journal.directory
