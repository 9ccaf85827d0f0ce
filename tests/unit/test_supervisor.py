"""The supervisor is told what there is to say, and is never in the way."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from exporter.supervisor import Supervisor


def tell_all(supervisor: Supervisor) -> None:
    supervisor.ready()
    supervisor.works()
    supervisor.ends()


def test_it_hears_one_message_at_a_time(tmp_path: Path) -> None:
    """In the words of sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        tell_all(Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")}))

        assert [systemd.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


@pytest.mark.parametrize("name", ["", "/nonexistent/notify", "@nobody", "relative", "/" + "x" * 200])
def test_one_that_is_not_there_costs_nothing(name: str) -> None:
    """Nor one that never was."""
    tell_all(Supervisor({"NOTIFY_SOCKET": name}))
    tell_all(Supervisor({}))


def test_one_that_reads_nothing_is_not_waited_for(tmp_path: Path) -> None:
    """Its queue is full after some."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(2000):
            supervisor.works()


@pytest.mark.parametrize(
    ("given", "watches"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "60000000"}, False),
        ({"NOTIFY_SOCKET": "@x"}, False),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "0"}, False),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "60000000"}, True),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, False),
    ],
)
def test_it_watches_whom_it_says(given: dict[str, str], watches: bool) -> None:
    """A child of a watched process is none."""
    assert Supervisor(given).watches == watches
