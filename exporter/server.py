"""The running service: a public and a private port, from the start to the last reply."""

import ctypes
import logging
import resource
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

from exporter import app
from exporter.listener import HEADER_LIMIT, Listener, WSGIApp
from exporter.settings import Settings
from exporter.telemetry import Telemetry

if TYPE_CHECKING:
    from exporter.granianlistener import GranianListener

PRIVATE_THREADS: Final = 4
PRIVATE_CONNECTIONS: Final = 100
PRIVATE_TIMEOUT: Final = 60.0

_M_MMAP_THRESHOLD: Final = -3
_MMAP_THRESHOLD: Final = 128 * 1024
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
    _allow_files(settings.connection_limit + FILES_BESIDE)
    stop = threading.Event()
    failures: list[str] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def failed() -> None:
        failures.append("listener")
        stop.set()

    _return_freed_memory()
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
        failed,
    )
    private.start()
    parts = app.build(settings, telemetry, lambda: public.waiting)
    public = _kind(settings)(
        app.create_public_app(parts),
        settings.listen,
        settings.threads,
        settings.connection_limit,
        settings.request_timeout,
        settings.max_body,
        telemetry.count_request,
        failed,
    )
    signal.signal(signal.SIGHUP, lambda *_: parts.event_log.reopen() if parts.event_log else None)
    public.start()
    switch.application = app.create_private_app(parts)  # ready only now, when posts are taken
    started(public.effective_port, private.effective_port)
    stop.wait()
    _log.info("draining")
    public.stop()
    private.stop()
    parts.ingest.close()
    _log.info("stopped")
    return 1 if failures else 0


def _return_freed_memory() -> None:
    """Have every large block given back to the system when it is freed.

    By itself glibc soon takes blocks of up to 32 MiB from heaps of each thread's own, where they stay: 8 threads that
    have met a large post each would hold hundreds of MB. (Elsewhere malloc has no such function, nor the habit.)
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)


def _kind(settings: Settings) -> "type[Listener] | type[GranianListener]":
    if settings.server == "waitress":
        return Listener
    from exporter.granianlistener import GranianListener  # an extra, which need not be installed

    return GranianListener


def _allow_files(needed: int) -> None:
    """Most systems start a process with 1,024 and let it ask for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))


def _count_nothing(_status: int, _refusal: str | None) -> None:
    """The private port's refusals are nobody's traffic."""
