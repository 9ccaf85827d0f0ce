"""What the process asks of its system and of Python: many connections in little memory, and a reliable end."""

import ctypes
import gc
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Final

import structlog

_log = structlog.get_logger("process")

_M_MMAP_THRESHOLD: Final = -3
_MMAP_THRESHOLD: Final = 128 * 1024

_STDERR: Final = 2

_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def take_signals() -> None:
    """Keep SIGTERM, SIGINT and SIGHUP until `End` hears them; to be called before there is another thread.

    Python's own handlers run in the main thread, and of two signals that come together the system may give the second
    to another one: the main thread, if it waits for a lock, then sleeps on and never hears of it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


class End:
    """The end of the process: SIGTERM, SIGINT and failures ask for it, the main thread waits for it."""

    code = 0
    """The exit code: 1 once something has failed."""

    def __init__(self, limit: float) -> None:
        """When asked for, the end has come in `limit` seconds, always.

        Whatever hangs by then, a disk or a reader: nothing that was acknowledged is lost by a sudden end.
        """
        take_signals()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self.on_hangup: Callable[[], object] = lambda: None
        """What a SIGHUP means; called in a thread of its own."""

        self._asked: SimpleQueue[None] = SimpleQueue()
        self._begun = threading.Event()
        self._limit = limit
        for run in (self._listen, self._guard):
            threading.Thread(target=run, name=f"end{run.__name__}", daemon=True).start()

    def fail(self) -> None:
        """Ask for it from any thread, because something it can't do without is lost."""
        self.code = 1
        self._ask()

    def _ask(self) -> None:
        self._asked.put(None)
        self._begun.set()

    def wait(self, seconds: float | None = None) -> None:
        """Return when it was asked for (once more), at the latest after so many seconds."""
        with suppress(Empty):
            self._asked.get(timeout=seconds)

    def _listen(self) -> None:
        while True:
            if signal.sigwait(_SIGNALS) == signal.SIGHUP:
                self.on_hangup()
            else:
                self._ask()

    def _guard(self) -> None:
        self._begun.wait()
        time.sleep(self._limit)
        signal.alarm(1)  # ends the process even if nobody reads what it says last
        _log.critical("ended_late", seconds=self._limit)
        os._exit(1)


def have_standard_streams() -> None:
    """Give the numbers 0 to 2 to nothing, where whoever started the process has closed them (`>&-`).

    Else a file or a connection of ours would have one, and what is meant for standard output would be written to it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= _STDERR:
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for as long as the process lives


def allow_files(needed: int) -> int:
    """Ask for so many open files: most systems start a process with 1,024 and let it ask for more. Returns how many
    there may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return soft
    allowed = min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def return_freed_memory() -> None:
    """Have every large block given back to the system when it is freed.

    By itself glibc soon takes blocks of up to 32 MiB from heaps of each thread's own, where they stay: 8 threads that
    have met a large post each would hold hundreds of MB. (Elsewhere malloc has no such function, nor the habit.)
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)


def take_short_turns() -> None:
    """Have a thread that computes let others go on after half a millisecond, not five.

    A scrape of 100,000 series computes for a tenth of a second, and a post needs several turns until its reply.
    """
    sys.setswitchinterval(0.0005)


@contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """What is made in the meantime lives as long as the process: the collector leaves it alone, then and later.

    To look through a ledger of 100,000 series again and again would stall posts, and double the time of its loading.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
