"""Has an ASGI application answer one request whose body is there already."""

from string import printable
from typing import Any, Final
from urllib.parse import quote, unquote

from exporter.intake.http import Headers
from exporter.intake.request import Request

_VERSIONS: Final = {"version": "3.0", "spec_version": "2.4"}
_AS_IT_IS: Final = printable
"""Of a query: all but bytes that no client should send, on which Falcon's decoding would fail."""


async def respond(app: Any, request: Request, client: tuple[str, int]) -> tuple[int, Headers, bytes]:
    """The status, the headers and the body of its reply. Raises what the application does."""
    path, query = request.path_and_query()
    scope = {
        "type": "http",
        "asgi": _VERSIONS,
        "http_version": "1.1",
        "method": request.method.decode("latin-1"),
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path,
        "query_string": quote(query, safe=_AS_IT_IS).encode(),
        "root_path": "",
        "headers": request.headers,
        "client": client,
    }
    incoming = iter([{"type": "http.request", "body": request.body, "more_body": False}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(incoming, {"type": "http.disconnect"})

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await app(scope, receive, send)
    start, *parts = sent
    return start["status"], list(start.get("headers", ())), b"".join(part.get("body", b"") for part in parts)
