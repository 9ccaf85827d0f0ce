"""What is needed is checked at the start, and what is not needed is done without."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bodies import events
from tests.support.filesystems import OddExporter
from tests.support.harness import Exporter
from tests.system.test_lifecycle import outcome


def refusal(exporter: Exporter) -> str:
    """The one line that says why it did not start."""
    code, said = outcome(exporter)
    assert code == 1
    assert "Traceback" not in said
    (line,) = [json.loads(line) for line in said.splitlines() if json.loads(line)["level"] == "critical"]
    return f"{line['event']}: {line['error']}"


@pytest.mark.parametrize("kinds", [["nfs"], ["cifs"], ["fuse"], ["nfs", "cifs", "fuse"]])
def test_a_ledger_may_live_on_any_file_system_that_locks_and_keeps(kinds: list[str], tmp_path: Path) -> None:
    """It is counted over a restart, and nobody else may read it; what was refused is told once."""
    with OddExporter(kinds, tmp_path) as exporter:
        assert exporter.post(events(3)).status == 200
        assert exporter.terminate() == 0
        exporter.restart()
        assert exporter.post(events(4)).status == 200
        assert exporter.scrape().total("capgo_events_total") == 7

        said = [json.loads(line)["event"] for line in exporter.logs().splitlines()]
    assert said.count("directory_not_synced") == ("fuse" in kinds)
    assert stat.S_IMODE((exporter.data / "ledger.db").stat().st_mode) == 0o600


def test_two_exporters_on_nfs_do_not_share_a_directory(tmp_path: Path) -> None:
    """A lock that works there keeps the second away."""
    with OddExporter(["nfs"], tmp_path) as first:
        said = refusal(OddExporter(["nfs"], tmp_path / "second", data_dir=str(first.data)))

        assert said.startswith("ledger_in_use: ")
        assert str(first.data) in said


def test_a_file_system_without_locks_is_refused_by_its_path(tmp_path: Path) -> None:
    """In words, before anything is served."""
    exporter = OddExporter(["nolocks"], tmp_path)

    said = refusal(exporter)

    assert said.startswith("data_dir_unusable: ")
    assert str(exporter.data) in said
    assert "lock" in said


@pytest.mark.parametrize(("kind", "warnings"), [("nfs", 0), ("cifs", 1), ("fuse", 1)])
def test_a_copy_is_restored_there_as_well(kind: str, warnings: int, tmp_path: Path) -> None:
    """What can't be had is told in a line; here the mode of the ledger that was there."""
    with OddExporter([kind], tmp_path) as exporter:
        assert exporter.post(events(3)).status == 200
        assert exporter.terminate() == 0
    ledger = exporter.data / "ledger.db"
    ledger.chmod(0o640)

    done = run("tests.support.filesystems", kind, "restore", str(ledger), "--data-dir", str(exporter.data))

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("warning: ") == warnings
    assert f"{ledger}: 3 events of {ledger}" in done.stdout


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, timeout=120, check=False)


def test_an_sqlite_that_is_too_old_is_refused_at_the_start(tmp_path: Path) -> None:
    """It would say that it is ready, and refuse every post."""
    exporter = OddExporter(["oldsqlite"], tmp_path)

    said = refusal(exporter)

    assert said.startswith("sqlite_too_old: Python's SQLite is 3.34.1, and 3.35.0 or newer is needed")
    assert not exporter.data.exists()


def test_check_says_so_as_well(tmp_path: Path) -> None:
    """A rehearsal finds what the start would."""
    done = run("tests.support.filesystems", "oldsqlite", "check", "--data-dir", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("capgo-exporter: sqlite_too_old: ")
