"""HTTP/1.1 replies: cut from the bytes of a connection, and read the way the plugin reads them."""

import json
import re
from typing import Any, Final, NamedTuple

_HEAD_END: Final = b"\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) (\d{3})[ \r]")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_KEEP_ALIVE: Final = re.compile(rb"\r\nconnection:[ \t]*keep-alive", re.IGNORECASE)
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after:[ \t]*([^\r]*)", re.IGNORECASE)
_LONGEST_BLOCK: Final = 24 * 3600.0


class BadReplyError(ValueError):
    """What came is not an HTTP/1.1 reply."""


class Reply(NamedTuple):
    status: int
    head: bytes
    body: bytes
    keep_alive: bool

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def fields(self) -> dict[str, Any]:
        """The body's JSON object; empty if it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def retry_after(self, now: float) -> float:
        """Seconds to hold still after a 429: the header if it is a number, else the body's hints, at most a day.

        Source: the plugin's `CapgoUpdater.java` (an HTTP date is not understood; no hint is no wait).
        """
        match = _RETRY_AFTER.search(self.head)
        header = match[1].strip() if match else b""
        return min(_LONGEST_BLOCK, float(header) if header.isdigit() else _hint(self.fields(), now))


def _hint(fields: dict[str, Any], now: float) -> float:
    more = fields.get("moreInfo")
    places = (more if isinstance(more, dict) else {}, fields)
    for key, origin, unit in (("retryAfterSeconds", 0.0, 1.0), ("rateLimitResetAt", now, 1000.0)):
        for place in places:
            value = place.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return max(0.0, value / unit - origin)
    return 0.0


def read_reply(data: bytes | bytearray, closed: bool) -> Reply | None:
    """The reply that `data` holds, or None while more must come; `closed`: no more will come.

    Raises `BadReplyError` if it never can be one.
    """
    end = data.find(_HEAD_END)
    if end < 0:
        if closed or (len(data) > 12 and not _STATUS.match(data)):
            raise BadReplyError
        return None
    head = bytes(data[:end])
    match = _STATUS.match(head)
    if match is None:
        raise BadReplyError
    status = int(match[2])
    keep_alive = bool(match[1] == b"1" and not _CLOSE.search(head)) or bool(_KEEP_ALIVE.search(head))
    rest = bytes(data[end + len(_HEAD_END) :])
    if status in (204, 304):
        return Reply(status, head, b"", keep_alive)
    if not (_LENGTH.search(head) or _CHUNKED.search(head)):
        return Reply(status, head, rest, False) if closed else None
    body = _body(head, rest)
    if body is None and closed:
        raise BadReplyError
    return None if body is None else Reply(status, head, body, keep_alive)


def _body(head: bytes, rest: bytes) -> bytes | None:
    if length := _LENGTH.search(head):
        return rest[: int(length[1])] if len(rest) >= int(length[1]) else None
    return _chunks(rest)


def _chunks(data: bytes) -> bytes | None:
    body, position = b"", 0
    while (line_end := data.find(b"\r\n", position)) >= 0:
        try:
            size = int(data[position:line_end].split(b";")[0], 16)
        except ValueError:
            raise BadReplyError from None
        position = line_end + 2
        if size == 0:
            return body if data.find(b"\r\n", position) >= 0 else None
        if len(data) < position + size + 2:
            return None
        body += data[position : position + size]
        position += size + 2
    return None
