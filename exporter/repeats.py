"""Lines of the log that a stranger, or a full disk, can cause at any rate are written now and then, with a count.

The first of a kind is written at once. Those that follow within `EVERY_SECONDS` are counted, and told together when
that time is over, or at the end. A line with `ends="<event>"` says that something is over: what was counted of that
event is told before it.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import structlog
from structlog.typing import EventDict

EVERY_SECONDS: Final = 10.0
"""One line of a kind in so long."""

TICK_SECONDS: Final = 1.0
"""How often it is looked for counts that are due."""

EVERYTHING: Final = "everything"
"""For the last line, `ends=EVERYTHING`: all that was counted is told before it."""

Write = Callable[[str, EventDict], object]


class _Kind(NamedTuple):
    """What makes lines alike: our own words, and never a stranger's, so that there are few."""

    event: str
    reason: str
    error: str


@dataclass
class _Told:
    """What is known of a kind: when it was told last, and what has come since, the newest line for all."""

    at: float
    number: int = 0
    newest: float = 0.0
    level: str = ""
    line: EventDict = field(default_factory=dict)


class Repeats:
    """Decides which lines are written, and tells of the others; safe to use from any thread."""

    def __init__(self, write: Write, clock: Callable[[], float] = time.monotonic) -> None:
        """`write` takes the level and the fields of a line that tells of several."""
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[_Kind, _Told] = {}

    def __call__(self, _logger: object, level: str, line: EventDict) -> EventDict:
        """As a processor of structlog, the first one. Drops what is told later."""
        if not self.admit(level, line, _kind(line)):
            raise structlog.DropEvent
        return line

    def filter(self, record: logging.LogRecord) -> bool:
        """As a filter of the standard library's logging: each place in a library's code is a kind."""
        line = {"event": record.getMessage(), "logger": record.name}
        return self.admit(record.levelname.lower(), line, _Kind(record.pathname, str(record.lineno), ""))

    def admit(self, level: str, line: EventDict, kind: _Kind) -> bool:
        """Whether a line may be written now; else it is counted, as many times as its `number` says."""
        ended = line.pop("ends", None)
        with self._lock:
            admitted = self._count(level, line, kind)
        if ended and admitted:
            self._tell(lambda kind, _: ended in (kind.event, EVERYTHING))
        return admitted

    def _count(self, level: str, line: EventDict, kind: _Kind) -> bool:
        now = self._clock()
        told = self._told.get(kind)
        number = line.get("number", 1) + (told.number if told else 0)
        if told is None or now - told.at >= EVERY_SECONDS:
            self._told[kind] = _Told(now)
            if number > 1:
                line["number"] = number
            return True
        told.number, told.newest, told.level = number, now, level
        told.line = {name: value for name, value in line.items() if name != "exc_info"}
        return False

    def tell(self) -> None:
        """Tell of what was counted for long enough; to be called now and then."""
        due = self._clock() - EVERY_SECONDS
        self._tell(lambda _, told: told.at <= due)
        with self._lock:
            for kind in [kind for kind, told in self._told.items() if told.at <= due]:
                del self._told[kind]

    def tell_all(self) -> None:
        """Tell of all that was counted: this is the end."""
        self._tell(lambda *_: True)

    def _tell(self, chosen: Callable[[_Kind, _Told], bool]) -> None:
        with self._lock:
            found = [told for kind, told in self._told.items() if told.number and chosen(kind, told)]
            found.sort(key=lambda told: told.newest)  # so that the last line says how things are now
            lines = [(told.level, {**told.line, "number": told.number}) for told in found]
            for told in found:
                told.at, told.number = self._clock(), 0
        for level, line in lines:
            self._write(level, line)


def _kind(line: EventDict) -> _Kind:
    error: Any = line.get("exc_info")
    if error is True:
        error = sys.exc_info()[1]
    return _Kind(line["event"], line.get("reason", ""), type(error).__name__)
