"""The ledger's disk: one SQLite file, one transaction for each commit.

The store's contract:

- One process at a time has the file open; a second is refused. Within it, only the committer calls.
- Order: make, `load` once, `begin_anew` if it is a copy, then any number of `settle`, `commit`, `remembers`,
  `backup` and `note_backup`; `close` last.
- After `commit` returns, the changes survive the death of this process (durability `process`: write-ahead log, not
  synced at each commit) or of the machine (`power`: synced before it returns). They are there whole or not at all.
- After `commit` has raised `StorageUnavailableError`, nothing is known yet: the write may have reached the disk before
  its confirmation failed. `settle` reads the truth back. It must be called before the next draft, and the changes it
  returns did land and must be applied. If a scrape asked for them, it was served without them.
- The devices that `load` is told of are those that what it hands over is applied to; they are read in `commit`, as the
  commit before left them.
- What `load` hands over is all that was committed, in an order in which `Ledger.apply` takes it. Until it has been read
  whole, the file is not opened for writing: one that turns out to be damaged is left as it was.
- A fingerprint that has left memory is on disk for the window, unless its event's device time lies outside the window
  around its arrival, or more than `oldtable.OLD_ROWS` newer ones are.
"""

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Literal, get_args

import structlog

from exporter.counting.changes import Changes
from exporter.counting.seen import OnDisk
from exporter.storage import ledgerfile, tables
from exporter.storage.devicetable import DeviceTable, Whole
from exporter.storage.directory import locked, make
from exporter.storage.errors import LedgerError, StorageUnavailableError, copied, unusable
from exporter.storage.ledgerfile import Durability
from exporter.storage.oldtable import OldTable
from exporter.wire.labels import Series, Version

Opened = Literal["created", "migrated", "restored", "found"]
"""How a ledger came to be open: made anew, of an older schema, a copy, or as it was left."""
OPENED: Final[tuple[Opened, ...]] = get_args(Opened)

_RETIRED_TOGETHER: Final = 1000
"""Fingerprints that leave memory at a time: one by one each would cost its commit as much as counting it."""

_AHEAD_TRANSACTIONS: Final = 1000
_AHEAD_SERIES: Final = 2000
"""How far `series` may lag behind: posts wait while it is brought up to date."""

_JOINED: Final = 1000
"""Fingerprints in a row that is made of several, at the least."""

_SERIES: Final = "app_id = ? AND platform = ? AND version = ? AND test = ? AND name = ?"
_APPEND: Final = "INSERT INTO recent (tx, at, fingerprints, totals, devices) VALUES (?, ?, ?, ?, ?)"
_COUNT: Final = "UPDATE series SET total = ? WHERE id = ?"
_COUNT_FIRST: Final = (
    "INSERT INTO series VALUES (NULL, ?, ?, ?, ?, ?, ?, 0, 0, 0.0)"
    " ON CONFLICT (app_id, platform, version, test, name) DO UPDATE SET total = excluded.total RETURNING id"
)
_SHOW: Final = f"UPDATE series SET state = ?, base = ?, since = ? WHERE {_SERIES}"  # noqa: S608 - a constant
_FORGET: Final = f"DELETE FROM series WHERE {_SERIES}"  # noqa: S608 - a constant
_SIGHT: Final = "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?)"
_END: Final = "DELETE FROM versions WHERE app_id = ? AND platform = ? AND version = ? AND test = ?"

_log = structlog.get_logger("storage")


def _how(created: bool, older: bool, is_copy: bool) -> Opened:
    if is_copy:
        return "restored"
    if older:
        return "migrated"
    return "created" if created else "found"


def _last_transaction(db: sqlite3.Connection) -> tuple[int, float]:
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


class Journal:
    """The open ledger file of a data directory; the module's head is its contract."""

    def __init__(
        self, directory: Path, durability: Durability, memory: int, window: float, restored: bool = False
    ) -> None:
        """`memory` is how many fingerprints `recent` keeps, `window` for how many seconds `old` does.

        A copy opens only if it is known to be `restored`, and then has to `begin_anew`. Raises `LedgerError`.
        """
        self.directory = directory
        self._path = directory / ledgerfile.FILE_NAME
        self._durability: Durability = durability
        self._memory = memory
        self._window = window
        self._in_doubt: tuple[int, Changes] | None = None
        """Changes that may have landed or not, and the number of their transaction."""
        self._failing = False
        self._whole: Whole | None = None
        ledgerfile.refuse_old_sqlite()
        make(directory)
        with ExitStack() as resources:
            resources.enter_context(locked(directory))
            self._look(restored)
            self._resources = resources.pop_all()

    def _look(self, restored: bool) -> None:
        created = not self._path.exists()
        if created:
            ledgerfile.create(self._path)
        with ledgerfile.look(self._path) as db:
            self.key = bytes(tables.meta(db, "key"))
            self.is_copy = bool(tables.meta(db, "is_copy"))
            self.last_backup = tables.last_backup(db)
            older = tables.schema(db) < ledgerfile.SCHEMA_VERSION
        self.opened = _how(created, older, self.is_copy)
        if self.is_copy and not restored:
            raise copied(self._path)
        if restored and not self.is_copy:
            _log.warning("restored_ignored", ledger=str(self._path), why="it is not marked as a copy")

    def load(self, apply: Callable[[Changes], None], devices: Whole | None = None) -> None:
        """Hand over all that was committed, and open the file for writing. Raises `LedgerError`."""
        self._whole = devices
        with ledgerfile.look(self._path) as db:
            for changes in tables.read(db):
                apply(changes)
        self._open()
        if self._recent > self._memory:  # it was larger before: what it can't hold any more is looked for on disk
            try:
                self.commit(Changes(self._latest))
            except StorageUnavailableError as error:
                raise unusable(self.directory, error) from error

    def begin_anew(self, changes: Changes) -> None:
        """Write what it takes to begin anew, after which the file is a copy no longer. Raises `LedgerError`."""
        try:
            self.commit(changes)
            self._db.execute("UPDATE meta SET value = 0 WHERE name = 'is_copy'")
        except (StorageUnavailableError, sqlite3.Error) as error:
            raise unusable(self.directory, error) from error
        self.is_copy = False

    def _open(self) -> None:
        self._db = ledgerfile.connect(self._path, self._durability)
        self._tx, self._latest = _last_transaction(self._db)
        self._recent = tables.count_packed(self._db)
        self._old = OldTable(self._db, self._window)
        self._up_to_date, self._ahead = tables.ahead(self._db)
        self._devices = DeviceTable(self._db, self._whole)
        self._joined = self._done(self._up_to_date - 1)
        self._retired = 0
        self._ids: dict[Series, int] = {}
        """Rows of the series counted since; finding one by its five names takes four times as long."""

    @property
    def remembers(self) -> OnDisk | None:
        """The fingerprints that have left memory, `None` if none has; asking it raises `StorageUnavailableError`."""
        return self._old.remembers

    @property
    def size(self) -> int:
        """Bytes of the ledger on disk, its write-ahead log included."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    @property
    def healthy(self) -> bool:
        """Whether the last commit succeeded."""
        return not self._failing

    def settle(self) -> Changes | None:
        """After a failed commit, find out what happened; returns the changes if they landed after all.

        Raises `StorageUnavailableError` while that can't be found out.
        """
        if self._in_doubt is None:
            return None
        tx, changes = self._in_doubt
        try:
            with suppress(sqlite3.Error):
                self._db.close()
            self._open()
        except (sqlite3.Error, LedgerError) as error:
            raise StorageUnavailableError(str(error)) from error
        self._in_doubt = None
        changes.scraped = False
        return changes if self._tx >= tx else None

    def commit(self, changes: Changes) -> None:
        """Write the changes in one transaction. Raises `StorageUnavailableError`."""
        try:
            self._write(changes)
        except Exception as error:  # short of memory, for one: what SQLite did by then is unknown as well
            self._in_doubt, self._failing = (self._tx + 1, changes), True
            raise StorageUnavailableError(str(error)) from error

    def _write(self, changes: Changes) -> None:
        # Were the clock turned back, memory must not seem to reach back further, after a restart, than it does.
        row = self._tx + 1, max(self._latest, changes.at), tables.pack(changes.fingerprints)
        devices = tables.pack(changes.devices) if changes.devices else None
        recent = self._recent + len(changes.fingerprints)
        if self._fits_in_a_row(changes, recent):
            totals = {self._ids[series]: total for series, total in changes.totals.items()}
            self._db.execute(_APPEND, (*row, tables.pack(totals), devices))
            self._ahead.update(totals)
        else:
            recent = self._write_in_full(changes, (*row, None, devices), recent)
        self._devices.note(len(changes.devices), self._tx)
        self._failing = False
        self._tx, self._latest, _ = row
        self._recent = recent

    def _fits_in_a_row(self, changes: Changes, recent: int) -> bool:
        return (
            changes.only_counts
            and changes.totals.keys() <= self._ids.keys()
            and recent <= self._memory
            and self._tx - self._up_to_date < _AHEAD_TRANSACTIONS
            and len(self._ahead) < _AHEAD_SERIES
            and not self._devices.due
        )

    def _write_in_full(self, changes: Changes, row: tuple[object, ...], recent: int) -> int:
        """Write all that changes, and bring the tables up to date; returns how many fingerprints `recent` keeps."""
        execute = self._db.execute
        execute("BEGIN IMMEDIATE")
        self._write_series(changes)
        self._devices.write(self._tx)
        self._join(self._done(self._tx))
        execute(_APPEND, row)
        recent = self._retire(recent, changes.at)
        self._old.tidy(changes.at)
        execute("COMMIT")
        self._up_to_date, self._ahead = self._tx + 1, {}
        return recent

    def _done(self, tx: int) -> int:
        """Of the transactions up to one, whose totals are in their table, the last one whose devices are as well."""
        complete = self._devices.complete
        return tx if complete is None else min(tx, complete)

    def _join(self, last: int) -> None:
        """Make few rows of those that are there for their fingerprints alone, and none of those without."""
        span = self._joined, last
        rows = self._db.execute("SELECT tx, at, fingerprints FROM recent WHERE tx > ? AND tx <= ? ORDER BY tx", span)
        joined = [*_join(rows)]
        self._db.execute("DELETE FROM recent WHERE tx > ? AND tx <= ?", span)
        self._db.executemany(_APPEND, joined)
        self._joined = last

    def _write_totals(self, changes: Changes) -> None:
        totals = self._ahead | {self._id(series, total): total for series, total in changes.totals.items()}
        if totals:
            counted = self._db.executemany(_COUNT, [(total, number) for number, total in totals.items()]).rowcount
            if counted != len(totals):
                raise sqlite3.IntegrityError("a series is not where it was")  # better refused than lost

    def _write_series(self, changes: Changes) -> None:
        self._write_totals(changes)
        executemany = self._db.executemany
        if changes.shows:
            executemany(_SHOW, [(*show, *series.version, series.name) for series, show in changes.shows.items()])
        if changes.sightings:
            executemany(_SIGHT, [(*version, *sighting) for version, sighting in changes.sightings.items()])
        if changes.ended:
            executemany(_END, changes.ended)
        if changes.forgotten:
            executemany(_FORGET, [(*series.version, series.name) for series in changes.forgotten])
            for series in changes.forgotten:
                self._ids.pop(series, None)
        for number, version in changes.numbers.items():
            self._name(number, version)
        if changes.forgotten_events is not None:
            self._db.execute("UPDATE meta SET value = ? WHERE name = 'forgotten_events'", (changes.forgotten_events,))

    def _name(self, number: int, version: Version | None) -> None:
        if version is None:
            self._db.execute("DELETE FROM numbers WHERE number = ?", (number,))
        else:
            names = version.app_id, version.platform, version.version
            self._db.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?, ?, ?)", (number, *names))

    def _id(self, series: Series, total: int) -> int:
        """The row of a series, made if there is none yet."""
        number = self._ids.get(series)
        if number is None:
            row = self._db.execute(_COUNT_FIRST, (*series.version, series.name, total))
            ((number,),) = row.fetchall()
            self._ids[series] = number
        return number

    def _retire(self, recent: int, now: float) -> int:
        """Move to `old` what exceeds memory, a little now and then; returns how many stay."""
        if recent <= self._memory:
            return recent
        enough = self._memory - min(_RETIRED_TOGETHER, self._memory // 10)
        leaving = array("q")
        span = self._retired, self._tx
        rows = self._db.execute("SELECT tx, fingerprints FROM recent WHERE tx > ? AND tx <= ? ORDER BY tx", span)
        for tx, blob in rows:
            if recent - len(leaving) // 2 <= enough:
                break
            leaving.frombytes(blob)
            self._retired = tx
        self._empty_rows()
        self._old.keep(leaving.tolist(), now)
        return recent - len(leaving) // 2

    def _empty_rows(self) -> None:
        """Drop what has retired; a row that has newer devices than their table stays for these."""
        last, done = self._retired, self._done(self._tx)
        self._db.execute("DELETE FROM recent WHERE tx <= ? AND (tx <= ? OR devices IS NULL)", (last, done))
        self._db.execute("UPDATE recent SET fingerprints = x'' WHERE tx <= ?", (last,))

    def backup(self, target: Path, progress: Callable[[], None] = lambda: None) -> None:
        """Write a consistent copy of the ledger; `progress` is called now and then.

        Raises `OSError` or `sqlite3.Error`.
        """
        ledgerfile.copy(self._db, target, progress)

    def note_backup(self, at: float) -> None:
        """Remember that a copy was handed over. Raises `StorageUnavailableError`."""
        try:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('last_backup', ?)", (at,))
        except sqlite3.Error as error:
            raise StorageUnavailableError(str(error)) from error
        self.last_backup = at

    def close(self) -> None:
        """Close the file, its write-ahead log folded into it, and let go of the directory."""
        with suppress(sqlite3.Error):
            self._db.close()
        self._resources.close()
