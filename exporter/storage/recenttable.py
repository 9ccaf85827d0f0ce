"""The table of commits: a row for each, with the fingerprints of its events, which are those in memory.

What else is in a row (new totals of series, devices) is of use until the tables of these are up to date. So the rows
before that are joined, and leave when their fingerprints do.
"""

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from exporter.storage import tables

_RETIRED_TOGETHER: Final = 1000
"""Fingerprints that leave memory at a time: one by one each would cost its commit as much as counting it."""

_JOINED: Final = 1000
"""Fingerprints in a row that is made of several, at the least."""

_APPEND: Final = "INSERT INTO recent (tx, at, fingerprints, totals, devices) VALUES (?, ?, ?, ?, ?)"


class RecentTable:
    """What is in it. After a commit that has failed it is made anew."""

    def __init__(self, db: sqlite3.Connection, memory: int, joined: int) -> None:
        """`memory` is how many fingerprints it keeps, `joined` the commit up to which rows are joined."""
        self._db = db
        self._memory = memory
        self.tx, self.latest = _last(db)
        """The number of the last commit, and its time in seconds since the epoch."""

        self._kept = tables.count_packed(db)
        self._joined = joined
        self._retired = 0
        """The commit up to which fingerprints have left since."""

    def has_room(self, more: int = 0) -> bool:
        """Whether memory holds what is in it, and so many fingerprints more."""
        return self._kept + more <= self._memory

    def append(self, at: float, fingerprints: Mapping[int, int], totals: bytes | None, devices: bytes | None) -> None:
        """Write the row of a commit; without `totals` it says that the table of series is up to date."""
        # Were the clock turned back, memory must not seem to reach back further, after a restart, than it does.
        tx, at = self.tx + 1, max(self.latest, at)
        self._db.execute(_APPEND, (tx, at, tables.pack(fingerprints), totals, devices))
        self.tx, self.latest = tx, at
        self._kept += len(fingerprints)

    def join(self, last: int) -> None:
        """Make few rows of those up to a commit, which are there for their fingerprints alone; in a transaction."""
        span = self._joined, last
        rows = self._db.execute("SELECT tx, at, fingerprints FROM recent WHERE tx > ? AND tx <= ? ORDER BY tx", span)
        joined = [*_join(rows)]
        self._db.execute("DELETE FROM recent WHERE tx > ? AND tx <= ?", span)
        self._db.executemany(_APPEND, joined)
        self._joined = last

    def retire(self, more: int, needless: int) -> Sequence[int]:
        """Let the oldest fingerprints go if there is no room for so many more; within a transaction.

        Returns those that leave, each followed by its timestamp. Rows up to the commit `needless` go with them.
        """
        leaving = array("q")
        if self.has_room(more):
            return leaving
        enough = self._memory - min(_RETIRED_TOGETHER, self._memory // 10) - more
        rows = self._db.execute("SELECT tx, fingerprints FROM recent WHERE tx > ? ORDER BY tx", (self._retired,))
        for tx, blob in rows:
            if self._kept <= enough:
                break
            leaving.frombytes(blob)
            self._kept -= len(blob) // tables.PAIR
            self._retired = tx
        self._empty(self._retired, needless)
        return leaving.tolist()

    def _empty(self, last: int, needless: int) -> None:
        # A row that has newer devices than their table stays for these.
        self._db.execute("DELETE FROM recent WHERE tx <= ? AND (tx <= ? OR devices IS NULL)", (last, needless))
        self._db.execute("UPDATE recent SET fingerprints = x'' WHERE tx <= ?", (last,))


def _last(db: sqlite3.Connection) -> tuple[int, float]:
    row = db.execute("SELECT tx, at FROM recent ORDER BY tx DESC LIMIT 1").fetchone()
    return row or (0, 0.0)


def _join(rows: Iterable[tuple[int, float, bytes]]) -> Iterator[tuple[int, float, bytes, None, None]]:
    """Rows with the fingerprints of several, each under the number of the last and the time of the first of them."""
    begun, joined, last = 0.0, bytearray(), 0
    for last, at, fingerprints in rows:
        begun = begun if joined else at
        joined += fingerprints
        if len(joined) >= _JOINED * tables.PAIR:
            yield last, begun, bytes(joined), None, None
            joined.clear()
    if joined:
        yield last, begun, bytes(joined), None, None
