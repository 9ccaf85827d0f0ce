"""The one thread that touches ledger and journal: it counts what was posted, and says what a scrape may show.

    posts   those that wait when it is free, together: draft, commit, apply; then the loop hears of their fates
    others  scrapes, readiness, backup, landing page ask, and wait for so long at the most; they take their turn

A post is answered only after the transaction that holds its events is committed, and memory changes only then. Posts
that would wait for longer than `PATIENCE` behind a commit that hangs are refused; those in it have to hear of its end.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

import structlog

from exporter.counting.census import OVERFLOW
from exporter.counting.changes import Changes
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger
from exporter.counting.view import Newest, View
from exporter.eventlog.record import Record, Sink
from exporter.intake.post import Post
from exporter.intake.waiting import PATIENCE, Waiting
from exporter.metrics.telemetry import Telemetry
from exporter.storage.errors import StorageUnavailableError, unusable
from exporter.storage.journal import Journal

Clock = Callable[[], float]
T = TypeVar("T")

ASKING_PATIENCE: Final = 0.5
"""Seconds that a scrape waits for its turn."""

BACKUP_PATIENCE: Final = 600.0

EVENTS_TOGETHER: Final = 5000
"""Events in one commit, about: scrapes wait for it, some twenty milliseconds."""

VERSIONS_TOLD: Final = 100
"""Versions on the landing page: enough for a person."""

_LOOK_AGAIN: Final = 0.1
"""Seconds after which the posts that wait are looked at again."""

_log = structlog.get_logger("committer")


class OverloadedError(Exception):
    """The post can't be counted soon enough; nothing of it was."""


class BusyError(TimeoutError):
    """The committer had no turn to give in time."""


class Committer:
    """Counts posts for one event loop, and answers what any other thread asks."""

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
        self.now = now
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._view = ledger.view()
        self._newest = Newest((), 0)
        self._not_shown: View | None = None
        """Of a scrape that did not wait for it: to be shown by the next, as the ledger takes it for shown."""

        self._working_since: float | None = None
        """By the monotonic clock; `None` while there is nothing to do."""

        # The loop's own.
        self._waiting = Waiting()
        self._counting = False
        self._watching = False
        self._decided: Callable[[list[Post]], None] = lambda _: None

        self.on_progress: Callable[[], None] = lambda: None
        """Who hears, in the committer's thread, that it gets on with its work; set before the start."""

        self._asked_for_progress = False

    # In the loop.

    def submit(self, post: Post) -> None:
        """Have a post counted together with all that wait; `on_decided` hears of it."""
        if not self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._hand_over, loop)  # after all that has come in this turn of the loop
            if not self._watching:
                self._watching = True
                loop.call_later(PATIENCE, self._give_up_waiting, loop)
        self._waiting.add(self._sender(post), post)

    def on_decided(self, decided: Callable[[list[Post]], None]) -> None:
        """Who hears, in the loop, of posts that were counted or have an `error`."""
        self._decided = decided

    def show_progress(self) -> None:
        """Have `on_progress` called in the committer's turn, which it does not get while a commit hangs."""
        if not self._asked_for_progress:
            self._asked_for_progress = True
            self._work.put(self._progress)

    def hangs(self) -> bool:
        """Whether the disk has been busy for so long that a post would wait for too long."""
        since = self._working_since
        return since is not None and self.now() - since > PATIENCE

    def _sender(self, post: Post) -> str:
        # Apps without series of their own share one place, or forged names would have a thousand.
        series = post.entries.series
        app_id = series[0].version.app_id if series else OVERFLOW
        return app_id if app_id in self._ledger.census.apps else OVERFLOW

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._counting or not self._waiting:
            return
        self._counting = True
        self._work.put(partial(self._count, self._waiting.take(EVENTS_TOGETHER), loop))

    def _give_up_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse those that have waited for too long behind a commit."""
        late = self._waiting.take_late(self.now() - PATIENCE)
        for post in late:
            post.error = OverloadedError()
        self._decided(late)
        self._watching = bool(self._waiting)
        if self._watching:
            loop.call_later(_LOOK_AGAIN, self._give_up_waiting, loop)

    def _have_counted(self, posts: list[Post], loop: asyncio.AbstractEventLoop) -> None:
        # Whoever is answered mostly sends the next post at once: a turn of the loop later it is here, and shares the
        # next commit with those that wait.
        loop.call_soon(loop.call_soon, self._go_on, loop)
        self._decided(posts)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._counting = False
        self._hand_over(loop)

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
        """Work, in a thread."""
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Finish what waits, write the event log out, and close the ledger; a disk that hangs is left behind."""
        self._work.put(None)
        self._thread.join(patience)
        closing = [threading.Thread(target=log.close) for log in self._event_logs]
        for each in closing:
            each.start()
        for each in closing:
            each.join()
        if not self._thread.is_alive():
            self._journal.close()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            self._working_since = self.now()
            work()
            self._working_since = None

    def _progress(self) -> None:
        self._asked_for_progress = False
        self.on_progress()

    def _count(self, posts: list[Post], loop: asyncio.AbstractEventLoop) -> None:
        try:
            self.count(posts)
        except Exception as error:  # whatever it is, those that wait must hear of it
            for post in posts:
                post.error = error
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(self._have_counted, posts, loop)

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
        if self._not_shown is not None:
            view, self._not_shown = self._not_shown, None
            return view
        with suppress(StorageUnavailableError), self._troubles_told():  # then all stays as it was shown
            self._settle()
            self._commit(self._ledger.exposure(self._clock()))
        return self._look()

    def _look(self) -> View:
        self._ledger.apply(Changes(self._clock()))  # the hours pass for devices, whatever the disk takes
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
        self._journal.backup(target, self.on_progress)

    def _note_backup(self) -> None:
        self._settle()
        self._journal.note_backup(self._clock())

    # In any thread.

    def _ask(self, question: Callable[[], T], patience: float = ASKING_PATIENCE) -> "Future[T]":
        """Have the committer answer in its turn; waits for so long. Raises what the question does, or `BusyError`."""
        future: Future[T] = Future()
        self._work.put(partial(_answer, future, question))
        try:
            future.exception(patience)
        except TimeoutError:
            future.cancel()
        return future

    def view(self, scrape: bool) -> View:
        """What to show now; a `scrape` moves series on: births, releases and expiries, committed before they show.

        If that commit fails, everything stays as it was shown, and the scrape is served all the same; while another one
        hangs, the scrape shows what the one before did.
        """
        future = self._ask(self.scrape if scrape else self._look)
        if future.done() and not future.cancelled():
            return future.result()
        if scrape and not future.cancelled():
            future.add_done_callback(self._keep)
        return self._view

    def _keep(self, future: "Future[View]") -> None:
        if future.exception() is None:
            self._not_shown = future.result()

    def newest(self) -> Newest:
        """The versions heard from last; as they were told before, if it is busy."""
        with suppress(BusyError):
            self._newest = _result(self._ask(partial(self._ledger.newest, VERSIONS_TOLD)))
        return self._newest

    def ready(self) -> bool:
        """Whether a post would be counted; after a failed commit, finds out by a commit of nothing."""
        if self.hangs():
            return False
        if self._journal.healthy:
            return True
        future = self._ask(self._commit_nothing)
        return future.done() and not future.cancelled() and future.result()

    def backup(self, target: Path) -> None:
        """Write a consistent copy of the ledger; posts wait until it is complete.

        Raises `StorageUnavailableError`, `sqlite3.Error`, `OSError` or `BusyError`.
        """
        _result(self._ask(partial(self._back_up, target), BACKUP_PATIENCE))

    def note_backup(self) -> None:
        """Remember that a copy was handed over now. Raises `StorageUnavailableError` or `BusyError`."""
        _result(self._ask(self._note_backup))

    def observe(self) -> None:
        """Bring the gauges about the ledger up to date."""
        self._telemetry.ledger_bytes.set(self._journal.size)
        self._telemetry.last_backup.set(self._journal.last_backup)
        since = self._ledger.seen.since
        self._telemetry.dedup_span.set(0 if since is None else self._clock() - since)

    @property
    def directory(self) -> Path:
        """The data directory."""
        return self._journal.directory


def _answer(future: "Future[T]", question: Callable[[], T]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(question())
        except BaseException as error:
            future.set_exception(error)


def _result(future: "Future[T]") -> T:
    if not future.done() or future.cancelled():
        raise BusyError
    return future.result()
