"""What was acknowledged is there after any end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.harness import Exporter
from tests.system.conftest import Launch
from tests.system.ledgers import ledger_of, post_something
from tests.system.test_lifecycle import outcome


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
