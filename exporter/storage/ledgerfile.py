"""The file that a ledger lives in: how it comes into being, and when it is refused. What is in it, `tables` reads.

Nothing here ever overwrites a file: one that can't be read, is not ours, or was written by a newer release is refused
with a `LedgerError` and left as it is. A new file is made complete under another name and then renamed, so that an
empty or truncated one is damage and not a beginning.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Literal

import structlog

from exporter.storage import directory, tables
from exporter.storage.errors import (
    LedgerError,
    damaged,
    log_of,
    refused_by_sqlite,
    stale_log,
    too_new,
    unusable,
)
from exporter.wire.fingerprints import KEY_SIZE

FILE_NAME: Final = "ledger.db"
APPLICATION_ID: Final = 0x63617067
"""`capg`, by which a ledger is told from any other SQLite file."""

SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE series (
    id INTEGER PRIMARY KEY, app_id TEXT, platform TEXT, version TEXT, test INTEGER, name TEXT,
    total INTEGER NOT NULL, state INTEGER NOT NULL, base INTEGER NOT NULL, since REAL NOT NULL,
    UNIQUE (app_id, platform, version, test, name)
);
CREATE TABLE versions (
    app_id TEXT, platform TEXT, version TEXT, test INTEGER, first REAL NOT NULL, last REAL NOT NULL,
    PRIMARY KEY (app_id, platform, version, test)
) WITHOUT ROWID;
CREATE TABLE recent (
    tx INTEGER PRIMARY KEY, at REAL NOT NULL, fingerprints BLOB NOT NULL, totals BLOB, devices BLOB
);
CREATE TABLE devices (part INTEGER PRIMARY KEY, tx INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE numbers (number INTEGER PRIMARY KEY, app_id TEXT, platform TEXT, version TEXT);
CREATE TABLE old (timestamp INTEGER, value INTEGER, PRIMARY KEY (timestamp, value)) WITHOUT ROWID;
"""
SCHEMA_VERSION: Final = 5
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
    3: "ALTER TABLE series RENAME COLUMN action TO name;",
    4: """
ALTER TABLE recent ADD COLUMN devices BLOB;
CREATE TABLE devices (part INTEGER PRIMARY KEY, tx INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE numbers (number INTEGER PRIMARY KEY, app_id TEXT, platform TEXT, version TEXT);
""",
}
"""From a schema version, the SQL that leads to the next one."""

Durability = Literal["process", "power"]
_SYNCHRONOUS: Final = {"process": "NORMAL", "power": "FULL"}

_PAGE: Final = 2048
"""Bytes; a commit writes every page that it touches whole, and mostly few bytes in each."""

_LOG_BYTES: Final = 4 * 2**20
"""Of the write-ahead log, beyond which it is folded into the file."""


_COPIED_TOGETHER: Final = 4096
"""Pages, 8 MiB: what a slow disk takes within seconds."""

SQLITE_NEEDED: Final = (3, 35, 0)
"""The first with RETURNING."""

RESTORING: Final = ".restoring"
"""What is added to the name of a copy on its way into the ledger's place."""

_log = structlog.get_logger("storage")


def refuse_old_sqlite(found: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raises `LedgerError` if SQLite is too old for the statements that count."""
    if found < SQLITE_NEEDED:
        raise LedgerError(
            "sqlite_too_old",
            f"Python's SQLite is {'.'.join(map(str, found))}, and {'.'.join(map(str, SQLITE_NEEDED))} or newer is "
            "needed: use a Python that brings one, or the container image",
        )


def create(path: Path) -> None:
    """Make a new, empty ledger. Raises `LedgerError`."""
    for left in (log_of(path), path.with_name(path.name + RESTORING)):
        if left.exists():
            raise LedgerError(
                "ledger_damaged",
                f"{path} is missing but {left.name} is there: put the file back, with `capgo-exporter restore FILE` if "
                "it is a backup, or move what is left away to begin anew",
            )
    new = path.with_name(path.name + ".new")
    try:
        _make_private(new)
        with closing(sqlite3.connect(new, isolation_level=None)) as db:
            db.execute(f"PRAGMA page_size = {_PAGE}")
            db.executescript(f"BEGIN; {SCHEMA}")
            db.execute("INSERT INTO meta VALUES ('key', ?)", (secrets.token_bytes(KEY_SIZE),))
            db.execute("INSERT INTO meta VALUES ('forgotten_events', 0)")
            db.execute("INSERT INTO meta VALUES ('is_copy', 0)")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            db.execute("COMMIT")
        new.rename(path)
    except (OSError, sqlite3.Error) as error:
        raise unusable(path.parent, error) from error
    try:
        directory.sync(path.parent)
    except OSError as error:
        _log.warning("directory_not_synced", directory=str(path.parent), error=str(error))


def _make_private(path: Path) -> None:
    """Make an empty file that nobody else may read; by its mode from the start, as not every file system has chmod."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def copy(db: sqlite3.Connection, target: Path, progress: Callable[[], None] = lambda: None) -> None:
    """Write a consistent copy of an open ledger, marked as one, and leave nothing if that fails.

    `progress` is called after each part. Raises `OSError` or `sqlite3.Error`.
    """
    _make_private(target)
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as made:
            db.backup(made, pages=_COPIED_TOGETHER, progress=lambda *_: progress())
            made.execute("PRAGMA journal_mode = DELETE")
            made.execute("UPDATE meta SET value = 1 WHERE name = 'is_copy'")
    except BaseException:
        target.unlink()
        raise


@contextmanager
def look(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger for reading only, and touch nothing. Raises `LedgerError`.

    Opened for writing, SQLite would fold the write-ahead log into a file that may turn out to be damaged.
    """
    aside = [file for file in (path.with_name(path.name + end) for end in ("-wal", "-shm")) if not file.exists()]
    try:
        _refuse_stale_log(path)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as db:
            _refuse_foreign(db, path)
            yield db
    except (OSError, sqlite3.Error) as error:
        raise refused_by_sqlite(path, error) from error
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
        raise refused_by_sqlite(path, error) from error
    return db


def _refuse_stale_log(path: Path) -> None:
    """A copy is in SQLite's older form, which has no such log: one beside it is of the file that was there before.

    SQLite would write into the copy what it finds there.
    """
    log = log_of(path)
    if log.exists() and log.stat().st_size:
        with path.open("rb") as file:
            head = file.read(20)
        if head[18:] == b"\1\1":  # the versions that write and read it: 1 without a write-ahead log, 2 with one
            raise stale_log(path)


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    schema = tables.schema(db)
    if application != APPLICATION_ID:
        raise damaged(path, "not a capgo-exporter ledger, or cut short")
    if schema > SCHEMA_VERSION:
        raise too_new(path, schema, SCHEMA_VERSION)


def _migrate(db: sqlite3.Connection, path: Path, migrations: Mapping[int, str]) -> None:
    schema = tables.schema(db)
    target = max(migrations, default=SCHEMA_VERSION - 1) + 1
    if schema == target:
        return
    kept = path.with_name(f"{path.name}.schema-{schema}")
    new = kept.with_name(f"{kept.name}.new")
    copy(db, new)
    new.rename(kept)
    steps = "".join(migrations[version] for version in range(schema, target))
    try:
        db.executescript(f"BEGIN IMMEDIATE; {steps}; PRAGMA user_version = {target}; COMMIT")
    except sqlite3.Error:
        if db.in_transaction:  # on a full disk SQLite has done so itself
            db.execute("ROLLBACK")
        raise
