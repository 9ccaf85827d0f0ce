"""The event log: one JSON line for each counted event, for Loki, `jq` or a file.

A line is `{"time": …, "series": {…}, "event": {…}}`: the arrival (RFC 3339, UTC), the labels it was counted under, and
all fields the client sent but the omitted ones. Compact and ASCII-escaped, re-encoded from the parsed value, so that
no byte a stranger chose gets into it.

It is never in the way of a reply: posts go into a bounded buffer as they came, and one thread reads them again and
writes. What does not fit into the buffer is dropped and counted.
"""

import json
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

import structlog

from exporter.eventlog.buffer import Buffer
from exporter.eventlog.output import LinesLostError, Output
from exporter.eventlog.record import Record, counted_events
from exporter.wire.labels import Series

PATIENCE: Final = 2.0
"""Seconds in which a reader must take something at the end."""

_log = structlog.get_logger("eventlog")


class _Order(Enum):
    REOPEN = 1
    END = 2


class EventLog:
    """Writes records to a path or to standard output, in a thread of its own."""

    def __init__(self, target: str, omit: Collection[str], dropped: Callable[[int], None]) -> None:
        """`dropped` is told how many lines were lost. Raises `OSError` if the target can't be written."""
        self._omit = frozenset(omit)
        self._dropped = dropped
        self._buffer: Buffer[_Order] = Buffer(dropped)
        self._output = Output(target)
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="event-log", daemon=True)
        self._thread.start()

    def offer(self, record: Record) -> None:
        """Take a record, or drop it if the buffer is full; returns at once."""
        self._buffer.offer(record)

    def reopen(self) -> None:
        """Have the file opened anew: after a log rotation."""
        self._buffer.order(_Order.REOPEN)

    def close(self) -> None:
        """Write what waits, and end. A reader that takes nothing more is not waited for, which the log tells."""
        self._buffer.order(_Order.END)
        taken = -1
        while self._thread.is_alive() and taken < self._output.written:
            taken = self._output.written
            self._thread.join(PATIENCE)
        if self._thread.is_alive():
            _log.warning("event_log_unfinished", bytes=self._buffer.bytes)

    def _run(self) -> None:
        while (item := self._buffer.take()) is not _Order.END:
            if isinstance(item, Record):
                self._write(item)
                self._buffer.release(item)
            else:
                self._output.reopen()
        self._output.close()

    def _write(self, record: Record) -> None:
        try:
            self._output.write(lines(record, self._omit))
        except Exception as error:  # whatever it is, the log must go on
            self._failing = True
            self._dropped(error.number if isinstance(error, LinesLostError) else len(record.counted))
            _log.error("event_log_unwritable", error=str(error))
            self._output.reopen()
        else:
            if self._failing:
                self._failing = False
                _log.info("event_log_back", ends="event_log_unwritable")


def lines(record: Record, omit: Collection[str]) -> list[str]:
    """The lines of a record."""
    time = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds")
    return [_line(time, series, event, omit) for series, event in counted_events(record)]


def _line(time: str, series: Series, event: dict[str, Any], omit: Collection[str]) -> str:
    app_id, platform, version, test = series.version
    line = {
        "time": time,
        "series": {"app_id": app_id, "action": series.action, "platform": platform, "version": version, "test": test},
        "event": {field: value for field, value in event.items() if field not in omit},
    }
    try:
        return json.dumps(line, separators=(",", ":")) + "\n"
    except RecursionError:
        flat = {field: value for field, value in event.items() if isinstance(value, str | int | float)}
        line["event"] = {field: value for field, value in flat.items() if field not in omit}
        return json.dumps(line, separators=(",", ":")) + "\n"
