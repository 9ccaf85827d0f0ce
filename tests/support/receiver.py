"""A log store for tests: takes OTLP as strictly as the strictest of the real ones, and answers as it is told.

What it refuses is what Loki 3.7 and VictoriaLogs 1.26 refuse, or take and lose: another content type, what is no
message or holds unknown fields, empty batches, names without a letter, entries that are too large, records that are
the same twice in a request, times that do not rise.
"""

from __future__ import annotations

import gzip
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple, Self, cast

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.harness import LOCALHOST

PATH: Final = "/otlp/v1/logs"
EVENTS: Final = 500
BYTES: Final = 2**20
_LINE_BYTES: Final = 256 * 1024
_ATTRIBUTES: Final = 128
_ATTRIBUTE_BYTES: Final = 64 * 1024
_LABEL_BYTES: Final = 2048


class Line(NamedTuple):
    """A record as it was received."""

    app_id: str
    environment: str
    time: int
    severity: int
    body: str
    attributes: tuple[tuple[str, str], ...]

    @property
    def named(self) -> dict[str, str]:
        """Its attributes by name."""
        return dict(self.attributes)


Behave = Callable[["Handler"], None]
"""What to do with a request that is in order; it has been read."""


class Receiver:
    """Listens while the `with` block lasts, on the same port after `stop` and `start`."""

    def __init__(self) -> None:
        self.port = 0
        self.behave: Behave = answer(204)
        self.stored: dict[Line, None] = {}
        """What was taken; lines that are the same in everything are one, as in a store."""
        self.wrong: list[str] = []
        """What was refused, and why."""
        self.batches: list[list[Line]] = []
        """What each request in order brought, whatever became of it."""
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://{LOCALHOST}:{self.port}{PATH}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        server = _Server((LOCALHOST, self.port), Handler)
        server.receiver = self
        self._server = server
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """As a store that dies: its connections end with it."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    receiver: Receiver

    def server_close(self) -> None:
        super().server_close()
        for handler in list(Handler.alive):
            if handler.server is self:
                handler.cut()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes is no news."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    alive: Final[set[Handler]] = set()

    @property
    def receiver(self) -> Receiver:
        return cast(_Server, self.server).receiver

    def setup(self) -> None:
        super().setup()
        self.alive.add(self)
        self.receiver.connections += 1

    def finish(self) -> None:
        self.alive.discard(self)
        super().finish()

    def cut(self) -> None:
        """End it at once."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_POST(self) -> None:
        receiver = self.receiver
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.headers.append(dict(self.headers.items()))
        try:
            self.batch = list(read(self.path, dict(self.headers.items()), raw))
        except ValueError as error:
            receiver.wrong.append(str(error))
            self.reply(400, body=str(error).encode())
            return
        receiver.batches.append(self.batch)
        receiver.behave(self)

    def take(self) -> None:
        """Store what came."""
        self.receiver.stored.update(dict.fromkeys(self.batch))

    def reply(self, code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if code != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def answer(code: int, body: bytes = b"", **headers: str) -> Behave:
    """Take the batch, if the code says so, and reply; a header's `_` is a `-`."""

    def behave(handler: Handler) -> None:
        if code // 100 == 2:
            handler.take()
        handler.reply(code, {name.replace("_", "-"): value for name, value in headers.items()}, body)

    return behave


def close(handler: Handler) -> None:
    """Take nothing, and end the connection without a word."""
    handler.close_connection = True


def take_and_close(handler: Handler) -> None:
    """Take the batch and go before saying so."""
    handler.take()
    handler.close_connection = True


def raw(*parts: bytes, endless: bytes = b"", pause: threading.Event | None = None) -> Behave:
    """Write these bytes, then `endless` for ever, each after `pause` has been waited for."""

    def behave(handler: Handler) -> None:
        handler.close_connection = True
        for part in parts:
            handler.wfile.write(part)
        while endless:
            if pause:
                pause.wait(0.05)
            handler.wfile.write(endless)

    return behave


def hang(until: threading.Event) -> Behave:
    """Say nothing until then, and then close."""

    def behave(handler: Handler) -> None:
        until.wait()
        handler.close_connection = True

    return behave


def in_turn(*each: Behave) -> Behave:
    """One after the other, the last for all that follow."""
    left = list(each)

    def behave(handler: Handler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return behave


def read(path: str, headers: dict[str, str], raw: bytes) -> Iterator[Line]:
    """The lines of a request. Raises `ValueError` for what a store would not take."""
    _expect(path == PATH, f"path {path}")
    _expect(headers.get("Content-Type") == "application/x-protobuf", "content type")
    _expect(headers.get("Content-Encoding") == "gzip", "content encoding")
    data = gzip.decompress(raw)
    _expect(len(data) <= BYTES, f"{len(data)} bytes")
    try:
        request = ExportLogsServiceRequest.FromString(data)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    _expect(not list(_unknown(request)), "unknown fields")
    lines = list(_lines(request))
    _expect(0 < len(lines) <= EVENTS, f"{len(lines)} events")
    _expect(len(set(lines)) == len(lines), "the same line twice")
    streams: dict[tuple[str, str], int] = {}
    for line in lines:
        last = streams.get(line[:2], 0)
        _expect(line.time > last, "times that do not rise")
        streams[line[:2]] = line.time
    return iter(lines)


def _lines(request: ExportLogsServiceRequest) -> Iterator[Line]:
    for logs in request.resource_logs:
        labels = dict(_pairs(logs.resource.attributes))
        _expect(all(len(value.encode()) <= _LABEL_BYTES for value in labels.values()), "a label's length")
        _expect(labels.pop("service.namespace", "") == "capgo", "the namespace")
        app_id, environment = labels.pop("service.name", ""), labels.pop("deployment.environment.name", "")
        _expect(not labels and bool(app_id) and environment in ("production", "test"), f"labels {labels}")
        for scope in logs.scope_logs:
            _expect(not scope.HasField("scope"), "a scope")
            yield from (_line(app_id, environment, record) for record in scope.log_records)


def _line(app_id: str, environment: str, record: LogRecord) -> Line:
    pairs = tuple(_pairs(record.attributes))
    names = [name for name, _ in pairs]
    size = sum(len(name.encode()) + len(value.encode()) for name, value in pairs)
    _expect(len(set(names)) == len(names), "an attribute twice")
    _expect(len(names) <= _ATTRIBUTES and size <= _ATTRIBUTE_BYTES, f"attributes of {size} bytes")
    _expect(all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", name) for name in names), f"names {names}")
    _expect(all(value for _, value in pairs), "an empty value")
    _expect(not record.observed_time_unix_nano and record.time_unix_nano > 0, "the time")
    body = record.body.string_value
    _expect(0 < len(body.encode()) <= _LINE_BYTES, "the line's length")
    return Line(app_id, environment, record.time_unix_nano, record.severity_number, body, pairs)


def _pairs(attributes: object) -> Iterator[tuple[str, str]]:
    for attribute in cast("list[KeyValue]", attributes):
        _expect(attribute.value.WhichOneof("value") == "string_value", f"{attribute.key} is no text")
        yield attribute.key, attribute.value.string_value


def _unknown(message: Message) -> Iterator[str]:
    if len(UnknownFieldSet(message)):
        yield message.DESCRIPTOR.full_name
    for field, value in message.ListFields():
        if field.message_type:
            for one in [value] if isinstance(value, Message) else value:
                yield from _unknown(one)


def _expect(good: bool, what: str) -> None:
    if not good:
        raise ValueError(what)
