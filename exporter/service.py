"""The running service: a public and a private port, from the start to the last reply."""

import logging
import signal
from collections.abc import Callable
from typing import Any, Final

import structlog

from exporter import app, process
from exporter.intake.listener import HEADER_LIMIT, Listener, WSGIApp
from exporter.metrics.telemetry import Telemetry
from exporter.settings import Settings

PRIVATE_THREADS: Final = 4
PRIVATE_CONNECTIONS: Final = 100
PRIVATE_TIMEOUT: Final = 60.0

FILES_BESIDE: Final = 200
"""Open files besides the public port's connections: the private port's, the ledger's, the event log."""

_log = structlog.get_logger("server")


class _Switch:
    """A WSGI app that stands for another, which may change while it is served."""

    def __init__(self, application: WSGIApp) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return self.application(environ, start_response)


def serve(settings: Settings, started: Callable[[int, int], None]) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. `started` hears the two ports.

    Raises `LedgerError` if the ledger can't be used, `OSError` if an address or the event log can't be.
    """
    # It writes a line for each post that waits for a thread, which under load is most of its cost.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    process.allow_files(settings.connection_limit + FILES_BESIDE)
    process.return_freed_memory()
    process.take_short_turns()
    end = process.End()
    telemetry = Telemetry()
    switch = _Switch(app.create_loading_app())
    private = Listener(
        switch,
        settings.metrics_listen,
        PRIVATE_THREADS,
        PRIVATE_CONNECTIONS,
        PRIVATE_TIMEOUT,
        HEADER_LIMIT,
        _count_nothing,
        end.fail,
    )
    private.start()
    with process.nothing_is_garbage():
        parts = app.build(settings, telemetry, lambda: public.waiting)
    public = Listener(
        app.create_public_app(parts),
        settings.listen,
        settings.threads,
        settings.connection_limit,
        settings.request_timeout,
        settings.max_body,
        telemetry.count_request,
        end.fail,
    )
    signal.signal(signal.SIGHUP, lambda *_: parts.event_log.reopen() if parts.event_log else None)
    public.start()
    switch.application = app.create_private_app(parts)  # ready only now, when posts are taken
    started(public.effective_port, private.effective_port)
    end.wait()
    _log.info("draining")
    public.stop()
    private.stop()
    parts.ingest.close()
    _log.info("stopped")
    return end.code


def _count_nothing(_status: int, _refusal: str | None) -> None:
    """The private port's refusals are nobody's traffic."""
