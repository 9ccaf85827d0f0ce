"""Ledgers on disk as tests look at them: what was counted, the files byte for byte, and the commands that read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.bodies import event, events
from tests.support.harness import Exporter, Labels
from tests.system.test_metrics import assert_sums_hold

EVENT_FAMILIES = ("capgo_events_total", "capgo_test_events_total", "capgo_version_first_seen_timestamp_seconds")


def ledger_of(exporter: Exporter) -> dict[str, dict[Labels, float]]:
    """All that a scrape says of the events since the ledger began."""
    scrape = exporter.scrape()
    assert_sums_hold(scrape)
    return {family: scrape.series(family) for family in EVENT_FAMILIES}


def content(directory: Path) -> dict[str, bytes]:
    """Every file below, byte for byte; but for SQLite's shared memory, which is no data."""
    files = [path for path in directory.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def ledger_file(exporter: Exporter) -> Path:
    """The ledger itself, not its log: the one file that begins as SQLite's do."""
    files = [path for path in exporter.data.iterdir() if path.is_file()]
    (found,) = [path for path in files if path.read_bytes().startswith(b"SQLite format 3\0")]
    return found


SOMETHING = 800
"""Events of production devices in it: so many that the file grows."""


def post_something(exporter: Exporter) -> None:
    for version in ("1.0.0", "1.1.0"):
        for action in ("set", "set_fail", "download_10", "app_crash"):
            for platform in ("android", "ios"):
                batch = events(SOMETHING // 16, version_name=version, action=action, platform=platform)
                assert exporter.post([*batch, event(is_prod=False)]).status == 200


def backup(exporter: Exporter, copy: Path) -> None:
    """Have a running exporter's ledger copied; AssertionError if that fails."""
    done = command("backup", str(copy), "--data-dir", str(exporter.data))
    assert done.returncode == 0, done.stderr


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    argv = [sys.executable, "-m", "exporter", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
