"""The table of the fingerprints that have left memory, by the devices' time."""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from exporter.counting.seen import OnDisk
from exporter.storage.errors import unavailable

OLD_ROWS: Final = 10_000_000
"""Fingerprints on disk beside those in memory, at the most (about 250 MB); the oldest by device time go first."""

_KEPT_TOGETHER: Final = 100
"""Rows in one statement: it takes two thirds of the time of as many statements."""

_TIDY_SECONDS: Final = 60.0
_TIDY_ROWS: Final = 1000
_TIDY: Final = (
    "DELETE FROM old WHERE (timestamp, value) IN"
    " (SELECT timestamp, value FROM old WHERE timestamp < ? ORDER BY timestamp, value LIMIT ?)"
)
_END_OF_TIME: Final = 2**63 - 1
"""Later than any timestamp there is."""


class OldTable:
    """What is in it. When a transaction has failed, this may be ahead of the disk: it is made anew then, before anybody
    asks.
    """

    def __init__(self, db: sqlite3.Connection, window: float) -> None:
        """`window` is how many seconds around its arrival an event's fingerprint is of use."""
        self._db = db
        self._window = window
        (self._rows,) = db.execute("SELECT count(*) FROM old").fetchone()
        (self._newest,) = db.execute("SELECT coalesce(max(timestamp), 0) FROM old").fetchone()
        self._moved = 0
        """Rows since the table was tidied."""

        self._tidied = 0.0

    @property
    def remembers(self) -> OnDisk | None:
        """What is in it, `None` if nothing is; asking it raises `StorageUnavailableError`."""
        return OnDisk(self._newest, self._among) if self._rows else None

    def _among(self, pairs: Iterable[tuple[int, int]]) -> Iterable[int]:
        query = "SELECT value FROM old WHERE timestamp = ? AND value = ?"
        try:
            return [value for pair in pairs for (value,) in self._db.execute(query, pair)]
        except sqlite3.Error as error:
            raise unavailable(error) from None

    def keep(self, numbers: Sequence[int], now: float) -> None:
        """Take in fingerprints, each followed by its timestamp; within a transaction."""
        # A clock that is far off would make them stay for ever, or be of no use.
        first, end = (int((now + way * self._window) * 1000) for way in (-1, 1))
        timestamps = numbers[1::2]
        if numbers and not (first <= min(timestamps) and max(timestamps) < end):
            kept = [pair for pair in zip(numbers[::2], timestamps, strict=True) if first <= pair[1] < end]
            numbers, timestamps = [*chain.from_iterable(kept)], [timestamp for _, timestamp in kept]
        for start in range(0, len(numbers), 2 * _KEPT_TOGETHER):
            some = numbers[start : start + 2 * _KEPT_TOGETHER]
            places = ", ".join(["(?, ?)"] * (len(some) // 2))
            self._db.execute(f"INSERT OR IGNORE INTO old (value, timestamp) VALUES {places}", some)  # noqa: S608
        self._newest = max(self._newest, *timestamps, 0)
        self._moved += len(timestamps)
        self._rows += len(timestamps)

    def tidy(self, now: float) -> None:
        """Drop what is out of the window, and what exceeds the cap, a little now and then; within a transaction."""
        if not self._moved and now - self._tidied < _TIDY_SECONDS:
            return
        excess = self._rows - OLD_ROWS
        dropped = self._drop(int((now - self._window) * 1000), 2 * self._moved + _TIDY_ROWS)
        if excess > dropped:
            self._drop(_END_OF_TIME, excess - dropped)
        self._tidied, self._moved = now, 0

    def _drop(self, before: int, rows: int) -> int:
        dropped = self._db.execute(_TIDY, (before, rows)).rowcount
        self._rows -= dropped
        return dropped
