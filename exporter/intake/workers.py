"""Threads that serve a queue."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

_PATIENCE: Final = 5.0
"""Seconds to wait for the last of them."""

T = TypeVar("T")


class Workers(Generic[T]):
    """Threads that take items from a queue and serve them, each one at a time."""

    def __init__(self, number: int, name: str, serve: Callable[[T], None]) -> None:
        """`serve` raises nothing."""
        self._queue: SimpleQueue[T | None] = SimpleQueue()
        self._serve = serve
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(number)]

    def start(self) -> None:
        """Once."""
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Items that wait for a thread."""
        return self._queue.qsize()

    def put(self, item: T) -> None:
        """Have it served as soon as a thread is free."""
        self._queue.put(item)

    def stop(self) -> None:
        """Serve all that waits, then end; a thread that does not is left behind."""
        for _ in self._threads:
            self._queue.put(None)
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._serve(item)
