"""What `capgo-exporter check` does: read a stopped exporter's ledger as a start would, and say what is in it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.ledger import Ledger, Limits
from exporter.storage import ledgerfile, tables


def check(directory: Path) -> Iterator[str]:
    """Verify a data directory; yields its totals as lines. Raises `LedgerError`."""
    path = directory / ledgerfile.FILE_NAME
    with ledgerfile.locked(directory), ledgerfile.look(path) as db:
        (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise ledgerfile.damaged(path, verdict)
        ledger = _load(db)
        (old,) = db.execute("SELECT count(*) FROM old").fetchone()
    view = ledger.view()
    yield f"{path}: sound"
    states = ", ".join(f"{events} {state}" for state, events in view.events.items())
    yield f"events counted: {sum(view.events.values())} ({states})"
    yield f"series: {len(view.values)} shown; fingerprints: {len(ledger.seen)} recent, {old} old"
    for (app_id, platform, version, test), events in sorted(ledger.counted().items()):
        yield f"  {app_id} {platform} {version}{' (test devices)' if test else ''}: {events}"


def _load(db: sqlite3.Connection) -> Ledger:
    ledger = Ledger(Limits(version_ttl=0, zero_hold=0, max_dormant=0, memory=2**62, budgets=BudgetLimits(0, 0, 0)))
    for changes in tables.read(db):
        ledger.apply(changes)
    return ledger
