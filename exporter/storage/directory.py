"""The data directory: one process at a time, on whatever file system.

Some refuse what others take for granted. Of all there is, only locks and durable writes are needed to count; what else
is refused, such as a file's mode (CIFS) or a directory's sync (FUSE), is told and done without.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from exporter.storage.errors import in_use, unusable

LOCK_NAME: Final = "ledger.lock"
"""Stays where it is, empty. Not the directory itself is locked: NFS wants a descriptor that can be written."""


def make(directory: Path) -> None:
    """Make the data directory, if it is not there. Raises `LedgerError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(directory, error) from error


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep every other process away from a data directory. Raises `LedgerError`."""
    with _locked(directory, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX):
        yield


@contextmanager
def not_in_use(directory: Path) -> Iterator[None]:
    """Keep an exporter from starting on it, and write nothing. Raises `LedgerError`."""
    if directory.is_dir() and not (directory / LOCK_NAME).exists():  # none has ever run here
        yield
        return
    with _locked(directory, os.O_RDONLY, fcntl.LOCK_SH):
        yield


@contextmanager
def _locked(directory: Path, flags: int, lock: int) -> Iterator[None]:
    try:
        descriptor = os.open(directory / LOCK_NAME, flags, 0o600)
    except OSError as error:
        raise unusable(directory, error) from error
    try:
        if flags & os.O_CREAT:
            _give(descriptor, directory.stat())
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise in_use(directory) from error
    except OSError as error:
        os.close(descriptor)
        raise unusable(directory, error) from error
    try:
        yield
    finally:
        os.close(descriptor)


def _give(descriptor: int, owner: os.stat_result) -> None:
    """Let an exporter lock what root has made for it, as `capgo-exporter restore` does."""
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        with suppress(OSError):  # root is nobody on some mounts
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def give(path: Path, like: os.stat_result) -> None:
    """Give a file the owner of another, and its mode if that is a file as well. Raises `OSError`."""
    mine = path.stat()
    if stat.S_ISREG(like.st_mode) and mine.st_mode != like.st_mode:
        path.chmod(stat.S_IMODE(like.st_mode))
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.chown(path, like.st_uid, like.st_gid)


def sync(directory: Path) -> None:
    """Have the names in it survive a power cut. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
