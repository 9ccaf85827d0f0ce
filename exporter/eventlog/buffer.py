"""Records that wait to be written: bounded in bytes and in events, as a slow writer may cost lines and nothing else."""

import queue
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from exporter.eventlog.record import Record

BYTES: Final = 16 * 1024 * 1024
"""Posts that wait, at the most: seconds of a busy fleet."""

EVENTS: Final = 100_000

Order = TypeVar("Order")


class Buffer(Generic[Order]):
    """Any thread offers, one takes, and releases what it is done with. Orders to it keep their place and always fit."""

    def __init__(self, dropped: Callable[[int], None], max_bytes: int = BYTES, max_events: int = EVENTS) -> None:
        """`dropped` is told how many events of a record did not fit."""
        self._dropped = dropped
        self._room = [max_bytes, max_events]
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Record | Order] = queue.SimpleQueue()

    @property
    def bytes(self) -> int:
        """How much is kept."""
        return self._max_bytes - self._room[0]

    def offer(self, record: Record) -> None:
        """Take a record or drop it; returns at once."""
        size, events = len(record.body), len(record.counted)
        with self._lock:
            fits = size <= self._room[0] and events <= self._room[1]
            if fits:
                self._room[0] -= size
                self._room[1] -= events
        if fits:
            self._queue.put(record)
        else:
            self._dropped(events)

    def order(self, order: Order) -> None:
        """Have the taker do something behind what waits now."""
        self._queue.put(order)

    def take(self, seconds: float | None = None) -> Record | Order | None:
        """The next one, waiting so long for it (None: for ever); None if there is none."""
        try:
            return self._queue.get(timeout=seconds)
        except queue.Empty:
            return None

    def release(self, record: Record) -> None:
        """Make room: a record that was taken is no longer kept."""
        with self._lock:
            self._room[0] += len(record.body)
            self._room[1] += len(record.counted)
