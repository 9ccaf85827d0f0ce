"""A request as granian gives it (its RSGI interface), and what WSGI calls the same."""

import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

from granian.rsgi import HTTPProtocol, Scope

from exporter.refusals import REQUEST_REFUSALS
from exporter.resources import JSON, error_body, overload_reply
from exporter.room import ALWAYS_TAKEN, Room


class RefusedError(Exception):
    """A request that does not get to the application; the argument is a key of `REQUEST_REFUSALS`."""


class GoneError(Exception):
    """The client left before its request was complete."""


class Request:
    """A request, from its header to its reply."""

    __slots__ = ("_held", "_room", "body", "proto", "scope", "stream")

    def __init__(self, scope: Scope, proto: HTTPProtocol, room: Room) -> None:
        self.scope = scope
        self.proto = proto
        self.stream: Any = None
        self.body = b""
        self._room = room
        self._held = 0

    async def read(self, max_body: int) -> None:
        """Raises `RefusedError`, or `GoneError`."""
        headers = self.scope.headers
        encoding, length = headers.get("transfer-encoding"), int(headers.get("content-length", 0))
        if encoding is None and not length:
            return
        self.stream = self.proto.__aiter__()
        if encoding is not None and encoding.lower() != "chunked":
            raise RefusedError("not_implemented")
        if length > max_body:
            raise RefusedError("body_too_large")
        if encoding is None:
            await self._read_announced(length)
        else:
            await self._read_chunked(max_body)

    async def _read_announced(self, length: int) -> None:
        chunks: list[bytes] = []
        missing = length
        while missing:
            chunk = await anext(self.stream)
            if not chunk:
                raise GoneError
            missing -= len(chunk)
            self._take(length - missing)
            chunks.append(chunk)
        self.body = b"".join(chunks)

    async def _read_chunked(self, max_body: int) -> None:
        chunks: list[bytes] = []
        size = 0
        while chunk := await anext(self.stream):
            size += len(chunk)
            if size > max_body:
                raise RefusedError("body_too_large")
            self._take(size)
            chunks.append(chunk)
        # A body that broke off gives an empty chunk as well, but is not at its end with it.
        with suppress(StopAsyncIteration):
            await anext(self.stream)
            raise RefusedError("bad_request")
        self.body = b"".join(chunks)

    def _take(self, size: int) -> None:
        """Room for what has come, not for what was announced: a promise costs a client nothing."""
        more = size - ALWAYS_TAKEN - self._held
        if more > 0:
            if not self._room.take(more):
                raise RefusedError("overloaded")
            self._held += more

    def release(self) -> None:
        """The body is not held any more."""
        self.body = b""
        self._room.give_back(self._held)
        self._held = 0

    def environ(self) -> dict[str, Any]:
        """What WSGI says about the request (PEP 3333)."""
        scope = self.scope
        server, _, port = scope.server.rpartition(":")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": scope.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": scope.path.encode().decode("latin-1"),
            "QUERY_STRING": scope.query_string,
            "SERVER_PROTOCOL": "HTTP/1.0" if scope.http_version == "1" else "HTTP/1.1",
            "SERVER_NAME": server,
            "SERVER_PORT": port,
            "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(self.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in scope.headers.items():
            if "_" not in name:  # such a one could pass for a header with hyphens that a proxy takes care of
                key = "HTTP_" + name.upper().replace("-", "_")
                environ[key] = f"{environ[key]}, {value}" if key in environ else value
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
        environ["CONTENT_LENGTH"] = str(len(self.body))
        return environ

    def refuse(self, name: str, count: Callable[[int, str], None]) -> None:
        """Answer with a refusal, after which the connection is closed; `count` hears its status and name before that.

        A client that has its answer must find it counted.
        """
        status, message = REQUEST_REFUSALS[name]
        headers = [("content-type", JSON), ("connection", "close")]
        if name == "overloaded":
            status, more = overload_reply(self.scope.headers.get("user-agent", ""))
            headers.extend(more.items())
        count(status, name)
        self.proto.response_bytes(status, headers, error_body(name, message))
