"""Signals mean what they say at any moment: also while the ledger loads, and when something hangs."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.support.bodies import event, events
from tests.support.harness import Exporter, wait_until
from tests.system.conftest import Launch
from tests.system.held_disk import HeldExporter
from tests.system.wire import Wire

SLOW_LOAD = """
import sys, time
from pathlib import Path
from exporter.cli import main
from exporter.storage.journal import Journal

load = Journal.load

def slowly(journal, *to):
    Path("loading").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    load(journal, *to)

Journal.load = slowly
sys.exit(main())
"""


class Loading(Exporter):
    """An exporter whose ledger is loaded when the test says so."""

    def __init__(self, directory: Path, **settings: str) -> None:
        super().__init__(directory, **settings)
        self.argv[1:3] = ["-c", SLOW_LOAD]

    def begin(self) -> None:
        """Start it, up to the moment at which it loads."""
        self.spawn()
        wait_until((self.directory / "loading").exists, "it loads")

    def go_on(self) -> None:
        (self.directory / "go").touch()


def test_a_hangup_while_it_loads_reopens_the_event_log(tmp_path: Path) -> None:
    """A rotation at the wrong moment neither ends the process nor is it forgotten."""
    path, rotated = tmp_path / "events.log", tmp_path / "events.log.1"
    exporter = Loading(tmp_path, event_log=str(path))
    try:
        exporter.begin()
        path.rename(rotated)
        exporter.signal(signal.SIGHUP)
        exporter.go_on()
        wait_until(exporter.is_ready, "it is ready")
        assert exporter.post(events(3)).status == 200
        assert exporter.terminate() == 0
    finally:
        exporter.kill()

    assert (len(path.read_text().splitlines()), rotated.read_text()) == (3, "")


@pytest.mark.parametrize("has_log", [True, False])
def test_hangups_at_any_moment_harm_nobody(tmp_path: Path, has_log: bool) -> None:
    """While it loads, serves and ends; nor does one hide the SIGTERM that comes with it."""
    settings = {"event_log": str(tmp_path / "events.log")} if has_log else {}
    exporter = Loading(tmp_path, **settings)
    try:
        exporter.begin()
        exporter.signal(signal.SIGHUP)
        exporter.go_on()
        wait_until(exporter.is_ready, "it is ready")
        exporter.signal(signal.SIGHUP)
        assert exporter.post(event()).status == 200
        exporter.signal(signal.SIGTERM)
        exporter.signal(signal.SIGHUP)

        assert exporter.wait() == 0
    finally:
        exporter.kill()


def test_a_sigterm_while_it_loads_ends_it(tmp_path: Path) -> None:
    """Even if the load never does; the log says that it was sudden."""
    exporter = Loading(tmp_path, request_timeout="100ms")
    try:
        exporter.begin()
        exporter.signal(signal.SIGTERM)

        assert exporter.wait() == 1
        assert "ended_late" in exporter.logs()
    finally:
        exporter.kill()


def test_a_commit_that_hangs_does_not_hold_the_end(tmp_path: Path) -> None:
    """A dead disk: what it was asked for was never acknowledged."""
    with HeldExporter(tmp_path, request_timeout="1s") as exporter:
        assert exporter.post(event()).status == 200
        exporter.hold()
        with Wire(exporter.port) as wire:
            body = json.dumps(event()).encode()
            wire.send(b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            exporter.signal(signal.SIGTERM)

            exporter.wait(40)


def test_half_a_request_on_the_private_port_does_not_hold_the_end(launch: Launch) -> None:
    """It used to for a minute; nobody waits for the rest of it."""
    exporter = launch(request_timeout="1s")
    with Wire(exporter.metrics_port) as wire:
        wire.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        exporter.scrape()
        exporter.signal(signal.SIGTERM)

        assert exporter.wait(40) == 0


def test_the_end_is_told_to_the_log(launch: Launch) -> None:
    """Its last lines say that it was asked for, and came."""
    exporter = launch()
    for _ in range(3):  # of the like only the first is told at once
        assert exporter.post(b"[").status == 400
    exporter.terminate()

    said = [json.loads(line)["event"] for line in exporter.logs().splitlines()]
    assert said[-3:] == ["draining", "refused", "stopped"]
