"""`capgo-exporter health` asks the exporter that its settings describe."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from tests.support.harness import LOCALHOST, Exporter
from tests.system.ledgers import command


@pytest.mark.parametrize("host", [LOCALHOST, "0.0.0.0", "localhost"])  # noqa: S104 - what a container listens on
def test_a_running_exporter_is_healthy(exporter: Exporter, host: str) -> None:
    """Wherever it listens: what stands for all addresses is asked at this machine's own."""
    done = command("health", "--metrics-listen", f"{host}:{exporter.metrics_port}")

    assert (done.returncode, done.stderr) == (0, "")
    assert "is ready" in done.stdout


def test_the_environment_says_where_it_is(exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an image whose private port was moved."""
    monkeypatch.setenv("CAPGO_METRICS_LISTEN", exporter.metrics_address)

    assert command("health").returncode == 0


@contextmanager
def answering(status: int, family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    """Something that answers so; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"loading" if self.path == "/readyz" else b"")

    class Server(http.server.HTTPServer):
        address_family = family

    with Server(("::1" if family == socket.AF_INET6 else LOCALHOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("host", ["[::]", "[::1]"])
def test_an_exporter_on_ipv6_is_asked_there(host: str) -> None:
    """`[::]` was unhealthy for ever."""
    with answering(HTTPStatus.OK, socket.AF_INET6) as port:
        done = command("health", "--metrics-listen", f"{host}:{port}")

    assert done.returncode == 0, done.stderr


def test_one_that_is_not_ready_is_unhealthy() -> None:
    """And says why."""
    with answering(HTTPStatus.SERVICE_UNAVAILABLE) as port:
        done = command("health", "--metrics-listen", f"{LOCALHOST}:{port}")

    assert done.returncode == 1
    assert "not ready: 503 loading" in done.stderr


@pytest.mark.parametrize("address", [f"{LOCALHOST}:9", "example.invalid:10058", f"{'x' * 70}:10058"])
def test_where_nothing_answers_it_says_so_in_one_line(address: str) -> None:
    """With the address that was asked."""
    done = command("health", "--metrics-listen", address)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert address in done.stderr
