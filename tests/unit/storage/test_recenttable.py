"""The fingerprints in memory: each in one place, the oldest leave first, whatever its row became."""

from __future__ import annotations

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.storage import tables
from exporter.storage.recenttable import RecentTable

MEMORY = 60


def emptied(db: sqlite3.Connection, memory: int = MEMORY) -> RecentTable:
    db.execute("DELETE FROM recent")
    return RecentTable(db, memory, 0)


def stored(db: sqlite3.Connection) -> list[int]:
    """The fingerprints that a start finds, in their order."""
    blobs = db.execute("SELECT fingerprints FROM recent ORDER BY tx")
    return [fingerprint for (blob,) in blobs for fingerprint in tables.unpack(blob)]


Commit = tuple[int, bool, bool, bool]
commits = st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.booleans(), st.booleans()), max_size=40)
"""Events in each, whether it is written in full, whether it has devices, whether the process starts anew after it."""


@settings(max_examples=300, deadline=None)
@given(commits=commits)
def test_what_is_not_in_it_has_left_in_the_order_of_arrival(ledger: sqlite3.Connection, commits: list[Commit]) -> None:
    """Once each, and none beyond what there is room for is kept."""
    table, arrived, left = emptied(ledger), list[int](), list[int]()
    for events, in_full, devices, restarted in commits:
        fingerprints = {len(arrived) + number: 1000 + len(arrived) + number for number in range(events)}
        if in_full or not table.has_room(events):
            table.join(table.tx)
            leaving = table.retire(events, table.tx)
            assert [timestamp - 1000 for timestamp in leaving[1::2]] == [*leaving[::2]]
            left += leaving[::2]
        table.append(1.0, fingerprints, None if in_full else b"", b"" if devices else None)
        arrived += fingerprints
        if restarted:
            table = RecentTable(ledger, MEMORY, 0)

        assert left + stored(ledger) == arrived
        assert tables.count_packed(ledger) <= max(MEMORY, events)
        assert table.has_room() == (tables.count_packed(ledger) <= MEMORY)


def test_rows_of_one_event_become_few_of_many(ledger: sqlite3.Connection) -> None:
    """A start reads them all, and a row for each event would be most of its time."""
    table = emptied(ledger, memory=10_000)
    for number in range(5000):
        table.append(float(number), {number: number}, b"", None)
    table.join(table.tx)
    rows = ledger.execute("SELECT tx, at FROM recent ORDER BY tx").fetchall()
    assert rows == [(1000 * (number + 1), 1000.0 * number) for number in range(5)]
    assert stored(ledger) == [*range(5000)]


def test_a_row_stays_for_the_devices_that_their_table_lacks(ledger: sqlite3.Connection) -> None:
    """Its fingerprints leave without it; one without devices is of no use then."""
    table = emptied(ledger, memory=1)
    devices = tables.pack({1: 7})
    for number, packed in enumerate((None, devices, None, devices, devices)):
        table.append(1.0, {number: 1}, b"", packed)
    assert table.retire(0, 2) == [0, 1, 1, 1, 2, 1, 3, 1]
    assert ledger.execute("SELECT tx, length(fingerprints) FROM recent").fetchall() == [(4, 0), (5, 16)]
