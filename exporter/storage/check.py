"""What `capgo-exporter check` does: read a stopped exporter's ledger as a start would, and say what is in it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.ledger import Ledger, Limits
from exporter.storage import ledgerfile, tables
from exporter.storage.directory import not_in_use
from exporter.storage.errors import damaged


def check(directory: Path) -> Iterator[str]:
    """Verify a data directory; yields its totals as lines. Raises `LedgerError`."""
    ledgerfile.refuse_old_sqlite()
    path = directory / ledgerfile.FILE_NAME
    with not_in_use(directory), ledgerfile.look(path) as db:
        ledger = sound(db, path)
        (old,) = db.execute("SELECT count(*) FROM old").fetchone()
        is_copy = tables.meta(db, "is_copy")
    view = ledger.view()
    yield f"{path}: sound{', a copy, to be started with --restored' if is_copy else ''}"
    states = ", ".join(f"{events} {state}" for state, events in view.events.items())
    yield f"events counted: {sum(view.events.values())} ({states})"
    yield f"devices: {view.devices.remembered}"
    yield f"series: {len(view.values)} shown; fingerprints: {len(ledger.seen)} recent, {old} old"
    for (app_id, platform, version, test), events in sorted(ledger.counted().items()):
        yield f"  {app_id} {platform} {version}{' (test devices)' if test else ''}: {events}"


def sound(db: sqlite3.Connection, path: Path) -> Ledger:
    """What is in a ledger that was opened, all of it read. Raises `LedgerError`."""
    (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise damaged(path, verdict)
    ledger = Ledger(Limits(version_ttl=0, zero_hold=0, max_dormant=0, memory=2**62, budgets=BudgetLimits(0, 0, 0)))
    for changes in tables.read(db):
        ledger.apply(changes)
    return ledger
