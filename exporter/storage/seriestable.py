"""The table of series, which lags behind the commits that only count, and those of what goes with it: when a version
was heard of, and by which number it is known.
"""

import sqlite3
from collections.abc import Mapping
from typing import Final

from exporter.counting.changes import Changes
from exporter.storage import tables
from exporter.wire.labels import Series, Version

_AHEAD_TRANSACTIONS: Final = 1000
_AHEAD_SERIES: Final = 2000
"""How far the table may lag behind: posts wait while it is brought up to date."""

_SERIES: Final = "app_id = ? AND platform = ? AND version = ? AND test = ? AND name = ?"
_COUNT: Final = "UPDATE series SET total = ? WHERE id = ?"
_COUNT_FIRST: Final = (
    "INSERT INTO series VALUES (NULL, ?, ?, ?, ?, ?, ?, 0, 0, 0.0)"
    " ON CONFLICT (app_id, platform, version, test, name) DO UPDATE SET total = excluded.total RETURNING id"
)
_SHOW: Final = f"UPDATE series SET state = ?, base = ?, since = ? WHERE {_SERIES}"  # noqa: S608 - a constant
_FORGET: Final = f"DELETE FROM series WHERE {_SERIES}"  # noqa: S608 - a constant
_SIGHT: Final = "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?)"
_END: Final = "DELETE FROM versions WHERE app_id = ? AND platform = ? AND version = ? AND test = ?"


class SeriesTable:
    """Where each series is in it, and what commits say that it does not yet. After a failed one it is made anew."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.up_to_date, self._ahead = tables.ahead(db)
        """The transaction that brought the table up to date, and by its rows the totals that are newer."""

        self._ids: dict[Series, int] = {}
        """Rows of the series counted since; finding one by its five names takes four times as long."""

    def has_rows_for(self, counted: Mapping[Series, int]) -> bool:
        """Whether it is known where all of these are."""
        return counted.keys() <= self._ids.keys()

    def is_due(self, tx: int) -> bool:
        """Whether after `tx` it lags behind so far that a commit should bring it up to date."""
        return tx - self.up_to_date >= _AHEAD_TRANSACTIONS or len(self._ahead) >= _AHEAD_SERIES

    def by_row(self, counted: Mapping[Series, int]) -> dict[int, int]:
        """Totals by the rows of their series, for a commit's own row."""
        return {self._ids[series]: total for series, total in counted.items()}

    def note(self, totals: Mapping[int, int]) -> None:
        """These are in the row of a commit."""
        self._ahead.update(totals)

    def write(self, changes: Changes, tx: int) -> None:
        """Bring the tables up to date, as they are after `tx`, which makes these changes; within it."""
        self._write_totals(changes)
        self._write_shows(changes)
        self._write_versions(changes)
        if changes.forgotten_events is not None:
            self._db.execute("UPDATE meta SET value = ? WHERE name = 'forgotten_events'", (changes.forgotten_events,))
        self.up_to_date, self._ahead = tx, {}

    def _write_totals(self, changes: Changes) -> None:
        totals = self._ahead | {self._id(series, total): total for series, total in changes.totals.items()}
        if totals:
            counted = self._db.executemany(_COUNT, [(total, number) for number, total in totals.items()]).rowcount
            if counted != len(totals):
                raise sqlite3.IntegrityError("a series is not where it was")  # better refused than lost

    def _id(self, series: Series, total: int) -> int:
        """The row of a series, made if there is none yet."""
        number = self._ids.get(series)
        if number is None:
            row = self._db.execute(_COUNT_FIRST, (*series.version, series.name, total))
            ((number,),) = row.fetchall()
            self._ids[series] = number
        return number

    def _write_shows(self, changes: Changes) -> None:
        executemany = self._db.executemany
        if changes.shows:
            executemany(_SHOW, [(*show, *series.version, series.name) for series, show in changes.shows.items()])
        if changes.forgotten:
            executemany(_FORGET, [(*series.version, series.name) for series in changes.forgotten])
            for series in changes.forgotten:
                self._ids.pop(series, None)

    def _write_versions(self, changes: Changes) -> None:
        if changes.sightings:
            self._db.executemany(_SIGHT, [(*version, *sighting) for version, sighting in changes.sightings.items()])
        if changes.ended:
            self._db.executemany(_END, changes.ended)
        for number, version in changes.numbers.items():
            self._name(number, version)

    def _name(self, number: int, version: Version | None) -> None:
        if version is None:
            self._db.execute("DELETE FROM numbers WHERE number = ?", (number,))
        else:
            names = version.app_id, version.platform, version.version
            self._db.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?, ?, ?)", (number, *names))
