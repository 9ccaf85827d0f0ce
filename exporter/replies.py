"""How a Falcon app of ours answers: a body, or a refusal in the one form that every error has."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import falcon
import falcon.asgi
import structlog

from exporter.wire.refusals import REQUEST_REFUSALS, error_body

JSON: Final = "application/json"
OK: Final = b'{"status":"ok"}'
"""The plugin needs a body: an iOS client takes an empty 2xx for a failure, and sends its events again for ever."""

_log = structlog.get_logger("replies")


class RequestRefusedError(Exception):
    """A request that is refused as a whole; the name is a key of `REQUEST_REFUSALS`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def refuse(resp: falcon.Response, name: str) -> None:
    """Answer with a refusal of the whole request."""
    status, message = REQUEST_REFUSALS[name]
    resp.context["refusal"] = name
    reply(resp, error_body(name, message), status)


def reply(resp: falcon.Response, body: bytes, status: int = 200, content_type: str = JSON) -> None:
    """Answer with a body."""
    resp.status = status
    resp.content_type = content_type
    resp.data = body


def with_error_forms(app: falcon.App[falcon.Request, falcon.Response]) -> falcon.App[falcon.Request, falcon.Response]:
    """Give every error the one form; Falcon's own errors are taken by their status."""
    app.add_error_handler(RequestRefusedError, _on_refused)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(Exception, _on_exception)
    return app


def with_async_error_forms(
    app: falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response],
) -> falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]:
    """The same for an ASGI app."""
    for kind, handler in ((RequestRefusedError, _on_refused), (falcon.HTTPError, _on_http_error)):
        app.add_error_handler(kind, _in_a_coroutine(handler))
    app.add_error_handler(Exception, _in_a_coroutine(_on_exception))
    return app


def _in_a_coroutine(handler: Callable[..., None]) -> Callable[..., Coroutine[Any, Any, None]]:
    async def handle(*arguments: Any) -> None:
        handler(*arguments)

    return handle


def _on_refused(_req: falcon.Request, resp: falcon.Response, error: RequestRefusedError, _params: object) -> None:
    refuse(resp, error.name)


def _on_http_error(_req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object) -> None:
    if isinstance(error, falcon.HTTPNotFound):
        refuse(resp, "not_found")
    elif isinstance(error, falcon.HTTPMethodNotAllowed) or type(error) is falcon.HTTPBadRequest:
        refuse(resp, "method_not_allowed")  # the latter is what Falcon raises for a method it has never heard of
    else:
        refuse(resp, "bad_request")
    resp.set_headers(error.headers or {})


def _on_exception(_req: falcon.Request, resp: falcon.Response, error: Exception, _params: object) -> None:
    _log.error("internal_error", exc_info=error)
    refuse(resp, "internal_error")
