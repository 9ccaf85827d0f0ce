"""The file that a ledger lives in: its form, how it comes into being, and when it is refused.

`series` and `versions` hold absolute values; `recent` the fingerprints of each transaction as one blob, its key being
the transaction's number; `old` those that have left memory, by the device's time.

A transaction that only counts is one row of `recent`, with the new totals of its series in another blob: to write each
into its row of `series` would cost several times as much. So `series` lags behind by the rows after the last one
without totals, which says that it was brought up to date. Totals are absolute: the newest is true, however often read.

Nothing here ever overwrites a file: one that can't be read, is not ours, or was written by a newer release is refused
with a `LedgerError` and left as it is. A new file is made complete under another name and then renamed, so that an
empty or truncated one is damage and not a beginning.
"""

import fcntl
import os
import secrets
import shutil
import sqlite3
from array import array
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Final, Literal, cast

from exporter.changes import Changes, Show, Sighting, State
from exporter.fingerprints import KEY_SIZE
from exporter.labels import Series, Version

FILE_NAME: Final = "ledger.db"
APPLICATION_ID: Final = 0x63617067
"""`capg`, by which a ledger is told from any other SQLite file."""

SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE series (
    id INTEGER PRIMARY KEY, app_id TEXT, platform TEXT, version TEXT, test INTEGER, action TEXT,
    total INTEGER NOT NULL, state INTEGER NOT NULL, base INTEGER NOT NULL, since REAL NOT NULL,
    UNIQUE (app_id, platform, version, test, action)
);
CREATE TABLE versions (
    app_id TEXT, platform TEXT, version TEXT, test INTEGER, first REAL NOT NULL, last REAL NOT NULL,
    PRIMARY KEY (app_id, platform, version, test)
) WITHOUT ROWID;
CREATE TABLE recent (tx INTEGER PRIMARY KEY, at REAL NOT NULL, fingerprints BLOB NOT NULL, totals BLOB);
CREATE TABLE old (timestamp INTEGER, value INTEGER, PRIMARY KEY (timestamp, value)) WITHOUT ROWID;
"""
SCHEMA_VERSION: Final = 3
MIGRATIONS: Final[Mapping[int, str]] = {
    1: """
ALTER TABLE series RENAME TO series_1;
CREATE TABLE series (
    id INTEGER PRIMARY KEY, app_id TEXT, platform TEXT, version TEXT, test INTEGER, action TEXT,
    total INTEGER NOT NULL, state INTEGER NOT NULL, base INTEGER NOT NULL, since REAL NOT NULL,
    UNIQUE (app_id, platform, version, test, action)
);
INSERT INTO series SELECT NULL, * FROM series_1;
DROP TABLE series_1;
""",
    2: "ALTER TABLE recent ADD COLUMN totals BLOB;",
}
"""From a schema version, the SQL that leads to the next one."""

Durability = Literal["process", "power"]
_SYNCHRONOUS: Final = {"process": "NORMAL", "power": "FULL"}

_PAGE: Final = 2048
"""Bytes; a commit writes every page that it touches whole, and mostly few bytes in each."""

_LOG_BYTES: Final = 4 * 2**20
"""Of the write-ahead log, beyond which it is folded into the file."""

_READ_SERIES: Final = (
    "SELECT {id}, app_id, platform, version, test, action, total, state, base, since FROM series WHERE state {state}"
)
_STATES: Final = tuple(State)

_PAIR: Final = 16
"""Bytes of two numbers in a blob."""

_CHUNK: Final = 50_000


class LedgerError(Exception):
    """The ledger can't be used; `name` is one fixed word, the message says what is wrong and how to mend it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def make_directory(directory: Path) -> None:
    """Make the data directory, if it is not there. Raises `LedgerError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(directory, error) from error


def unusable(directory: Path, error: Exception) -> LedgerError:
    """The refusal of a directory that can't hold a ledger."""
    return LedgerError(
        "data_dir_unusable", f"{directory} can't hold the ledger ({error}): make it a writable directory with space"
    )


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep every other process away from a data directory. Raises `LedgerError`."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise unusable(directory, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise in_use(directory) from error
    finally:
        os.close(descriptor)


def in_use(path: Path) -> LedgerError:
    """The refusal of a ledger that another process has open."""
    return LedgerError(
        "ledger_in_use", f"{path} is in use by another process: stop it, or give this one its own --data-dir"
    )


def create(path: Path) -> None:
    """Make a new, empty ledger. Raises `LedgerError`."""
    if path.with_name(path.name + "-wal").exists():
        raise LedgerError(
            "ledger_damaged",
            f"{path} is missing but its write-ahead log is there: restore the file, or move the log away to begin anew",
        )
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        with closing(sqlite3.connect(new, isolation_level=None)) as db:
            db.execute(f"PRAGMA page_size = {_PAGE}")
            db.executescript(f"BEGIN; {SCHEMA}")
            db.execute("INSERT INTO meta VALUES ('key', ?)", (secrets.token_bytes(KEY_SIZE),))
            db.execute("INSERT INTO meta VALUES ('forgotten_events', 0)")
            db.execute("INSERT INTO meta VALUES ('is_copy', 0)")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            db.execute("COMMIT")
        new.chmod(0o600)
        new.rename(path)
        _sync_directory(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise unusable(path.parent, error) from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def look(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger for reading only, and touch nothing. Raises `LedgerError`.

    Opened for writing, SQLite would fold the write-ahead log into a file that may turn out to be damaged.
    """
    aside = [file for file in (path.with_name(path.name + end) for end in ("-wal", "-shm")) if not file.exists()]
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as db:
            _refuse_foreign(db, path)
            yield db
    except sqlite3.Error as error:
        raise _refusal(path, error) from error
    except (TypeError, ValueError, LookupError) as error:
        raise damaged(path, str(error)) from error
    finally:
        for file in aside:
            file.unlink(missing_ok=True)


def connect(path: Path, durability: Durability, migrations: Mapping[int, str] = MIGRATIONS) -> sqlite3.Connection:
    """Open an existing ledger for this process alone, migrating an older schema. Raises `LedgerError`."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        db = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            # Exclusive before WAL: then there is no shared memory file, and a second process is refused.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_BYTES // _PAGE}")
            db.execute("BEGIN IMMEDIATE")  # takes the lock now, not at the first post
            db.execute("COMMIT")
            _migrate(db, path, migrations)
        except BaseException:
            db.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise _refusal(path, error) from error
    return db


def _refusal(path: Path, error: Exception) -> LedgerError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return in_use(path)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return damaged(path, str(error))
    return LedgerError(
        "ledger_unreadable", f"{path} can't be opened ({error}): check that this user may read and write it"
    )


def damaged(path: Path, what: str) -> LedgerError:
    """The refusal of a file that SQLite, or this release, can't make sense of."""
    return LedgerError(
        "ledger_damaged",
        f"{path} is damaged ({what}); it was left as it is. "
        "Open a backup with --restored, or move the file away to begin anew",
    )


def _schema(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    schema = _schema(db)
    if application != APPLICATION_ID:
        raise damaged(path, "not a capgo-exporter ledger, or cut short")
    if schema > SCHEMA_VERSION:
        raise LedgerError(
            "ledger_too_new",
            f"{path} was written by a newer release (schema {schema}, this one reads up to {SCHEMA_VERSION}): "
            "run that release, or give this one its own --data-dir",
        )


def _migrate(db: sqlite3.Connection, path: Path, migrations: Mapping[int, str]) -> None:
    schema = _schema(db)
    target = max(migrations, default=SCHEMA_VERSION - 1) + 1
    if schema == target:
        return
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy2(path, path.with_name(f"{path.name}.schema-{schema}"))
    steps = "".join(migrations[version] for version in range(schema, target))
    try:
        db.executescript(f"BEGIN IMMEDIATE; {steps}; PRAGMA user_version = {target}; COMMIT")
    except sqlite3.Error:
        db.execute("ROLLBACK")
        raise


def pack(numbers: Mapping[int, int]) -> bytes:
    """A blob of one transaction, of 64-bit integers: value and timestamp of each fingerprint, or row in `series` and
    total of each series that was counted.
    """
    return array("q", [*chain.from_iterable(numbers.items())]).tobytes()


def unpack(blob: bytes) -> dict[int, int]:
    """What `pack` packed."""
    numbers = array("q", blob)
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


def count_packed(db: sqlite3.Connection) -> int:
    """The number of fingerprints in `recent`."""
    (size,) = db.execute("SELECT coalesce(sum(length(fingerprints)), 0) FROM recent").fetchone()
    return int(size) // _PAIR


def meta(db: sqlite3.Connection, name: str) -> int | bytes:
    """A value of the table `meta`."""
    (value,) = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return cast(int | bytes, value)


def ahead(db: sqlite3.Connection) -> tuple[int, dict[int, int]]:
    """The transaction that brought `series` up to date, and by its rows the totals that are newer."""
    newer: dict[int, int] = {}
    if _schema(db) < 3:  # read before it is migrated
        return 0, newer
    row = db.execute("SELECT tx FROM recent WHERE totals IS NULL ORDER BY tx DESC LIMIT 1").fetchone()
    (last,) = row or (0,)
    for (blob,) in db.execute("SELECT totals FROM recent WHERE tx > ? ORDER BY tx", (last,)):
        newer.update(unpack(blob))
    return last, newer


def read(db: sqlite3.Connection) -> Iterator[Changes]:
    """All that a ledger holds, as changes that rebuild it in memory when applied in this order."""
    _, newer = ahead(db)
    rows = Changes(0.0, forgotten_events=int(meta(db, "forgotten_events")))
    for app_id, platform, version, test, first, last in db.execute("SELECT * FROM versions"):
        rows.sightings[Version(app_id, platform, version, bool(test))] = Sighting(first, last)
    # One object for all series of a version, and for all of an action. (A named tuple equals a plain one.)
    versions: dict[tuple[str, str, str, int], Version] = {}
    actions: dict[str, str] = {}
    for number, app_id, platform, version, test, action, total, state, base, since in _series(db):
        key = app_id, platform, version, test
        known = versions.get(key)
        if known is None:
            versions[key] = known = Version(app_id, platform, version, bool(test))
        series = Series(known, actions.setdefault(action, action))
        rows.totals[series] = newer.pop(number, total)
        rows.shows[series] = Show(_STATES[state], base, since)
    if newer:
        raise ValueError("events of series that it does not have")
    yield rows
    yield from _read_fingerprints(db)


def _series(db: sqlite3.Connection) -> Iterator[tuple[int, str, str, str, int, str, int, int, int, float]]:
    """The rows of `series`; last the dormant ones, in the order in which they became so, since the oldest go first."""
    number = "id" if _schema(db) > 1 else "NULL"
    dormant = int(State.DORMANT)
    yield from db.execute(_READ_SERIES.format(id=number, state=f"<> {dormant}"))
    yield from db.execute(_READ_SERIES.format(id=number, state=f"= {dormant} ORDER BY since"))


def _read_fingerprints(db: sqlite3.Connection) -> Iterator[Changes]:
    since, blobs, size = 0.0, list[bytes](), 0
    for at, blob in db.execute("SELECT at, fingerprints FROM recent ORDER BY tx"):
        since = since or at
        blobs.append(blob)
        size += len(blob)
        if size >= _CHUNK * _PAIR:
            yield Changes(since, fingerprints=unpack(b"".join(blobs)))
            since, blobs, size = 0.0, [], 0
    if size:
        yield Changes(since, fingerprints=unpack(b"".join(blobs)))
