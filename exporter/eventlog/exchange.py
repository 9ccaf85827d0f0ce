"""One request and its reply over one connection that is kept, with a server that may be anything.

Whatever it does, an exchange ends in its time and takes no more than `REPLY_BYTES` of memory: replies that drip, never
end or are a gigabyte, interim ones without a final one, redirects (which are not followed).
"""

import io
import math
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

REPLY_BYTES: Final = 64 * 1024
"""Of a reply that are read at the most, its header and interim replies among them."""

BODY_BYTES: Final = 4096
"""Of its body that anybody wants; behind more the connection ends."""

Clock = Callable[[], float]


class Answer(NamedTuple):
    """A reply: its status, how many seconds the server asks to wait (None if it does not), its body's beginning."""

    code: int
    retry_after: float | None
    body: bytes


class Connection:
    """Posts to one http or https URL, whose path and query are used exactly as given; one thread at a time may."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = dict(headers)
        self._deadline = 0.0
        host = parts.hostname or ""
        self._connection = (
            HTTPSConnection(host, parts.port, context=ssl.create_default_context())
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port)
        )
        self._connection.response_class = cast(Any, self._bounded)

    def post(self, body: bytes, seconds: float) -> Answer:
        """The answer to a post, within so many seconds.

        Raises `OSError`, `ValueError` or `http.client.HTTPException` where there is none.
        """
        self._deadline = time.monotonic() + seconds
        try:
            self._connect(seconds)
            self._connection.request("POST", self._target, body, self._headers)
            with self._connection.getresponse() as response:
                return self._read(response)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; the next post opens another."""
        self._connection.close()

    def abort(self) -> None:
        """End a post that is under way in another thread."""
        with suppress(OSError, AttributeError):  # there may be none
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def _connect(self, seconds: float) -> None:
        if self._connection.sock is not None and _speaks_unasked(self._connection.sock):
            self.close()  # mostly the server has ended it, as it was idle
        if self._connection.sock is None:
            self._connection.timeout = seconds
            self._connection.connect()
        self._connection.sock.settimeout(self._seconds_left())

    def _read(self, response: HTTPResponse) -> Answer:
        body = response.read(BODY_BYTES)
        if not response.isclosed() and response.read(1):
            self.close()
        return Answer(response.status, retry_after(response.getheader("Retry-After"), time.time()), body)

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole reply in time")
        return left

    def _bounded(self, sock: socket.socket, **arguments: Any) -> HTTPResponse:
        return HTTPResponse(cast(socket.socket, _Bounded(sock, self._seconds_left)), **arguments)


class _Bounded(io.RawIOBase):
    """A socket as `HTTPResponse` wants one, for one reply of bounded length that has to come in time."""

    def __init__(self, sock: socket.socket, seconds_left: Clock) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._seconds_left = seconds_left
        self._room = REPLY_BYTES

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._room:
            raise OSError("the reply does not end")
        self._sock.settimeout(self._seconds_left())
        size = self._raw.readinto(memoryview(buffer)[: self._room]) or 0
        self._room -= size
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def _speaks_unasked(idle: socket.socket) -> bool:
    poll = select.poll()
    poll.register(idle, select.POLLIN)
    return bool(poll.poll(0))


def retry_after(text: str | None, now: float) -> float | None:
    """The seconds that a Retry-After header asks for, which has them or a date; None for anything else."""
    text = (text or "").strip()
    try:
        seconds = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
