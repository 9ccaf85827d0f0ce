"""The ledger's disk: one SQLite file, one transaction for each commit.

The store's contract:

- One process at a time has the file open; a second is refused. Within it, only the committer calls.
- Order: make, `load` once, `begin_anew` if it is a copy, then any number of `settle`, `commit`, `remembers`,
  `backup` and `note_backup`; `close` last.
- After `commit` returns, the changes survive the death of this process (durability `process`: write-ahead log, not
  synced at each commit) or of the machine (`power`: synced before it returns). They are there whole or not at all.
  If somebody has deleted, moved or replaced the file meanwhile, `commit` and `settle` raise until it is back.
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
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Literal, get_args

import structlog

from exporter.counting.changes import Changes
from exporter.counting.seen import OnDisk
from exporter.storage import ledgerfile, tables
from exporter.storage.devicetable import DeviceTable, Whole
from exporter.storage.directory import locked, make
from exporter.storage.errors import LedgerError, StorageUnavailableError, copied, unavailable, unusable
from exporter.storage.ledgerfile import Durability
from exporter.storage.oldtable import OldTable
from exporter.storage.openfiles import OpenFiles
from exporter.storage.recenttable import RecentTable
from exporter.storage.seriestable import SeriesTable

Opened = Literal["created", "migrated", "restored", "found"]
"""How a ledger came to be open: made anew, of an older schema, a copy, or as it was left."""
OPENED: Final[tuple[Opened, ...]] = get_args(Opened)

_log = structlog.get_logger("storage")


def _how(created: bool, older: bool, is_copy: bool) -> Opened:
    if is_copy:
        return "restored"
    if older:
        return "migrated"
    return "created" if created else "found"


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
        if not self._recent.has_room():  # it was larger before: what it can't hold any more is looked for on disk
            try:
                self.commit(Changes(self._recent.latest))
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
        self._series = SeriesTable(self._db)
        self._devices = DeviceTable(self._db, self._whole)
        self._recent = RecentTable(self._db, self._memory, self._complete(self._series.up_to_date - 1))
        self._old = OldTable(self._db, self._window)
        self._files = OpenFiles(self._path)

    @property
    def remembers(self) -> OnDisk | None:
        """The fingerprints that have left memory, `None` if none has; asking it raises `StorageUnavailableError`."""
        return self._old.remembers

    @property
    def size(self) -> int:
        """Bytes of the ledger on disk, its write-ahead log included."""
        return self._files.size

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
        self._files.check_ledger()
        try:
            with suppress(sqlite3.Error):
                self._db.close()
            self._open()
        except (sqlite3.Error, LedgerError) as error:
            raise unavailable(error) from None
        self._in_doubt = None
        changes.scraped = False
        return changes if self._recent.tx >= tx else None

    def commit(self, changes: Changes) -> None:
        """Write the changes in one transaction. Raises `StorageUnavailableError`."""
        tx = self._recent.tx + 1
        try:
            self._write(changes)
        except Exception as error:  # short of memory, for one: what SQLite did by then is unknown as well
            self._in_doubt, self._failing = (tx, changes), True
            raise unavailable(error) from None

    def _write(self, changes: Changes) -> None:
        self._files.check()
        before = self._recent.tx
        devices = tables.pack(changes.devices) if changes.devices else None
        if self._fits_in_a_row(changes):
            totals = self._series.by_row(changes.totals)
            self._recent.append(changes.at, changes.fingerprints, tables.pack(totals), devices)
            self._series.note(totals)
        else:
            self._write_in_full(changes, devices)
        self._devices.note(len(changes.devices), before)
        self._failing = False

    def _fits_in_a_row(self, changes: Changes) -> bool:
        return (
            changes.only_counts
            and self._series.has_rows_for(changes.totals)
            and self._recent.has_room(len(changes.fingerprints))
            and not self._series.is_due(self._recent.tx)
            and not self._devices.due
        )

    def _write_in_full(self, changes: Changes, devices: bytes | None) -> None:
        """Write all that changes, and bring the tables up to date."""
        before = self._recent.tx
        self._db.execute("BEGIN IMMEDIATE")
        self._series.write(changes, before + 1)
        self._devices.write(before)
        complete = self._complete(before)
        self._recent.join(complete)
        self._old.keep(self._recent.retire(len(changes.fingerprints), complete), changes.at)
        self._old.tidy(changes.at)
        self._recent.append(changes.at, changes.fingerprints, None, devices)
        self._db.execute("COMMIT")

    def _complete(self, tx: int) -> int:
        """Of the transactions up to one, whose totals are in their table, the last one whose devices are as well."""
        complete = self._devices.complete
        return tx if complete is None else min(tx, complete)

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
            raise unavailable(error) from None
        self.last_backup = at

    def close(self) -> None:
        """Close the file, its write-ahead log folded into it, and let go of the directory."""
        with suppress(sqlite3.Error):
            self._db.close()
        self._resources.close()
