"""Replies larger than anything that is sent at once, to clients that take their time, or leave."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exporter.listener import Listener
from exporter.settings import Address
from tests.system.harness import wait_until

MIB = 1024 * 1024
CHUNKS = 40
THREADS = 2


def large(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """40 MiB, more than twice what waitress lets wait for a client."""
    start_response("200 OK", [("Content-Length", str(CHUNKS * MIB))])
    for number in range(CHUNKS):
        yield bytes([number]) * MIB


@pytest.fixture
def listener() -> Iterator[Listener]:
    failures: list[None] = []
    listener = Listener(
        large, Address("127.0.0.1", 0), THREADS, 100, 5, MIB, lambda *_: None, lambda: failures.append(None)
    )
    listener.start()
    yield listener
    listener.stop()
    assert not failures


def ask(listener: Listener) -> socket.socket:
    """A connection on which a request was sent."""
    connection = socket.create_connection(("127.0.0.1", listener.effective_port), timeout=30)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return connection


def body(connection: socket.socket, pause: float = 0.0) -> bytes:
    """The reply's body, taken in pieces with pauses in between."""
    received = bytearray()
    while piece := connection.recv(MIB):
        received += piece
        time.sleep(pause)
    return bytes(received.partition(b"\r\n\r\n")[2])


WHOLE = b"".join(bytes([number]) * MIB for number in range(CHUNKS))


@pytest.mark.parametrize("pause", [0.0, 0.002])
def test_a_large_reply_comes_whole(listener: Listener, pause: float) -> None:
    """However slowly it is taken."""
    with ask(listener) as connection:
        assert body(connection, pause) == WHOLE


def test_clients_that_leave_free_their_threads(listener: Listener) -> None:
    """More of them than there are threads, each in the middle of its reply."""
    for _ in range(3 * THREADS):
        with ask(listener) as connection:
            assert connection.recv(MIB)

    with ask(listener) as connection:
        assert body(connection) == WHOLE


def test_a_client_that_takes_nothing_does_not_keep_the_processor_busy(listener: Listener) -> None:
    """Its reply waits until it takes some, or leaves."""
    with ask(listener) as connection:
        wait_until(lambda: bool(listener.active_channels), "it is connected", 10)
        time.sleep(0.5)  # until what the system's buffers hold is sent
        before = time.process_time()
        time.sleep(1)

        assert time.process_time() - before < 0.5
        assert body(connection) == WHOLE
