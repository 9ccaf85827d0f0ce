"""The event log's other way out: a log store that speaks OTLP over HTTP, such as Loki.

It is never in the way of a reply: posts wait in a bounded buffer as they came, and one thread reads them again, gathers
their events into batches for a second, and hands these over, one after the other.
"""

import gzip
import threading
import time
from collections import deque
from collections.abc import Collection
from enum import Enum
from importlib.metadata import version
from typing import Final, Literal

import structlog

from exporter.eventlog.buffer import Buffer
from exporter.eventlog.delivery import Delivery, Ending
from exporter.eventlog.endpoint import read_headers
from exporter.eventlog.entry import Entry, entry
from exporter.eventlog.exchange import Connection
from exporter.eventlog.notes import Notes
from exporter.eventlog.otlp import BYTES, CONTENT_TYPE, EVENTS, Batch
from exporter.eventlog.record import Record, counted_events
from exporter.eventlog.severity import FAILURES

LINGER_SECONDS: Final = 1.0
"""How long the first event of a batch waits for others."""

END_SECONDS: Final = 3.0
"""What those that wait have left when the exporter ends."""

_SET_BACK_NS: Final = 1_000_000_000

Actions = Literal["failures", "all"]

_VERSION: Final = version("capgo-exporter")

_SECRET_LENGTH: Final = 4
"""What is shorter keeps no secret, and is in many other words."""

_log = structlog.get_logger("eventstore")


class _Order(Enum):
    END = 1


def open_store(url: str, headers: str, actions: Actions, omit: Collection[str], notes: Notes) -> "EventStore":
    """The store at a URL that `check_endpoint` took, with headers that `read_headers` takes; `omit` is not sent."""
    given = read_headers(headers)
    ours = {"Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip", "User-Agent": f"capgo-exporter/{_VERSION}"}
    words = {word for value in given.values() for word in (value, *value.split())}
    secrets = [word for word in words if len(word) >= _SECRET_LENGTH]
    chosen = FAILURES if actions == "failures" else None
    return EventStore(Connection(url, {**ours, **given}), chosen, omit, notes, secrets)


class EventStore:
    """Sends the events of chosen actions, in a thread of its own."""

    def __init__(
        self,
        connection: Connection,
        actions: Collection[str] | None,
        omit: Collection[str],
        notes: Notes,
        secrets: Collection[str] = (),
    ) -> None:
        """`actions` None means all of them; fields in `omit` are not sent, and no log line shows one of `secrets`."""
        self._connection = connection
        self._actions = None if actions is None else frozenset(actions)
        self._omit = frozenset(omit)
        self._notes = notes
        self._ending = Ending()
        self._buffer: Buffer[_Order] = Buffer(lambda events: notes.dropped("buffer_full", events))
        self._delivery = Delivery(connection.post, notes, self._ending, secrets)
        self._time_of = Rising()
        self._read: deque[tuple[int, Entry]] = deque()
        self._thread = threading.Thread(target=self._run, name="event-store", daemon=True)
        self._thread.start()

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the posts that wait."""
        return self._buffer.bytes

    def offer(self, record: Record) -> None:
        """Take the chosen events of a record, or drop them if the buffer is full; returns at once."""
        if self._actions is not None:
            chosen = [counted for counted in record.counted if counted[1].action in self._actions]
            if not chosen:
                return
            record = record._replace(counted=chosen)
        self._buffer.offer(record)

    def close(self) -> None:
        """Send what waits as far as the time goes, and end; what can't be sent by then is dropped."""
        self._ending.ask(END_SECONDS)
        self._buffer.order(_Order.END)
        self._thread.join(END_SECONDS)
        if self._thread.is_alive():  # in a post that began before
            self._connection.abort()
            self._thread.join(1)

    def _run(self) -> None:
        going_on = True
        while going_on or self._read:
            going_on = going_on and self._gather()
            batch = Batch()
            while self._read and batch.add(*self._read[0]):
                self._read.popleft()
            if batch.events:
                self._delivery.deliver(gzip.compress(batch.encoded(), 1, mtime=0), batch.events)
        self._connection.close()

    def _gather(self) -> bool:
        """Wait for an event, and then for more until a batch is full or has waited long enough; False at the end."""
        until = time.monotonic() + LINGER_SECONDS if self._read else None
        size = 0
        while len(self._read) < EVENTS and size < BYTES:
            item = self._buffer.take(None if until is None else max(until - time.monotonic(), 0))
            if item is None:
                break
            if item is _Order.END:
                return False
            self._take(item)
            self._buffer.release(item)
            size += len(item.body)
            until = until or time.monotonic() + LINGER_SECONDS
        return True

    def _take(self, record: Record) -> None:
        if self._ending.over:
            self._notes.dropped("stopped", len(record.counted))
            return
        try:
            entries = [entry(series, event, self._omit) for series, event in counted_events(record)]
        except Exception as error:  # whatever it is, the others must go on
            self._notes.dropped("unreadable", len(record.counted))
            _log.error("event_store_unreadable", error=type(error).__name__)
        else:
            self._read.extend((self._time_of(record.at), each) for each in entries)


class Rising:
    """Times that rise strictly, as stores take two lines with the same time and words for one."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, at: float) -> int:
        """The time of the next event, which arrived `at` seconds, in nanoseconds since the epoch.

        A clock that was set back is followed: stores refuse what lies in the future.
        """
        time_ = int(at * 1e9)
        if self._last - _SET_BACK_NS < time_ <= self._last:
            time_ = self._last + 1
        self._last = time_
        return time_
