"""HTTP/1 as the public port writes it: the bytes of a reply."""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from exporter.intake.answer import Answer
from exporter.replies import JSON

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

Headers = list[tuple[bytes, bytes]]


def render(answer: Answer, closing: bool, without_body: bool) -> bytes:
    """The bytes of an answer; `closing` if the connection ends with it, `without_body` to a HEAD."""
    head = _head(answer.status, len(answer.body), answer.retry_after, closing)
    body = b"" if without_body else answer.body
    return b"%b%b%b" % (head, _date(int(time.time())), body)


@lru_cache(1024)
def _head(status: int, length: int, retry_after: int | None, closing: bool) -> bytes:
    lines = [_status_line(status), f"Content-Type: {JSON}", f"Content-Length: {length}"]
    if retry_after is not None:
        lines.append(f"Retry-After: {retry_after}")
    if closing:
        lines.append("Connection: close")
    return "\r\n".join([*lines, ""]).encode()


def render_raw(status: int, headers: Headers, body: bytes, closing: bool) -> bytes:
    """The bytes of a reply that an application made."""
    lines = [_status_line(status).encode(), *(b"%b: %b" % header for header in headers)]
    if closing:
        lines.append(b"Connection: close")
    return b"%b\r\n%b%b" % (b"\r\n".join(lines), _date(int(time.time())), body)


def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


@lru_cache(1)
def _date(second: int) -> bytes:
    """The last header of a reply, and the blank line behind it."""
    return f"Date: {formatdate(second, usegmt=True)}\r\n\r\n".encode()
