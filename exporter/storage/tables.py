"""What the tables of a ledger say, and how to read it.

`series` and `versions` hold absolute values; `recent` the fingerprints of each transaction as one blob, its key being
the transaction's number; `old` those that have left memory, by the device's time.

A transaction that only counts is one row of `recent`, with the new totals of its series in another blob: to write each
into its row of `series` would cost several times as much. So `series` lags behind by the rows after the last one
without totals, which says that it was brought up to date. Totals are absolute: the newest is true, however often read.

Of devices the same is true, in the same rows; `devices` has a row for each part of them, and lags behind by the rows
after the oldest part. In both, versions stand by the numbers that `numbers` has.
"""

import sqlite3
from array import array
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, cast

from exporter.counting.changes import Changes, Show, Sighting, State
from exporter.counting.devices import SHARDS
from exporter.wire.labels import Series, Version

_READ_SERIES: Final = (
    "SELECT {id}, app_id, platform, version, test, {name}, total, state, base, since FROM series WHERE state {state}"
)
_STATES: Final = tuple(State)

PAIR: Final = 16
"""Bytes of two numbers in a blob."""

_CHUNK: Final = 50_000

_PARTS: Final = 256
_ROWS: Final = 10_000
"""Of the table of devices, and of commits with newer ones, that are handed over at a time."""


def schema(db: sqlite3.Connection) -> int:
    """The version of a ledger's schema."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def pack(numbers: Mapping[int, int]) -> bytes:
    """A blob of one transaction, of 64-bit integers: value and timestamp of each fingerprint, or row in `series` and
    total of each series that was counted.
    """
    return array("q", [*chain.from_iterable(numbers.items())]).tobytes()


def unpack(blob: bytes) -> dict[int, int]:
    """What `pack` packed."""
    numbers = array("q", blob)
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


def count_packed(db: sqlite3.Connection) -> int:
    """The number of fingerprints in `recent`."""
    (size,) = db.execute("SELECT coalesce(sum(length(fingerprints)), 0) FROM recent").fetchone()
    return int(size) // PAIR


def count_devices(db: sqlite3.Connection, tx: int) -> int:
    """The number of devices in the rows of commits after a transaction, each time that one comes."""
    query = "SELECT coalesce(sum(length(devices)), 0) FROM recent WHERE tx > ?"
    (size,) = db.execute(query, (tx,)).fetchone()
    return int(size) // PAIR


def meta(db: sqlite3.Connection, name: str) -> int | bytes:
    """A value of the table `meta`."""
    (value,) = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return cast(int | bytes, value)


def last_backup(db: sqlite3.Connection) -> float:
    """When a copy was handed over last, in seconds since the epoch; 0 if none was."""
    row = db.execute("SELECT value FROM meta WHERE name = 'last_backup'").fetchone()
    return float(row[0]) if row else 0.0


def ahead(db: sqlite3.Connection) -> tuple[int, dict[int, int]]:
    """The transaction that brought `series` up to date, and by its rows the totals that are newer."""
    newer: dict[int, int] = {}
    if schema(db) < 3:  # read before it is migrated
        return 0, newer
    row = db.execute("SELECT tx FROM recent WHERE totals IS NULL ORDER BY tx DESC LIMIT 1").fetchone()
    (last,) = row or (0,)
    for (blob,) in db.execute("SELECT totals FROM recent WHERE tx > ? ORDER BY tx", (last,)):
        newer.update(unpack(blob))
    return last, newer


def read(db: sqlite3.Connection) -> Iterator[Changes]:
    """All that a ledger holds, as changes that rebuild it in memory when applied in this order."""
    _, newer = ahead(db)
    rows = Changes(0.0, forgotten_events=int(meta(db, "forgotten_events")))
    for app_id, platform, version, test, first, last in db.execute("SELECT * FROM versions"):
        rows.sightings[Version(app_id, platform, version, bool(test))] = Sighting(first, last)
    # One object for all series of a version, and for all of a name. (A named tuple equals a plain one.)
    versions: dict[tuple[str, str, str, int], Version] = {}
    names: dict[str, str] = {}
    for number, app_id, platform, version, test, name, total, state, base, since in _series(db):
        key = app_id, platform, version, test
        known = versions.get(key)
        if known is None:
            versions[key] = known = Version(app_id, platform, version, bool(test))
        series = Series(known, names.setdefault(name, name))
        rows.totals[series] = newer.pop(number, total)
        rows.shows[series] = Show(_STATES[state], base, since)
    if newer:
        raise ValueError("events of series that it does not have")
    if schema(db) > 4:
        for number, app_id, platform, version in db.execute("SELECT * FROM numbers"):
            rows.numbers[number] = Version(app_id, platform, version, test=False)
    yield rows
    yield from _read_devices(db)
    yield from _read_fingerprints(db)


def _series(db: sqlite3.Connection) -> Iterator[tuple[int, str, str, str, int, str, int, int, int, float]]:
    """The rows of `series`; last the dormant ones, in the order in which they became so, since the oldest go first."""
    version, dormant = schema(db), int(State.DORMANT)
    columns = {"id": "id" if version > 1 else "NULL", "name": "name" if version > 3 else "action"}
    yield from db.execute(_READ_SERIES.format(**columns, state=f"<> {dormant}"))
    yield from db.execute(_READ_SERIES.format(**columns, state=f"= {dormant} ORDER BY since"))


def _read_devices(db: sqlite3.Connection) -> Iterator[Changes]:
    """The parts of the table, and then what is newer than the oldest of them, in order: the newest is true."""
    if schema(db) < 5:
        return
    parts = db.execute("SELECT packed FROM devices")
    while some := parts.fetchmany(_PARTS):
        yield Changes(0.0, devices=unpack(b"".join(packed for (packed,) in some)))
    (oldest,) = db.execute("SELECT CASE count(*) WHEN ? THEN min(tx) ELSE 0 END FROM devices", (SHARDS,)).fetchone()
    rows = db.execute("SELECT devices FROM recent WHERE tx > ? AND devices IS NOT NULL ORDER BY tx", (oldest,))
    while some := rows.fetchmany(_ROWS):
        yield Changes(0.0, devices=unpack(b"".join(packed for (packed,) in some)))


def _read_fingerprints(db: sqlite3.Connection) -> Iterator[Changes]:
    since, blobs, size = 0.0, list[bytes](), 0
    for at, blob in db.execute("SELECT at, fingerprints FROM recent ORDER BY tx"):
        since = since or at
        blobs.append(blob)
        size += len(blob)
        if size >= _CHUNK * PAIR:
            yield Changes(since, fingerprints=unpack(b"".join(blobs)))
            since, blobs, size = 0.0, [], 0
    if size:
        yield Changes(since, fingerprints=unpack(b"".join(blobs)))
