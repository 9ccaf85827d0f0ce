"""Has an ASGI application answer one request whose body is there already."""

from typing import Any, Final
from urllib.parse import unquote

from exporter.intake.http import Headers
from exporter.intake.request import Request

_VERSIONS: Final = {"version": "3.0", "spec_version": "2.4"}


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
        "query_string": query,
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
