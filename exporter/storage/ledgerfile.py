"""The file that a ledger lives in: how it comes into being, and when it is refused. What is in it, `tables` reads.

Nothing here ever overwrites a file: one that can't be read, is not ours, or was written by a newer release is refused
with a `LedgerError` and left as it is. A new file is made complete under another name and then renamed, so that an
empty or truncated one is damage and not a beginning.
"""

import fcntl
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Literal

from exporter.storage import tables
from exporter.wire.fingerprints import KEY_SIZE

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


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    schema = tables.schema(db)
    if application != APPLICATION_ID:
        raise damaged(path, "not a capgo-exporter ledger, or cut short")
    if schema > SCHEMA_VERSION:
        raise LedgerError(
            "ledger_too_new",
            f"{path} was written by a newer release (schema {schema}, this one reads up to {SCHEMA_VERSION}): "
            "run that release, or give this one its own --data-dir",
        )


def _migrate(db: sqlite3.Connection, path: Path, migrations: Mapping[int, str]) -> None:
    schema = tables.schema(db)
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
