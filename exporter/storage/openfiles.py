"""The files of an open ledger, and whether they still have their names.

What is written to a file that was deleted, moved away or replaced meanwhile, no start will ever find; and nothing else
would tell, as the system lets whoever has it open go on.
"""

import os
from pathlib import Path

from exporter.storage.errors import StorageUnavailableError, log_of


class OpenFiles:
    """A ledger and its write-ahead log, as they are now that they have been opened."""

    def __init__(self, path: Path) -> None:
        self._ledger, self._log = str(path), str(log_of(path))  # a path's own way to ask takes twice as long
        self._known = {file: _identity(_stat(file)) for file in (self._ledger, self._log)}

    def check(self) -> None:
        """Raises `StorageUnavailableError` if one of them is no longer where it was."""
        self.check_ledger()
        self._check(self._log)

    def check_ledger(self) -> None:
        """The same without the log, which is made anew, and whole, when the ledger is closed and opened again."""
        self._check(self._ledger)

    def _check(self, file: str) -> None:
        if _identity(_stat(file)) != self._known[file]:
            raise StorageUnavailableError(
                f"{file} was deleted, moved or replaced while in use: put it back, or restart the exporter"
            )

    @property
    def size(self) -> int:
        """Bytes of both, of what can be reached."""
        return sum(found.st_size for found in map(_stat, self._known) if found)


def _stat(file: str) -> os.stat_result | None:
    try:
        return os.stat(file)  # noqa: PTH116 - see above
    except OSError:
        return None


def _identity(found: os.stat_result | None) -> tuple[int, int] | None:
    """What tells a file from all others."""
    return found and (found.st_dev, found.st_ino)
