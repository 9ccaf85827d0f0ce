"""What `capgo-exporter restore` does: put a copy of a ledger where a stopped exporter will look for it."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from exporter.storage import directory as data
from exporter.storage import ledgerfile
from exporter.storage.check import sound
from exporter.storage.errors import unusable

_PARTS: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite may have left of a ledger, in the order in which it is set aside."""


def restore(file: Path, directory: Path) -> list[str]:
    """Put a copy in place of the ledger, which is set aside; says what was done. Raises `LedgerError` or `OSError`.

    Whenever it is cut short, a start finds either ledger whole, or refuses: the one that was there is moved away before
    its log, and the copy lies beside it under a name that says what is under way.
    """
    ledgerfile.refuse_old_sqlite()
    data.make(directory)
    path = directory / ledgerfile.FILE_NAME
    new = path.with_name(path.name + ledgerfile.RESTORING)
    with data.locked(directory):
        with ledgerfile.look(file) as db:
            events = sum(sound(db, file).view().events.values())
            _copy(db, new)
        like = (path if path.exists() else directory).stat()
        return [
            *_warning("the copy does not have the owner and mode of what was there", lambda: data.give(new, like)),
            *_set_aside(path),
            *_put(new, path),
            f"{path}: {events} events of {file}; start with --restored, so that its series begin at 0",
        ]


def _copy(db: sqlite3.Connection, new: Path) -> None:
    try:
        ledgerfile.copy(db, new)
    except (OSError, sqlite3.Error) as error:
        raise unusable(new.parent, error) from error


def _set_aside(path: Path) -> Iterator[str]:
    aside = next(
        place
        for place in (path.with_name(f"{path.name}.replaced-{number}") for number in itertools.count(1))
        if not any(place.with_name(place.name + part).exists() for part in _PARTS)
    )
    for part in _PARTS:
        found = path.with_name(path.name + part)
        if found.exists():
            found.rename(aside.with_name(aside.name + part))
            yield f"what was there before: {aside.name}{part}"


def _put(new: Path, path: Path) -> Iterator[str]:
    new.rename(path)
    yield from _warning("it may not survive a power cut in the next seconds", lambda: data.sync(path.parent))


def _warning(what: str, attempt: Callable[[], None]) -> Iterator[str]:
    """What a file system refuses and counting does not need."""
    try:
        attempt()
    except OSError as error:
        yield f"warning: {what} ({error})"
