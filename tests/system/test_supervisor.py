"""What systemd hears of the exporter, at a socket of the test's own: that it is ready, alive, about to end."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.bodies import event
from tests.support.harness import Exporter, wait_until
from tests.system.held_disk import HeldExporter
from tests.system.test_signals import Loading
from tests.system.wire import Wire

SILENCE: Final = 2.5
"""Seconds: a sign of life comes each second."""

HELD_LOOP: Final = """
import sys, time
from pathlib import Path
from exporter.cli import main
from exporter.intake.connection import Connection

buffer_updated = Connection.buffer_updated

def held(connection, size):
    while Path("held").exists():
        time.sleep(0.01)
    buffer_updated(connection, size)

Connection.buffer_updated = held
sys.exit(main())
"""


class Systemd:
    """Hears what is sent to `NOTIFY_SOCKET`."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(60)
        self._socket.bind(address.replace("@", "\0"))
        self.address = address

    def starts(self, exporter: Exporter, *, watches: bool = True) -> None:
        """Give it the environment that a unit of `Type=notify` has, with or without `WatchdogSec=`."""
        exporter.environment |= {"NOTIFY_SOCKET": self.address}
        if watches:
            exporter.environment |= {"WATCHDOG_USEC": "60000000"}

    def hears(self) -> str:
        """The next message; TimeoutError if there is none."""
        return self._socket.recv(1000).decode()

    def heard(self) -> list[str]:
        """What has come by now."""
        self._socket.setblocking(False)
        messages = []
        try:
            while True:
                messages.append(self.hears())
        except BlockingIOError:
            self._socket.settimeout(60)
            return messages

    def hears_nothing(self) -> bool:
        """For longer than a process that works is silent."""
        self._socket.settimeout(SILENCE)
        try:
            return not self.hears()
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(60)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of either kind that there is."""
    return str(tmp_path / "notify") if request.param == "path" else f"@capgo{tmp_path}"


@pytest.fixture
def systemd(address: str) -> Iterator[Systemd]:
    listening = Systemd(address)
    yield listening
    listening.close()


def test_it_is_ready_when_it_takes_posts_and_says_when_it_ends(systemd: Systemd, tmp_path: Path) -> None:
    """Not before: whatever is ordered after it may post at once."""
    exporter = Loading(tmp_path)
    systemd.starts(exporter, watches=False)
    try:
        exporter.begin()
        assert systemd.heard() == []
        exporter.go_on()

        assert systemd.hears() == "READY=1"
        assert exporter.post(event()).status == 200
        exporter.signal(signal.SIGTERM)
        assert systemd.hears() == "STOPPING=1"
        assert exporter.wait() == 0
        assert systemd.heard() == []
    finally:
        exporter.kill()


def hanging_disk(directory: Path) -> Exporter:
    return HeldExporter(directory)


def hanging_loop(directory: Path) -> Exporter:
    exporter = Exporter(directory)
    exporter.argv[1:3] = ["-c", HELD_LOOP]
    return exporter


@pytest.mark.parametrize("make", [hanging_disk, hanging_loop])
@pytest.mark.parametrize("address", ["path"], indirect=True)
def test_a_sign_of_life_needs_loop_and_committer(
    make: Callable[[Path], Exporter], systemd: Systemd, tmp_path: Path
) -> None:
    """Where either hangs none comes, and systemd ends the process; if it goes on in time, so do they."""
    exporter = make(tmp_path)
    systemd.starts(exporter)
    with exporter, Wire(exporter.port) as wire:
        assert {systemd.hears() for _ in range(3)} == {"READY=1", "WATCHDOG=1"}
        (tmp_path / "held").touch()
        body = json.dumps(event()).encode()
        wire.send(b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(systemd.hears_nothing, "no sign of life comes any more")
        (tmp_path / "held").unlink()

        assert systemd.hears() == "WATCHDOG=1"
        assert wire.reply().status in (200, 503)
