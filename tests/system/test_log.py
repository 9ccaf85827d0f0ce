"""The service's own log: nothing that a stranger or a full disk can cause makes it grow at their rate."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.bodies import event, events
from tests.support.harness import Exporter
from tests.system.conftest import Launch
from tests.system.test_lifecycle import outcome
from tests.system.test_storage import full_disk, is_ready

EVERY_SECONDS = 10.0


def lines(exporter: Exporter, name: str) -> list[dict[str, Any]]:
    """The lines of an event of the log, which is JSON where no person reads it."""
    found = [json.loads(line) for line in exporter.logs().splitlines()]
    return [line for line in found if line["event"] == name]


def assert_bounded(found: list[dict[str, Any]], seconds: float) -> None:
    """One at once, one every ten seconds, one at the end."""
    assert len(found) <= seconds / EVERY_SECONDS + 3


def test_all_refusals_are_told_in_few_lines(launch: Launch) -> None:
    """Of three hundred, the first at once, and the rest at the stop at the latest."""
    exporter = launch()
    began = time.monotonic()
    for number in range(300):
        exporter.post(event(app_id=f"not an app id {number}"))
    assert [line["number"] for line in lines(exporter, "refused")][:1] == [1], "the first is told at once"

    assert exporter.terminate() == 0

    found = lines(exporter, "refused")
    assert sum(line["number"] for line in found) == 300
    assert_bounded(found, time.monotonic() - began)


def test_a_full_disk_is_told_in_few_lines_and_so_is_its_end(launch: Launch) -> None:
    """Each post fails, and the log says so now and then; "storage is back" is its last word on it."""
    exporter = launch()
    began = time.monotonic()
    with full_disk(exporter):
        for _ in range(300):
            assert exporter.post(events(2)).status == 503
    assert exporter.post(event()).status == 200
    assert is_ready(exporter)
    assert exporter.terminate() == 0

    failed, back = lines(exporter, "storage_unavailable"), lines(exporter, "storage_back")
    assert sum(line.get("number", 1) for line in failed) >= 299, "all but one that the full disk did not take"
    assert_bounded(failed, time.monotonic() - began)
    assert len(back) == 1
    assert failed[-1]["timestamp"] <= back[0]["timestamp"]


def redirected(exporter: Exporter, how: str) -> Exporter:
    """The same, started by a shell that redirects its standard streams."""
    exporter.argv = ["sh", "-c", f'exec "$@" {how}', "sh", *exporter.argv]
    return exporter


def test_a_log_that_nobody_reads_keeps_nobody_from_posting(tmp_path: Path) -> None:
    """A pager, a terminal with Ctrl-S, a log driver that hangs: what is refused would be told, and a stranger sees to
    that.
    """
    path = tmp_path / "pipe"
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with redirected(Exporter(tmp_path), f"2>{path}") as exporter:
        with suppress(BlockingIOError):
            while True:
                os.write(pipe, b".")

        for asked, status in (("/nothing", 404), ("/stats", 200), ("/nothing", 404), ("/stats", 200)):
            assert exporter.post(event(), path=asked).status == status
        assert exporter.terminate() == 0
    os.close(pipe)


def can_be_written(exporter: Exporter, number: int) -> bool:
    """Whether an open file of its can be."""
    flags = dict(line.split(":\t") for line in Path(f"/proc/{exporter.pid}/fdinfo/{number}").read_text().splitlines())
    return int(flags["flags"], 8) & os.O_ACCMODE != os.O_RDONLY


@pytest.mark.parametrize(("how", "closed"), [("2>&-", [2]), ("<&- >&- 2>&-", [0, 1, 2]), ("2>/dev/full", [])])
def test_closed_standard_streams_are_nobodys_files(tmp_path: Path, how: str, closed: list[int]) -> None:
    """As some who start a service close them: their numbers would be given to the next file, or connection.

    Nor does it matter to a start whether its first words can be written.
    """
    with redirected(Exporter(tmp_path, log_format="console"), how) as exporter:
        streams = [Path(f"/proc/{exporter.pid}/fd/{number}").readlink() for number in range(3)]
        assert not any(can_be_written(exporter, number) for number in closed), "or what is meant for nobody would be"
        assert exporter.post(event()).status == 200
        assert exporter.post(b"[").status == 400
        assert exporter.terminate() == 0

    assert not any(str(stream).startswith(("socket:", "pipe:", str(exporter.data))) for stream in streams)


def test_an_event_log_needs_the_standard_output_that_it_goes_to(tmp_path: Path) -> None:
    """Its lines would be lost, or in a file of ours."""
    code, said = outcome(redirected(Exporter(tmp_path, event_log="-"), ">&-"))

    assert code == 1
    assert "--event-log: standard output is closed" in said
