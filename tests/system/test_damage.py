"""A ledger that can't be trusted is neither served nor touched."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.harness import Exporter
from tests.system.ledgers import SOMETHING, command, content, ledger_file, post_something
from tests.system.test_lifecycle import outcome

Damage = Callable[[Path], None]


def overwrite_head(ledger: Path) -> None:
    ledger.write_bytes(b"\xa5" * 100 + ledger.read_bytes()[100:])


def overwrite_middle(ledger: Path) -> None:
    data = ledger.read_bytes()
    ledger.write_bytes(data[:2048] + b"\xa5" * (len(data) - 2048))


def cut_short(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[:1500])


def empty(ledger: Path) -> None:
    ledger.write_bytes(b"")


def put_text(ledger: Path) -> None:
    ledger.write_text("not a ledger\n")


def put_another_database(ledger: Path) -> None:
    ledger.unlink()
    with closing(sqlite3.connect(ledger)) as other, other:
        other.execute("CREATE TABLE holidays (day TEXT)")


def make_newer(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as other:
        other.execute("PRAGMA user_version = 999")


DAMAGES: list[Damage] = [overwrite_head, overwrite_middle, cut_short, empty, put_text, put_another_database, make_newer]


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Data directories with the same events, one left by a crash and one by an orderly end after it."""
    directory = tmp_path_factory.mktemp("ends")
    with Exporter(directory) as exporter:
        post_something(exporter)
        exporter.kill()
        shutil.copytree(exporter.data, directory / "crashed", ignore=shutil.ignore_patterns("*.sock"))
        assert len(content(directory / "crashed")) > 1, "the crash left no log beside the ledger"
        exporter.restart()
        assert exporter.terminate() == 0
        yield {"stopped": exporter.data, "crashed": directory / "crashed"}


@pytest.fixture
def stopped(ends: dict[str, Path], tmp_path: Path) -> Exporter:
    """An exporter, not started yet, over the data of one that has been stopped."""
    shutil.copytree(ends["stopped"], tmp_path / "data")
    return Exporter(tmp_path)


@pytest.fixture
def crashed(ends: dict[str, Path], tmp_path: Path) -> Exporter:
    """An exporter, not started yet, over the data of one that has been killed."""
    shutil.copytree(ends["crashed"], tmp_path / "data")
    return Exporter(tmp_path)


def assert_refused_untouched(exporter: Exporter) -> None:
    """The start fails with one clear message that names the directory, and not one byte has changed."""
    before = content(exporter.data)

    code, said = outcome(exporter)

    assert code > 0
    assert str(exporter.data) in said
    assert "Traceback" not in said
    assert content(exporter.data) == before


def test_an_undamaged_copy_starts(stopped: Exporter) -> None:
    """What the tests below damage is sound before."""
    with stopped:
        assert stopped.scrape().total("capgo_events_total") == SOMETHING


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_ledger_that_cannot_be_trusted_stops_the_start(stopped: Exporter, damage: Damage) -> None:
    """Damaged, truncated, foreign or written by a newer release: it is never overwritten by an empty one."""
    damage(ledger_file(stopped))

    assert_refused_untouched(stopped)


@pytest.mark.parametrize("damage", [overwrite_middle, cut_short])
def test_a_damaged_ledger_is_not_touched_after_a_crash_either(crashed: Exporter, damage: Damage) -> None:
    """Its write-ahead log is still there: nothing of it is written into the wreck."""
    damage(ledger_file(crashed))

    assert_refused_untouched(crashed)


def test_damage_to_what_the_log_holds_anew_costs_nothing(crashed: Exporter) -> None:
    """The file has grown since its last orderly end, so its head is in the log."""
    overwrite_head(ledger_file(crashed))

    with crashed:
        assert crashed.scrape().total("capgo_events_total") == SOMETHING


def test_a_newer_ledger_is_not_touched_after_a_crash_either(crashed: Exporter) -> None:
    """Going back to an older release by mistake harms nothing, whatever state the newer one left."""
    path = str(ledger_file(crashed))
    crash = f"import os, sqlite3; sqlite3.connect({path!r}).execute('PRAGMA user_version = 999'); os._exit(0)"
    subprocess.run([sys.executable, "-c", crash], check=True, timeout=120)

    assert_refused_untouched(crashed)


def test_a_missing_ledger_beside_its_log_stops_the_start(crashed: Exporter) -> None:
    """Someone moved the wrong file: an empty beginning would throw the log away."""
    ledger_file(crashed).unlink()

    assert_refused_untouched(crashed)


@pytest.mark.parametrize("damage", DAMAGES)
def test_check_finds_the_damage(stopped: Exporter, damage: Damage) -> None:
    """Exit code and message say so."""
    damage(ledger_file(stopped))
    before = content(stopped.data)

    done = command("check", "--data-dir", str(stopped.data))

    assert done.returncode > 0
    assert str(stopped.data) in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert content(stopped.data) == before
