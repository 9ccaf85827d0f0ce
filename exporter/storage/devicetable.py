"""The table of devices, which lags behind the commits.

To write each device that changes into a row of its own would write a random page for it. So the changed ones travel in
the row of their commit, and now and then some parts of the devices are written whole, from memory, each into its row of
the table; the parts take turns. What the rows of commits say is newer than a part that was written before them, so
these are kept until all parts are.
"""

import sqlite3
from collections import deque
from collections.abc import Mapping
from typing import Final, Protocol

from exporter.counting.devices import SHARDS
from exporter.storage import tables

_ROUND: Final = 8
"""One of so many devices may have changed until all parts are written again: so much is read twice at a start."""

_LEAST: Final = 8
"""Changed devices for each part that is written, however few devices there are."""

_TOGETHER: Final = 16
_CHANGED: Final = 1000
"""So many parts are due, and so many devices have changed, before a commit is made larger for that."""


class Whole(Protocol):
    """The devices in memory, as the last commit left them."""

    def __len__(self) -> int:
        """How many there are."""

    def shard(self, number: int) -> Mapping[int, int]:
        """A part of them, packed, by key."""


class DeviceTable:
    """Which parts were written when, and which are due."""

    def __init__(self, db: sqlite3.Connection, whole: Whole | None) -> None:
        """Without the `whole`, no part is ever due."""
        self._db = db
        self._whole = whole
        written = db.execute("SELECT tx, part FROM devices ORDER BY tx").fetchall()
        never = sorted(set(range(SHARDS)).difference(part for _, part in written))
        self._turns: deque[tuple[int, int]] = deque([*((0, part) for part in never), *written])
        """The parts, and the transaction after which each was written; the next one first."""

        self._changed = tables.count_devices(db, self._turns[-1][0])
        """Devices in the rows of commits since a part was written."""

        self._lags = tables.count_devices(db, self._turns[0][0]) > 0

    @property
    def complete(self) -> int | None:
        """The transaction up to which the table says all; `None` if it does."""
        return self._turns[0][0] if self._lags else None

    @property
    def due(self) -> bool:
        """Whether so many parts are due that a commit should be made for them."""
        changed = self._changed
        return changed >= _CHANGED and self._whole is not None and changed >= _TOGETHER * self._changes_a_part

    @property
    def _changes_a_part(self) -> int:
        return max(_LEAST, len(self._whole or ()) // (SHARDS * _ROUND))

    def note(self, devices: int, tx: int) -> None:
        """So many devices are in the row of the commit after `tx`."""
        if devices and not self._lags:  # so all parts are as if they were written just now
            self._turns = deque((tx, part) for _, part in self._turns)
            self._lags = True
        self._changed += devices

    def write(self, tx: int) -> None:
        """Write the parts that are due, as they are after `tx`; within a transaction."""
        if self._whole is None:
            return
        for _ in range(self._changed // self._changes_a_part):
            _, part = self._turns.popleft()
            packed = tables.pack(self._whole.shard(part))
            self._db.execute("INSERT OR REPLACE INTO devices VALUES (?, ?, ?)", (part, tx, packed))
            self._turns.append((tx, part))
            self._changed -= self._changes_a_part
