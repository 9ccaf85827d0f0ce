"""Standard error, to which writing neither fails nor waits for long.

Who reads the log may be gone, or stand still (a pager, a terminal with Ctrl-S, a log driver), or its disk be full: none
of that may keep a post from its reply. Nor the process from its end, which is why Python's own stream is passed by: it
keeps what could not be written, and its lock while it waits, and would be flushed last.
"""

import os
import queue
import threading
from contextlib import suppress
from typing import Final

PATIENCE: Final = 1.0
"""Seconds that the first text which is not taken is waited for; so long as it isn't, nothing else is."""

LONGEST_QUEUE: Final = 200
"""Texts that wait for a reader. Further ones are lost, and counted."""

_STDERR: Final = 2

_Text = tuple[str, threading.Event]


class StandardError:
    """Any thread may write; one of its own waits for the reader. While that reads, a text is out when `write` returns,
    so that the last words before a sudden end are read as well.
    """

    def __init__(self, patience: float = PATIENCE, descriptor: int = _STDERR) -> None:
        self._patience = patience
        self._descriptor = descriptor
        self._texts: queue.Queue[_Text | None] = queue.Queue(LONGEST_QUEUE)
        self._lock = threading.Lock()
        self._lost = 0
        self._stands_still = False
        self._thread = threading.Thread(target=self._run, name="stderr", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Have it written."""
        written = threading.Event()
        try:
            self._texts.put_nowait((text, written))
        except queue.Full:
            with self._lock:
                self._lost += 1
        else:
            if not self._stands_still and not written.wait(self._patience):
                self._stands_still = True

    def flush(self) -> None:
        """That is done."""

    def take_lost(self) -> int:
        """How many texts were lost, if there is room to tell it; they are told then."""
        with self._lock:
            lost, self._lost = (self._lost, 0) if not self._texts.full() else (0, self._lost)
        return lost

    def close(self) -> None:
        """Write no more than what waits."""
        with suppress(queue.Full):
            self._texts.put_nowait(None)

    def _run(self) -> None:
        while (item := self._texts.get()) is not None:
            text, written = item
            with suppress(OSError):
                self._write(text.encode(errors="backslashreplace"))
            written.set()
            self._stands_still = False

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]
