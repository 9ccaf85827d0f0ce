"""Replies larger than anything that is sent at once, to clients that take their time, or leave."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exporter.intake.listener import Listener
from exporter.settings import Address
from tests.support.harness import wait_until

MIB = 1024 * 1024
CHUNKS = 40
THREADS = 2


def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """40 MiB, more than twice what waitress lets wait for a client; or 8 MiB in one piece; or the worst."""
    if environ["PATH_INFO"] == "/exit":
        raise SystemExit
    number, size = (1, 8 * MIB) if environ["PATH_INFO"] == "/one" else (CHUNKS, MIB)
    start_response("200 OK", [("Content-Length", str(number * size))])
    for chunk in range(number):
        yield bytes([chunk]) * size


@pytest.fixture
def failures() -> list[str]:
    """Filled when a listener ends by itself."""
    return []


@pytest.fixture
def listener(failures: list[str]) -> Iterator[Listener]:
    listener = Listener(
        serve, Address("127.0.0.1", 0), THREADS, 100, 5, MIB, lambda *_: None, lambda: failures.append("failed")
    )
    listener.start()
    yield listener
    listener.stop()


def ask(listener: Listener, path: str = "/") -> socket.socket:
    """A connection on which a request was sent."""
    connection = socket.create_connection(("127.0.0.1", listener.effective_port), timeout=30)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
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


def test_what_the_loop_and_the_worker_send_of_one_reply_is_not_mixed_up(listener: Listener) -> None:
    """The loop goes on when the client has taken some, while the worker is about to send the rest as well."""
    for _ in range(40):
        with ask(listener, "/one") as connection:
            assert body(connection) == bytes(8 * MIB)


def test_an_application_that_wants_to_exit_costs_its_own_request_only(listener: Listener) -> None:
    """There are no fewer threads afterwards."""
    for _ in range(2 * THREADS):
        with ask(listener, "/exit") as connection:
            body(connection)

    with ask(listener) as connection:
        assert body(connection) == WHOLE


def test_an_urgent_byte_does_not_keep_the_processor_busy(listener: Listener) -> None:
    """It asks for nothing, and can't be read."""
    with socket.create_connection(("127.0.0.1", listener.effective_port)) as connection:
        connection.send(b"x", socket.MSG_OOB)
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(1)

        assert time.process_time() - before < 0.5


def test_a_listener_whose_loop_has_failed_says_so_and_can_be_stopped(
    listener: Listener, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing worse happens then."""
    monkeypatch.setattr(listener.poller, "turn", lambda _: 1 / 0)
    ask(listener, "/one").close()

    wait_until(lambda: failures == ["failed"], "it says that it failed", 10)


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
