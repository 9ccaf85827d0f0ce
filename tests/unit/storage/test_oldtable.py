"""What has left memory is found, within its window and up to a cap."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from itertools import chain
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.storage import oldtable
from exporter.storage.errors import StorageUnavailableError
from exporter.storage.oldtable import OldTable

WINDOW = 100.0
NOW = 1_800_000_000.0
CAP = 8

Pair = tuple[int, int]
"""Timestamp in milliseconds and fingerprint."""


def emptied(db: sqlite3.Connection) -> OldTable:
    db.execute("DELETE FROM old")
    return OldTable(db, WINDOW)


def keep(table: OldTable, pairs: Collection[Pair], now: float) -> None:
    table.keep([*chain.from_iterable((value, timestamp) for timestamp, value in pairs)], now)
    table.tidy(now)


def among(table: OldTable, pairs: Collection[Pair]) -> set[int]:
    return {*table.remembers.among(pairs)} if table.remembers else set()


batches = st.lists(st.tuples(st.integers(0, 150), st.lists(st.integers(-150, 150), max_size=40)), max_size=8)
"""How many seconds pass, and by how many each device's clock is off."""


@settings(max_examples=200, deadline=None)
@given(batches=batches, restarted=st.booleans())
def test_the_newest_within_the_window_are_found_and_no_more_than_the_cap(
    ledger: sqlite3.Connection, batches: list[tuple[int, list[int]]], restarted: bool
) -> None:
    """The oldest go first, by the devices' time."""
    with mock.patch.object(oldtable, "OLD_ROWS", CAP):
        table, now = emptied(ledger), NOW
        ever: list[Pair] = []
        there: set[Pair] = set()
        for passed, clocks in batches:
            now += passed
            pairs = [(int((now + off) * 1000), len(ever) + number) for number, off in enumerate(clocks)]
            table = OldTable(ledger, WINDOW) if restarted else table
            keep(table, pairs, now)
            ever += pairs
            first = (now - WINDOW) * 1000
            there |= {pair for pair in pairs if pair[0] < (now + WINDOW) * 1000}
            there = {*sorted(pair for pair in there if pair[0] >= first)[-CAP:]}

            found = among(table, ever)
            assert {value for _, value in there} <= found
            assert len(found) <= CAP
            assert table.remembers is None or table.remembers.newest >= max((moment for moment, _ in there), default=0)


def test_what_is_out_of_its_window_leaves_though_nothing_comes(ledger: sqlite3.Connection) -> None:
    """A fleet that falls silent costs no disk for ever; it is looked at once a minute."""
    table = emptied(ledger)
    pairs = [(int(NOW * 1000), value) for value in range(10)]
    keep(table, pairs, NOW)
    keep(table, (), NOW + WINDOW)
    assert among(table, pairs) == {*range(10)}
    keep(table, (), NOW + WINDOW + 1)
    assert among(table, pairs) == {*range(10)}
    keep(table, (), NOW + WINDOW + 60)
    assert table.remembers is None


def test_a_disk_that_cannot_be_asked_says_so(ledger: sqlite3.Connection) -> None:
    """An event that may be there must not be counted for that."""
    table = emptied(ledger)
    keep(table, [(int(NOW * 1000), 1)], NOW)
    remembers = table.remembers
    assert remembers is not None
    with mock.patch.object(table, "_db") as db:
        db.execute.side_effect = sqlite3.OperationalError("disk I/O error")
        with pytest.raises(StorageUnavailableError, match="disk I/O error"):
            remembers.among([(1, 1)])
