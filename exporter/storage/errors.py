"""Why a ledger can't be used, each with one fixed word and a sentence that says how to mend it; or not just now."""

import os
import sqlite3
from pathlib import Path


class LedgerError(Exception):
    """The ledger can't be used; `name` is one fixed word, the message says what is wrong and how to mend it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class StorageUnavailableError(Exception):
    """The disk did not do what was asked; if that was a commit, `Journal.settle` says whether it landed."""


def unavailable(error: Exception) -> StorageUnavailableError:
    """To be raised instead of an error, `from None`, for whoever may keep it for a while.

    A cursor in one of the frames that an error went through would keep a connection open that is closed by now, and its
    file locked.
    """
    error.__traceback__ = None
    return StorageUnavailableError(str(error))


def unusable(directory: Path, error: Exception) -> LedgerError:
    """Of a directory that can't hold a ledger."""
    return LedgerError(
        "data_dir_unusable",
        f"{directory} can't hold the ledger ({error}): make it a writable directory with space, on a file system that "
        "can lock files",
    )


def in_use(path: Path) -> LedgerError:
    """Of a ledger that another process has open."""
    return LedgerError(
        "ledger_in_use", f"{path} is in use by another process: stop it, or give this one its own --data-dir"
    )


def damaged(path: Path, what: str) -> LedgerError:
    """Of a file that SQLite, or this release, can't make sense of."""
    log = log_of(path)
    beside = f" ({log.name} beside it may be of another file: that sets it aside)" if log.exists() else ""
    return LedgerError(
        "ledger_damaged",
        f"{path} is damaged ({what}); it was left as it is. "
        f"`capgo-exporter restore FILE` puts a backup in its place{beside}, or move it away to begin anew",
    )


def stale_log(path: Path) -> LedgerError:
    """Of a copy that was put beside the write-ahead log of what was there before."""
    return LedgerError(
        "ledger_log_stale",
        f"{log_of(path)} is not the log of {path.name}, which is a copy, and would spoil it: "
        "`capgo-exporter restore FILE` puts a copy in place as it should be; or move the log away",
    )


def copied(path: Path) -> LedgerError:
    """Of a copy that nobody said is one."""
    return LedgerError(
        "ledger_is_a_copy",
        f"{path} is a copy: start with --restored, so that its series begin at 0 again (a counter that goes back to an "
        "older value reads as an increase)",
    )


def too_new(path: Path, schema: int, known: int) -> LedgerError:
    """Of a file that this release does not know how to read."""
    return LedgerError(
        "ledger_too_new",
        f"{path} was written by a newer release (schema {schema}, this one reads up to {known}): "
        "run that release, or give this one its own --data-dir",
    )


def refused_by_sqlite(path: Path, error: Exception) -> LedgerError:
    """Of a file that could not be opened, by what SQLite or the system said."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return in_use(path)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return damaged(path, str(error))
    if not os.path.lexists(path):
        return LedgerError("ledger_unreadable", f"{path}: no such file")
    return LedgerError(
        "ledger_unreadable", f"{path} can't be opened ({error}): check that this user may read and write it"
    )


def log_of(path: Path) -> Path:
    """The write-ahead log that SQLite keeps beside a ledger."""
    return path.with_name(path.name + "-wal")
