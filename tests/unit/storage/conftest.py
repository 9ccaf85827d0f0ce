"""What the tests of the tables share."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exporter.storage import ledgerfile


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """An empty ledger; a test that writes begins by emptying what it writes."""
    path: Path = tmp_path_factory.mktemp("ledger") / ledgerfile.FILE_NAME
    ledgerfile.create(path)
    with closing(ledgerfile.connect(path, "process")) as db:
        yield db
