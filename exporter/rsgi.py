"""A request as granian gives it (its RSGI interface), and what WSGI calls the same."""

import sys
import threading
from contextlib import suppress
from io import BytesIO
from typing import Any, Final

from granian.rsgi import HTTPProtocol, Scope

from exporter.refusals import REQUEST_REFUSALS
from exporter.resources import JSON, error_body

_LARGE: Final = 64 * 1024
"""Bytes from which on a body is large; smaller ones are always let in, as the connections are limited already."""


class RefusedError(Exception):
    """A request that does not get to the application; the argument is a key of `REQUEST_REFUSALS`."""


class GoneError(Exception):
    """The client left before its request was complete."""


class Bodies:
    """How much memory the large bodies take; used from all threads."""

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._limit = limit
        self._held = 0

    def take(self, size: int) -> None:
        """Raises `RefusedError` if there is no room for so many more bytes."""
        with self._lock:
            if self._held + size > self._limit:
                raise RefusedError("overloaded")
            self._held += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size


class Request:
    """A request, from its header to its reply."""

    __slots__ = ("_bodies", "_held", "body", "proto", "scope", "stream")

    def __init__(self, scope: Scope, proto: HTTPProtocol, bodies: Bodies) -> None:
        self.scope = scope
        self.proto = proto
        self.stream: Any = None
        self.body = b""
        self._bodies = bodies
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
        self._reserve(length, max_body)
        if encoding is None:
            await self._read_announced(length)
        else:
            await self._read_chunked(max_body)

    async def _read_announced(self, length: int) -> None:
        chunk = await anext(self.stream)
        if len(chunk) == length:
            self.body = chunk
            return
        chunks = [chunk]
        missing = length - len(chunk)
        while missing and chunk:
            chunk = await anext(self.stream)
            missing -= len(chunk)
            chunks.append(chunk)
        if missing:
            raise GoneError
        self.body = b"".join(chunks)

    async def _read_chunked(self, max_body: int) -> None:
        chunks: list[bytes] = []
        size = 0
        while chunk := await anext(self.stream):
            size += len(chunk)
            self._reserve(size, max_body)
            chunks.append(chunk)
        # A body that broke off gives an empty chunk as well, but is not at its end with it.
        with suppress(StopAsyncIteration):
            await anext(self.stream)
            raise RefusedError("bad_request")
        self.body = b"".join(chunks)

    def _reserve(self, size: int, max_body: int) -> None:
        if size > max_body:
            raise RefusedError("body_too_large")
        if size > _LARGE:
            self._bodies.take(size - self._held)
            self._held = size

    def release(self) -> None:
        """The body is not held any more."""
        self.body = b""
        if self._held:
            self._bodies.give_back(self._held)
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

    def refuse(self, name: str) -> int:
        """Answer with a refusal, after which the connection is closed; returns the status."""
        status, message = REQUEST_REFUSALS[name]
        headers = [("content-type", JSON), ("connection", "close")]
        self.proto.response_bytes(status, headers, error_body(name, message))
        return status
