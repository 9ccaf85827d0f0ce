"""Events as the ledger takes them, written down one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from exporter.counting.entries import Entries
from exporter.wire.labels import Series
from exporter.wire.words import Word


class Entry(NamedTuple):
    """One of them."""

    series: Series
    fingerprint: int | None = None
    timestamp: int | None = None
    device: int = 0
    word: Word = Word.NOTHING
    duration: int | None = None
    exit: int | None = None


def columns(entries: Sequence[Entry]) -> Entries:
    """A post of them."""
    return Entries(
        [entry.series for entry in entries],
        [entry.fingerprint for entry in entries],
        [entry.timestamp for entry in entries],
        [entry.device for entry in entries],
        [entry.word for entry in entries],
        {index: entry.duration for index, entry in enumerate(entries) if entry.duration is not None},
        {index: entry.exit for index, entry in enumerate(entries) if entry.exit is not None},
    )
