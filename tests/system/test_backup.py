"""`check` looks at a stopped ledger, `backup` copies a running one, and `--restored` opens the copy honestly."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.bodies import event, events
from tests.support.harness import Exporter, Scrape
from tests.system.conftest import Launch
from tests.system.ledgers import command, content, ledger_file, post_something
from tests.system.test_lifecycle import outcome


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
