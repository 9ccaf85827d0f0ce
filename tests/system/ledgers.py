"""Ledgers on disk as tests look at them: what was counted, the files byte for byte, and the commands that read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import health
from tests.support.bodies import event, events
from tests.support.harness import Exporter, Labels
from tests.system.test_metrics import assert_sums_hold

FAMILIES = (
    *("capgo_events_total", "capgo_test_events_total", "capgo_version_first_seen_timestamp_seconds"),
    *("capgo_devices", "capgo_rollout_devices", "capgo_device_stages_total"),
    *(*health.METRICS, *health.TEST_METRICS),
)


def ledger_of(exporter: Exporter) -> dict[str, dict[Labels, float]]:
    """All that a scrape says of the events since the ledger began."""
    scrape = exporter.scrape()
    assert_sums_hold(scrape)
    return {family: scrape.series(family) for family in FAMILIES}


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
        for action in ("set", "set_fail", "app_moved_to_foreground", "app_launch_ready"):
            for platform in ("android", "ios"):
                fields = {"version_name": version, "action": action, "platform": platform}
                batch = events(SOMETHING // 16, metadata={"duration_ms": "1550"}, **fields)
                assert exporter.post([*batch, event(is_prod=False)]).status == 200


def backup(exporter: Exporter, copy: Path) -> None:
    """Have a running exporter's ledger copied; AssertionError if that fails."""
    done = command("backup", str(copy), "--data-dir", str(exporter.data))
    assert done.returncode == 0, done.stderr


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    argv = [sys.executable, "-m", "exporter", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
