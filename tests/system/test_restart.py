"""What was acknowledged is there after any end, and a ledger that can't be trusted is neither served nor touched."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.bodies import event, events
from tests.system.conftest import Launch
from tests.system.harness import Exporter, Labels, Scrape
from tests.system.test_lifecycle import outcome
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
    (found,) = [path for path in exporter.data.iterdir() if path.read_bytes().startswith(b"SQLite format 3\0")]
    return found


def post_something(exporter: Exporter) -> None:
    for version in ("1.0.0", "1.1.0"):
        for action in ("set", "set_fail", "download_10", "app_crash"):
            for platform in ("android", "ios"):
                batch = events(5, version_name=version, action=action, platform=platform)
                assert exporter.post([*batch, event(is_prod=False)]).status == 200


@pytest.mark.parametrize("durability", ["process", "power"])
@pytest.mark.parametrize("end", [Exporter.kill, Exporter.terminate])
def test_the_ledger_is_what_it_was(launch: Launch, end: Callable[[Exporter], object], durability: str) -> None:
    """After a crash as after an orderly end, at both levels of durability."""
    exporter = launch(durability=durability)
    post_something(exporter)
    before = ledger_of(exporter)

    end(exporter)
    exporter.restart()

    assert ledger_of(exporter) == before
    assert exporter.scrape().value("capgo_exporter_events_received_total") == 0


def test_a_start_without_data_makes_its_directory(tmp_path: Path) -> None:
    """Also where the directory above it is missing."""
    with Exporter(tmp_path, data_dir=str(tmp_path / "not" / "yet")) as exporter:
        post_something(exporter)
    assert (tmp_path / "not" / "yet").is_dir()


def overwrite_head(ledger: Path) -> None:
    ledger.write_bytes(b"\xa5" * 100 + ledger.read_bytes()[100:])


def overwrite_middle(ledger: Path) -> None:
    data = ledger.read_bytes()
    ledger.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))


def cut_short(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[:5000])


def empty(ledger: Path) -> None:
    ledger.write_bytes(b"")


def put_text(ledger: Path) -> None:
    ledger.write_text("not a ledger\n")


def put_another_database(ledger: Path) -> None:
    ledger.unlink()
    with sqlite3.connect(ledger) as other:
        other.execute("CREATE TABLE holidays (day TEXT)")
    other.close()


def make_newer(ledger: Path) -> None:
    other = sqlite3.connect(ledger)
    other.execute("PRAGMA user_version = 999")
    other.close()


DAMAGES = [overwrite_head, overwrite_middle, cut_short, empty, put_text, put_another_database, make_newer]


def assert_refused_untouched(exporter: Exporter) -> None:
    """The start fails with one clear message that names the directory, and not one byte has changed."""
    before = content(exporter.data)
    said_before = exporter.logs()

    code, said = outcome(exporter)

    said = said.removeprefix(said_before)
    assert code > 0
    assert str(exporter.data) in said
    assert "Traceback" not in said
    assert content(exporter.data) == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_ledger_that_cannot_be_trusted_stops_the_start(launch: Launch, damage: Callable[[Path], None]) -> None:
    """Damaged, truncated, foreign or written by a newer release: it is never overwritten by an empty one."""
    exporter = launch()
    post_something(exporter)
    assert exporter.terminate() == 0

    damage(ledger_file(exporter))

    assert_refused_untouched(exporter)


@pytest.mark.parametrize("damage", [overwrite_head, overwrite_middle, cut_short])
def test_a_damaged_ledger_is_not_touched_after_a_crash_either(launch: Launch, damage: Callable[[Path], None]) -> None:
    """Its write-ahead log is still there: nothing of it is written into the wreck."""
    exporter = launch()
    post_something(exporter)
    exporter.kill()
    assert len(content(exporter.data)) > 1, "the crash left no log beside the ledger"

    damage(ledger_file(exporter))

    assert_refused_untouched(exporter)


def test_a_newer_ledger_is_not_touched_after_a_crash_either(launch: Launch) -> None:
    """Going back to an older release by mistake harms nothing, whatever state the newer one left."""
    exporter = launch()
    post_something(exporter)
    exporter.kill()
    ledger = ledger_file(exporter)
    crash = f"import os, sqlite3; sqlite3.connect({str(ledger)!r}).execute('PRAGMA user_version = 999'); os._exit(0)"
    subprocess.run([sys.executable, "-c", crash], check=True, timeout=30)

    assert_refused_untouched(exporter)


def test_a_missing_ledger_beside_its_log_stops_the_start(launch: Launch) -> None:
    """Someone moved the wrong file: an empty beginning would throw the log away."""
    exporter = launch()
    post_something(exporter)
    exporter.kill()
    ledger_file(exporter).unlink()

    assert_refused_untouched(exporter)


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """With its name."""
    (tmp_path / "data").write_text("")

    code, said = outcome(Exporter(tmp_path))

    assert code > 0
    assert str(tmp_path / "data") in said
    assert "Traceback" not in said


def test_a_data_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Before it serves, not at the first post. (/proc takes no files, even from root.)"""
    code, said = outcome(Exporter(tmp_path, data_dir="/proc/capgo"))

    assert code > 0
    assert "/proc/capgo" in said
    assert "Traceback" not in said


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    argv = [sys.executable, "-m", "exporter", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_check_prints_the_totals_of_a_stopped_ledger(launch: Launch) -> None:
    """And leaves it as it was."""
    exporter = launch()
    post_something(exporter)
    total = int(exporter.scrape().value("capgo_exporter_ledger_events", state="shown"))
    assert exporter.terminate() == 0
    before = content(exporter.data)

    done = command("check", "--data-dir", str(exporter.data))

    assert done.returncode == 0, done.stderr
    assert str(total) in done.stdout.replace(",", "")
    assert content(exporter.data) == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_check_finds_the_damage(launch: Launch, damage: Callable[[Path], None]) -> None:
    """Exit code and message say so."""
    exporter = launch()
    post_something(exporter)
    assert exporter.terminate() == 0
    damage(ledger_file(exporter))
    before = content(exporter.data)

    done = command("check", "--data-dir", str(exporter.data))

    assert done.returncode > 0
    assert str(exporter.data) in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert content(exporter.data) == before


def test_check_refuses_a_running_ledger(launch: Launch) -> None:
    """And a directory without one, in which it makes none."""
    exporter = launch()
    assert command("check", "--data-dir", str(exporter.data)).returncode > 0
    assert exporter.post(event()).status == 200

    nowhere = exporter.directory / "nowhere"
    assert command("check", "--data-dir", str(nowhere)).returncode > 0
    assert not nowhere.exists()


def restored(exporter: Exporter, copy: Path, *, honestly: bool, **settings: str) -> Exporter:
    """An exporter over a data directory that holds nothing but `copy`."""
    directory = copy.parent / "elsewhere"
    (directory / "data").mkdir(parents=True)
    shutil.copy(copy, directory / "data" / ledger_file(exporter).name)
    again = Exporter(directory, **settings)
    if honestly:
        again.argv.append("--restored")
    return again


def test_backup_copies_a_running_ledger(launch: Launch, tmp_path: Path) -> None:
    """The copy is sound and holds what was counted when it was taken; the running one counts on."""
    exporter = launch()
    post_something(exporter)
    counted, copy = exporter.scrape().total("capgo_exporter_ledger_events"), tmp_path / "copy" / "ledger.db"
    copy.parent.mkdir()

    done = command("backup", str(copy), "--metrics-listen", exporter.metrics_address)
    assert done.returncode == 0, done.stderr
    assert exporter.post(events(10, version_name="1.0.0")).status == 200

    checked = command("check", "--data-dir", str(copy.parent))
    assert checked.returncode == 0, checked.stderr
    assert f"events counted: {counted:.0f} " in checked.stdout


def test_a_backup_is_not_taken_for_the_ledger_itself(launch: Launch, tmp_path: Path) -> None:
    """Opened as it is, an older copy would read as an increase of all it holds."""
    exporter = launch()
    post_something(exporter)
    copy = tmp_path / "copy.db"
    assert command("backup", str(copy), "--metrics-listen", exporter.metrics_address).returncode == 0

    code, said = outcome(restored(exporter, copy, honestly=False))

    assert code > 0
    assert "--restored" in said


def test_a_restored_copy_starts_every_series_at_0(launch: Launch, tmp_path: Path) -> None:
    """An older value would be read as a reset, and the whole count as new: 100, then 98, reads as +98."""
    exporter = launch()
    post_something(exporter)
    copy = tmp_path / "copy.db"
    assert command("backup", str(copy), "--metrics-listen", exporter.metrics_address).returncode == 0
    retry = events(3, version_name="1.0.0")

    with restored(exporter, copy, honestly=True, zero_hold="1s") as again:
        first: Scrape = again.scrape()
        assert set(first.series("capgo_events_total").values()) <= {0.0}
        assert again.post(retry).status == 200
        again.terminate()
        again.argv.remove("--restored")
        again.restart()
        assert again.scrape().total("capgo_events_total") <= 3


def test_a_backup_never_overwrites(launch: Launch, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    exporter = launch()
    (tmp_path / "precious").write_text("mine")

    assert command("backup", str(tmp_path / "precious"), "--metrics-listen", exporter.metrics_address).returncode > 0
    assert (tmp_path / "precious").read_text() == "mine"
