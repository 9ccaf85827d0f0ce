"""One TCP connection byte by byte, for what no HTTP library would send."""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.harness import LOCALHOST, REPLY_SECONDS, Reply


class Wire:
    """A connection to a port of 127.0.0.1; TimeoutError where nothing comes for `seconds`."""

    def __init__(self, port: int, seconds: float = REPLY_SECONDS) -> None:
        self.socket = socket.create_connection((LOCALHOST, port), timeout=seconds)
        self.incoming = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.incoming.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it, or what the other side takes until it closes: its reply may be there already."""
        with suppress(ConnectionError):
            self.socket.sendall(data)

    def line(self) -> bytes:
        """The next line with its end; empty at the end of the connection."""
        return self.incoming.readline()

    def reply(self, *, has_body: bool = True) -> Reply:
        """The next reply; AssertionError if the connection ends before it begins."""
        words = self.line().split(maxsplit=2)
        assert words, "the connection ended without a reply"
        assert words[0].startswith(b"HTTP/1."), f"no status line: {words}"
        headers = {name.lower(): value for name, value in http.client.parse_headers(self.incoming).items()}
        body = self.incoming.read(int(headers["content-length"])) if has_body else b""
        return Reply(int(words[1]), headers, body)

    def has_ended(self) -> bool:
        """Whether the other side closes the connection without another byte; TimeoutError if it leaves it open."""
        try:
            return self.incoming.read(1) == b""
        except ConnectionError:
            return True


def unread_bytes(port: int) -> int:
    """Bytes that were sent to connections of a port of 127.0.0.1, and that its program has not taken yet."""
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues = line.split()[:5]
        if state == "01":  # established
            outgoing, incoming = queues.split(":")
            total += int(incoming, 16) if local.endswith(f":{port:04X}") else 0
            total += int(outgoing, 16) if remote.endswith(f":{port:04X}") else 0
    return total


def post(body: bytes, *headers: str, path: str = "/stats", version: str = "1.1") -> bytes:
    """A post as it goes over the wire, with the length of `body` and more headers."""
    lines = [f"POST {path} HTTP/{version}", "Host: stats.example.com", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(*chunks: bytes) -> bytes:
    """A post of `chunks` whose length is not announced."""
    head = b"POST /stats HTTP/1.1\r\nHost: stats.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
