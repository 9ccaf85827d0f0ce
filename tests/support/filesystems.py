"""The exporter on a file system, or with a library, that refuses what others take for granted.

`python -m tests.support.filesystems KIND... [arguments of capgo-exporter]`; the kinds are the functions below.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.harness import Exporter


def nfs() -> None:
    """`flock` is made of byte-range locks, so an exclusive one wants a descriptor that can be written."""
    flock = fcntl.flock

    def picky(descriptor: int, operation: int) -> None:
        access = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        if (operation & fcntl.LOCK_EX and access == os.O_RDONLY) or (
            operation & fcntl.LOCK_SH and access == os.O_WRONLY
        ):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    fcntl.flock = picky  # type: ignore[assignment]  # what takes files as well is not needed


def nolocks() -> None:
    """A mount without a lock service."""
    fcntl.flock = _refusing(errno.ENOLCK)


def cifs() -> None:
    """Modes and owners belong to the mount: `chmod` and `chown` are refused, and there are no sockets."""
    for name in ("chmod", "fchmod", "chown", "fchown"):
        setattr(os, name, _refusing(errno.EPERM))
    Path.chmod = _refusing(errno.EPERM)  # type: ignore[method-assign]


def fuse() -> None:
    """A directory can't be synced."""
    fsync = os.fsync

    def picky(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    os.fsync = picky  # type: ignore[assignment]  # as above


def oldsqlite() -> None:
    """What Red Hat's 9 brings."""
    sqlite3.sqlite_version_info = (3, 34, 1)  # type: ignore[misc]  # it is what the library says


def _refusing(number: int) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


class OddExporter(Exporter):
    """An exporter to which some of these happen."""

    def __init__(self, kinds: list[str], directory: Path, **settings: str) -> None:
        super().__init__(directory, **settings)
        self.argv[1:3] = ["-m", "tests.support.filesystems", *kinds]
        self.environment["PYTHONPATH"] = str(Path(__file__).parents[2])


KINDS = {kind.__name__: kind for kind in (nfs, nolocks, cifs, fuse, oldsqlite)}


def run(words: list[str]) -> int:
    """Have the kinds happen, then do as `capgo-exporter` does."""
    while words and words[0] in KINDS:
        KINDS[words.pop(0)]()
    from exporter.cli import main  # only now, as it may remember what it found

    return main(words)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
