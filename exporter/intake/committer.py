"""The spine: from a post's bytes to a committed count, and from a scrape to what it may show.

    post    decode, label, fingerprint                                          (in the request's own thread)
            draft, commit, apply: by whoever holds the commit lock, for all that wait at that moment
    scrape  exposure, commit, apply, view: under the same lock; the text is written outside of it

Neither a slow disk nor a flood makes a client wait: posts that would have to wait for longer than `PATIENCE` are
refused as overloaded, and one commit takes so few of them that threads are left to say so.

A post is answered only after the transaction that holds its events is committed, and memory changes only then.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from exporter.counting.budgets import OVERFLOW
from exporter.counting.changes import Changes
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, View
from exporter.eventlog.file import EventLog, Record
from exporter.intake.overload import PATIENCE, Load
from exporter.intake.post import Post
from exporter.metrics.telemetry import Telemetry
from exporter.storage.journal import Journal, StorageUnavailableError
from exporter.wire.events import Reason, decode
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import Label, Version

Clock = Callable[[], float]

SCRAPE_PATIENCE: Final = 0.5
"""Seconds that a scrape waits for a commit."""

LARGE_BODY: Final = 256 * 1024
"""Bytes above which bodies are decoded one at a time, as what a body decodes to may take 20 times its memory."""

_log = structlog.get_logger("ingest")


class Answer(msgspec.Struct, frozen=True):
    """What became of the elements of a body: how many there were, and by index why some of them were rejected."""

    rejected: Mapping[int, Reason]
    events: int
    array: bool


class OverloadedError(Exception):
    """The post can't be counted soon enough; nothing of it was."""


class Ingest:
    """Counts posts and shows them to scrapes; safe to call from any thread."""

    def __init__(
        self,
        ledger: Ledger,
        journal: Journal,
        label: Label,
        telemetry: Telemetry,
        event_log: EventLog | None,
        load: Load,
        max_batch: int,
        max_together: int,
        clock: Clock = time.time,
    ) -> None:
        """`max_together` is the number of posts that one commit may take."""
        self._ledger = ledger
        self._journal = journal
        self._label = label
        self._fingerprints = fingerprinter(journal.key)
        self._telemetry = telemetry
        self._event_log = event_log
        self._load = load
        self._max_batch = max_batch
        self._max_together = max_together
        self._committing_since: float | None = None
        self._clock = clock
        self._one_large = threading.Lock()
        self._lock = threading.Lock()
        self._view = ledger.view()
        self._waiting: deque[Post] = deque()

    def load(self, restored: bool) -> None:
        """Rebuild the ledger from its journal; `restored` says that this is an older copy. Raises `LedgerError`."""
        self._journal.load(self._ledger.apply)
        if restored:
            self._commit(self._ledger.begin_anew(self._clock()))
            self._journal.mark_restored()
        self._view = self._ledger.view()

    def counted(self) -> dict[Version, int]:
        """The events of each version on /metrics, those that are not shown yet among them."""
        with self._lock:
            return self._ledger.counted()

    def post(self, body: bytes) -> Answer:
        """Count a body's events.

        Raises `MalformedBodyError`, `TooManyEventsError`, `OverloadedError` or `StorageUnavailableError`; then nothing
        was counted.
        """
        post = self._read(body)
        self._telemetry.batch_events.observe(post.elements)
        self._decide(post)
        if self._event_log and (counted := post.counted()):
            self._event_log.offer(Record(body, self._clock(), counted))
        return Answer(post.rejected, post.elements, post.array)

    def _read(self, body: bytes) -> Post:
        # Of what is decoded, only what counting needs outlives this.
        if len(body) <= LARGE_BODY:
            return Post(decode(body, self._max_batch), self._label, self._fingerprints)
        with self._one_large:
            return Post(decode(body, self._max_batch), self._label, self._fingerprints)

    def _decide(self, post: Post) -> None:
        started = self._load.now()
        self._refuse_if_overloaded(post, started)
        self._wait(post, started + PATIENCE)
        if post.error is not None:
            raise post.error
        self._load.finished(started)

    def _wait(self, post: Post, deadline: float) -> None:
        self._waiting.append(post)
        taken = False
        while not post.decided:
            free = self._lock.acquire(blocking=False)  # mostly it is, and to ask with a timeout costs more
            # Once taken into a commit, a post has to hear of its fate, however long that takes.
            if free or self._lock.acquire(timeout=-1 if taken else max(deadline - self._load.now(), 0)):
                try:
                    if not post.decided:
                        self._commit_waiting()
                finally:
                    self._lock.release()
            elif self._withdraw(post):
                raise OverloadedError
            else:
                taken = True

    def _refuse_if_overloaded(self, post: Post, now: float) -> None:
        # Apps without series of their own share one part, or forged names would make each real app the noisy one.
        series = post.entries.series
        app_id = series[0].version.app_id if series else OVERFLOW
        if app_id not in self._ledger.census.apps:
            app_id = OVERFLOW
        since = self._committing_since
        if self._load.overloaded(app_id) or (since is not None and now - since > PATIENCE):
            raise OverloadedError

    def _withdraw(self, post: Post) -> bool:
        try:
            self._waiting.remove(post)
        except ValueError:
            return False
        return True

    def _take(self) -> list[Post]:
        posts: list[Post] = []
        while self._waiting and len(posts) < self._max_together:
            try:
                posts.append(self._waiting.popleft())
            except IndexError:  # the others have withdrawn
                break
        return posts

    def _commit_waiting(self) -> None:
        self._committing_since = self._load.now()
        posts = self._take()
        try:
            self._settle()
            draft = Draft(self._ledger, self._clock(), self._journal.remembers)
            for post in posts:
                post.series = draft.add(post.entries)
            self._commit(draft.changes)
        except Exception as error:  # whatever it is, those that wait must hear of it
            for post in posts:
                post.error, post.decided = error, True
            return
        finally:
            self._committing_since = None
        self._telemetry.count_folded(draft.folded)
        for series in draft.changes.totals:
            self._telemetry.last_event[series.version.app_id] = draft.changes.at
        for post in posts:
            self._note(post)

    def _note(self, post: Post) -> None:
        duplicates = post.series.count(None)
        counted = len(post.series) - duplicates
        self._telemetry.tally = self._telemetry.tally.add(counted, duplicates, post.rejected.values(), post.ignored)
        post.decided = True

    def _settle(self) -> None:
        landed = self._journal.settle()
        if landed is not None:
            self._ledger.apply(landed)

    def _commit(self, changes: Changes) -> None:
        if changes.stored:
            started = time.perf_counter()
            try:
                self._journal.commit(changes)
            except StorageUnavailableError as error:
                self._telemetry.commit_errors.inc()
                _log.error("storage_unavailable", error=str(error))
                raise
            finally:
                self._telemetry.commit_seconds.observe(time.perf_counter() - started)
        self._ledger.apply(changes)

    def view(self, scrape: bool) -> View:
        """What to show now; a `scrape` moves series on: births, releases and expiries, committed before they show.

        If that commit fails, everything stays as it was shown, and the scrape is served all the same; while another one
        hangs, the scrape shows what the one before did.
        """
        if self._lock.acquire(timeout=SCRAPE_PATIENCE):
            try:
                if scrape:
                    self._move_on()
                self._view = self._ledger.view()
            finally:
                self._lock.release()
        return self._view

    def _move_on(self) -> None:
        with suppress(StorageUnavailableError):
            self._settle()
            self._commit(self._ledger.exposure(self._clock()))

    def ready(self) -> bool:
        """Whether posts can be counted; after a failed commit, finds out by a commit of nothing."""
        if self._journal.healthy:
            return True
        if not self._lock.acquire(timeout=SCRAPE_PATIENCE):
            return False
        try:
            self._settle()
            self._journal.commit(Changes(self._clock()))
        except StorageUnavailableError:
            return False
        finally:
            self._lock.release()
        return True

    def observe(self) -> None:
        """Bring the gauges about the ledger up to date."""
        self._telemetry.ready.set(self._journal.healthy)
        self._telemetry.ledger_bytes.set(self._journal.size)
        since = self._ledger.seen.since
        self._telemetry.dedup_span.set(0 if since is None else self._clock() - since)

    @property
    def directory(self) -> Path:
        """The data directory."""
        return self._journal.directory

    def backup(self, target: Path) -> None:
        """Write a consistent copy of the ledger; posts wait until it is complete.

        Raises `StorageUnavailableError` or `sqlite3.Error`.
        """
        with self._lock:
            self._settle()  # what is in doubt may hold a transaction open, and the copy would wait for its end
            self._journal.backup(target)

    def close(self) -> None:
        """Write out what waits, and close the ledger."""
        if self._event_log:
            self._event_log.close()
        with self._lock:
            self._journal.close()
