"""Ledgers as older releases left them: made of one of today's, which is empty of what they did not know."""

from __future__ import annotations

from typing import Final

_BACK: Final = {
    5: "ALTER TABLE recent DROP COLUMN devices; DROP TABLE devices; DROP TABLE numbers;",
    4: "ALTER TABLE series RENAME COLUMN name TO action;",
    3: "ALTER TABLE recent DROP COLUMN totals;",
    2: """
        DROP TABLE series;
        CREATE TABLE series (
            app_id TEXT, platform TEXT, version TEXT, test INTEGER, action TEXT,
            total INTEGER NOT NULL, state INTEGER NOT NULL, base INTEGER NOT NULL, since REAL NOT NULL,
            PRIMARY KEY (app_id, platform, version, test, action)
        ) WITHOUT ROWID;
    """,
}
"""From a schema, the SQL that leads to the one before."""


def back_to(schema: int) -> str:
    """The SQL that makes today's ledger one of an older schema."""
    steps = [sql for newer, sql in _BACK.items() if newer > schema]
    return "".join([*steps, f"PRAGMA user_version = {schema};"])
