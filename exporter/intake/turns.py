"""The committer's thread, in which one thing is done at a time, for whoever asks."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Final, TypeVar

Clock = Callable[[], float]
T = TypeVar("T")

PATIENCE: Final = 1.0
"""Seconds that a post may have to wait for its turn."""


class BusyError(TimeoutError):
    """There was no turn in time."""


class Turns:
    """The thread, and what waits for its turn in it."""

    def __init__(self, now: Clock = time.monotonic) -> None:
        """`now` never goes back."""
        self.now = now
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._working_since: float | None = None
        """`None` while there is nothing to do."""

        self.on_progress: Callable[[], None] = lambda: None
        """Who hears, in the thread, that it gets on with its work; set before the start."""

        self._asked_for_progress = False

    def start(self) -> None:
        """Begin with what waits."""
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """Finish what waits; returns whether it is, for what hangs is left behind."""
        self._work.put(None)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            self._working_since = self.now()
            work()
            self._working_since = None
            del work  # what it knows, as a commit its posts, must not stay until something comes again

    # In any thread.

    def add(self, work: Callable[[], None]) -> None:
        """Have something done that raises nothing, without waiting for it."""
        self._work.put(work)

    def ask(self, question: Callable[[], T], patience: float) -> "Future[T]":
        """Have a question answered, and wait for so many seconds; one whose turn has not come by then is dropped."""
        future: Future[T] = Future()
        self._work.put(partial(_answer, future, question))
        try:
            future.exception(patience)
        except TimeoutError:
            future.cancel()
        return future

    def show_progress(self) -> None:
        """Have `on_progress` called in turn, which does not come while the disk hangs."""
        if not self._asked_for_progress:
            self._asked_for_progress = True
            self._work.put(self._progress)

    def _progress(self) -> None:
        self._asked_for_progress = False
        self.on_progress()

    def hangs(self) -> bool:
        """Whether a turn has taken so long that a post would wait for too long."""
        since = self._working_since
        return since is not None and self.now() - since > PATIENCE


def _answer(future: "Future[T]", question: Callable[[], T]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(question())
        except BaseException as error:
            future.set_exception(error)


def answered(future: "Future[T]") -> bool:
    """Whether what was asked has had its turn, and that is over."""
    return future.done() and not future.cancelled()


def result(future: "Future[T]") -> T:
    """The answer. Raises what the question did, or `BusyError` if there is none yet."""
    if not answered(future):
        raise BusyError
    return future.result()
