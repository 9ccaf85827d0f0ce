"""HAProxy finds exporters by their names: those that are there, and where they are now."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.balancer import HAProxy
from tests.support.harness import LOCALHOST, free_port, request, wait_until

DOMAIN = ".capgo-exporter.live.svc.cluster.local"
A, NO_SUCH_NAME = 1, 3


class Names:
    """A DNS server of its own: `addresses` by name, which may change while it runs."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.asked: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOCALHOST, 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            self._socket.sendto(self._answer(question), client)

    def _answer(self, query: bytes) -> bytes:
        """RFC 1035, for one question without compression; what is asked besides the address is left out."""
        end = query.index(b"\0", 12) + 5
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += length + 1
        name, kind = ".".join(labels), struct.unpack(">H", query[end - 4 : end - 2])[0]
        self.asked.add(name)
        address = self.addresses.get(name)
        found = b""
        if address and kind == A:
            found = b"\xc0\x0c" + struct.pack(">HHIH", A, 1, 1, 4) + socket.inet_aton(address)
        flags = 0x8180 | (0 if address else NO_SUCH_NAME)
        return query[:2] + struct.pack(">HHHHH", flags, 1, 1 if found else 0, 0, 0) + query[12:end] + found


class Answers(BaseHTTPRequestHandler):
    """Stands for an exporter: is ready, and answers with its own address."""

    def do_GET(self) -> None:
        body = str(self.connection.getsockname()[0]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """On which three addresses of this machine answer."""
    port = free_port()
    servers = [ThreadingHTTPServer((f"127.0.17.{number}", port), Answers) for number in (1, 2, 3)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield port
    for server in servers:
        server.shutdown()
        server.server_close()


def answering(haproxy: HAProxy) -> set[str]:
    """Addresses that posts of many devices come to."""
    return {
        request(haproxy.port, "POST", "/stats", f'{{"device_id":"{number}"}}'.encode()).body.decode()
        for number in range(40)
    }


def test_exporters_are_found_by_their_names_and_followed_where_they_go(port: int, tmp_path: Path) -> None:
    """Two of eight are there; one more comes, and one moves to another address, without a word to HAProxy."""
    names = Names()
    names.addresses = {f"capgo-exporter-{number}{DOMAIN}": f"127.0.17.{number}" for number in (1, 2)}
    changes = {
        "parse-resolv-conf": f"nameserver test {LOCALHOST}:{names.port}",
        "timeout resolve 5s": "timeout resolve 100ms",
        "check port 10058": f"check port {port}",
        "}:8080": f"}}:{port}",
    }
    with HAProxy(tmp_path, changes=changes, domain=DOMAIN) as haproxy:
        wait_until(lambda: len(haproxy.up()) == 2, "two are found")
        assert answering(haproxy) == {"127.0.17.1", "127.0.17.2"}
        all_names = {f"capgo-exporter-{number}{DOMAIN}" for number in range(1, 9)}
        wait_until(lambda: names.asked == all_names, "all of the file's names are looked for")

        names.addresses[f"capgo-exporter-3{DOMAIN}"] = "127.0.17.3"
        wait_until(lambda: len(haproxy.up()) == 3, "a third is found")
        assert answering(haproxy) == {"127.0.17.1", "127.0.17.2", "127.0.17.3"}

        del names.addresses[f"capgo-exporter-3{DOMAIN}"]
        names.addresses[f"capgo-exporter-1{DOMAIN}"] = "127.0.17.3"
        wait_until(lambda: answering(haproxy) == {"127.0.17.2", "127.0.17.3"}, "the first is found where it is now")
