"""What happens on a connection is dealt with once for each time that it was asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from exporter.intake.poller import Poller

SOON = 0.2
"""Seconds in which what has happened is seen, on a busy machine as well."""


class Served:
    """One end of a connection that notes what it was told, and waits for what it is made to wait for."""

    accepting = False

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self.end, self.peer = socket.socketpair()
        self.descriptor = self.end.fileno()
        self.reads, self.writes = True, False
        self.told: list[str] = []
        poller[self.descriptor] = self

    def readable(self) -> bool:
        return self.reads

    def writable(self) -> bool:
        return self.writes

    def handle_read_event(self) -> None:
        self.told.append(self.end.recv(100).decode())

    def handle_write_event(self) -> None:
        self.told.append("write")
        self.writes = False

    def watch(self) -> None:
        """Say what it waits for."""
        self.poller.watch(self.descriptor, self)

    def close(self) -> None:
        """Leave."""
        if self.poller.get(self.descriptor) is self:
            del self.poller[self.descriptor]
        self.end.close()
        self.peer.close()


@pytest.fixture
def poller() -> Iterator[Poller]:
    poller = Poller()
    yield poller
    poller.close()


def test_what_arrives_is_read_each_time(poller: Poller) -> None:
    """With nothing more to say, as it still waits for more."""
    served = Served(poller)
    for text in ("one", "two"):
        served.peer.send(text.encode())
        poller.turn(SOON)

    assert served.told == ["one", "two"]


def test_what_arrives_unasked_for_waits_until_it_is_asked_for(poller: Poller) -> None:
    """A worker has the connection: it says when it is done, from its own thread, and wakes the loop."""
    served = Served(poller)
    served.peer.send(b"one")
    served.reads = False
    poller.turn(SOON)
    served.peer.send(b"two")
    poller.turn(SOON)
    assert served.told == ["one"]

    def done() -> None:
        served.reads = True
        served.watch()

    worker = threading.Timer(SOON, done)
    worker.start()
    poller.turn(60)
    worker.join()

    assert served.told == ["one", "two"]


def test_what_can_be_written_is_written_once(poller: Poller) -> None:
    """A connection that has nothing more to write is not told again."""
    served = Served(poller)
    served.writes = True
    served.watch()
    poller.turn(SOON)
    poller.turn(0)

    assert served.told == ["write"]


def test_a_closed_connection_does_not_speak_for_its_successor(poller: Poller) -> None:
    """Which has the same file descriptor, and goes on being read, whatever the other one wanted."""
    closed = Served(poller)
    closed.close()
    successor = Served(poller)
    assert successor.descriptor == closed.descriptor

    closed.reads = False
    closed.watch()
    successor.peer.send(b"one")
    poller.turn(SOON)

    assert (closed.told, successor.told) == ([], ["one"])


def test_idle_connections_are_not_asked_what_they_wait_for(poller: Poller) -> None:
    """A turn costs what happened, not what is connected."""
    asked: list[Served] = []

    class Idle(Served):
        def readable(self) -> bool:
            asked.append(self)
            return True

    idle = [Idle(poller) for _ in range(100)]
    served = Served(poller)
    served.peer.send(b"one")
    poller.turn(SOON)

    assert (served.told, asked) == (["one"], [])
    assert len(idle) == 100
