"""The running service: where the parts meet, from the start to the last reply."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from waitress.server import create_server

from exporter import process
from exporter.addresses import Address
from exporter.backup.server import serve_copies
from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.ledger import Ledger, Limits
from exporter.counting.view import View
from exporter.eventlog.file import EventLog
from exporter.eventlog.record import Sink
from exporter.facts import facts
from exporter.intake.accounts import Accounts
from exporter.intake.committer import Committer
from exporter.intake.endpoint import App, create_public_app
from exporter.intake.gathering import Gathering
from exporter.intake.listener import Listener
from exporter.intake.paths import StatsPaths
from exporter.intake.port import Port
from exporter.intake.stats import StatsResource
from exporter.intake.turns import Turns
from exporter.listening import listen, port_of
from exporter.metrics.private import create_loading_app, create_private_app
from exporter.metrics.readiness import Readiness
from exporter.metrics.telemetry import Telemetry
from exporter.repeats import EVERYTHING
from exporter.settings import Settings
from exporter.storage.journal import OPENED, Journal
from exporter.storage.ledgerfile import FILE_NAME
from exporter.supervisor import Supervisor
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import policy

PRIVATE_THREADS: Final = 4
PRIVATE_CONNECTIONS: Final = 100
PRIVATE_BACKLOG: Final = 1024

GRACE_SECONDS: Final = 5.0
"""What the end may take beyond the time of a request that is under way."""

FILES_BESIDE: Final = 200
"""Open files besides the public port's connections: the private port's, the ledger's, the event log."""

STOP_SECONDS: Final = 3.0
"""For what still waits to be committed at the end."""

_log = structlog.get_logger("service")

WSGIApp = Callable[..., Any]


@dataclass(frozen=True)
class Parts:
    """What the public port is made of."""

    committer: Committer
    stats: StatsResource
    accounts: Accounts
    paths: StatsPaths
    app: App
    event_log: EventLog | None


def build(settings: Settings, telemetry: Telemetry) -> Parts:
    """Open the ledger and make the parts. Raises `LedgerError`, or `OSError` for an event log that can't be written."""
    event_log = _open_event_log(settings, telemetry)
    journal = Journal(
        settings.data_dir, settings.durability, settings.dedup_memory, settings.dedup_window, settings.restored
    )
    budgets = BudgetLimits(settings.max_apps, settings.max_versions, settings.max_series, settings.apps)
    ledger = Ledger(
        Limits(
            settings.version_ttl,
            settings.zero_hold,
            settings.max_series,
            settings.dedup_memory,
            budgets,
            settings.max_devices,
        )
    )
    event_logs = [log for log in (event_log, _open_event_store(settings, telemetry)) if log]
    committer = Committer(ledger, journal, telemetry, event_logs)
    committer.load()
    telemetry.zero_hold.set(settings.zero_hold)
    _tell_opened(journal, ledger.view(), telemetry)
    committer.start()
    paths = StatsPaths([token.get_secret_value() for token in settings.path_token])
    stats = StatsResource(
        Gathering(committer),
        policy(settings.apps),
        fingerprinter(journal.key),
        telemetry,
        settings.max_body,
        settings.max_batch,
        paths,
    )
    accounts = Accounts(telemetry)
    app = create_public_app(stats, accounts, paths, settings.trusted_proxy)
    return Parts(committer, stats, accounts, paths, app, event_log)


def _tell_opened(journal: Journal, view: View, telemetry: Telemetry) -> None:
    """Say which ledger this is: a mistyped directory begins a new one."""
    for how in OPENED:
        telemetry.ledger_opened.labels(how).set(how == journal.opened)
    path, events = journal.directory / FILE_NAME, sum(view.events.values())
    _log.info(
        "ledger_opened", path=str(path.absolute()), how=journal.opened, events=events, shown_series=len(view.values)
    )


def _open_event_log(settings: Settings, telemetry: Telemetry) -> EventLog | None:
    if not settings.event_log:
        return None
    try:
        return EventLog(settings.event_log, settings.event_log_omit, telemetry.event_log_dropped.inc)
    except OSError as error:
        raise OSError(f"--event-log: {error}; name a file in a directory that can be written, or -") from error


def _open_event_store(settings: Settings, telemetry: Telemetry) -> Sink | None:
    if not settings.event_store:
        return None
    try:
        from exporter.eventlog.store import open_store
    except ImportError as error:
        raise OSError("--event-store needs the extra: pip install 'capgo-exporter[event-store]'") from error
    store = open_store(
        settings.event_store,
        settings.event_store_headers.get_secret_value(),
        settings.event_store_actions,
        settings.event_log_omit,
        telemetry.event_store.notes,
    )
    telemetry.event_store.buffered.set_function(lambda: store.buffered_bytes)
    return store


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
    limit = _connections(settings.connection_limit)
    process.return_freed_memory()
    process.take_short_turns()
    end = process.End(settings.request_timeout + GRACE_SECONDS)
    supervisor = Supervisor()
    telemetry = Telemetry()
    switch = _Switch(create_loading_app())
    metrics_port = _serve_private(switch, settings.metrics_listen, end.fail)
    with process.nothing_is_garbage():
        parts = build(settings, telemetry)
    make_port = lambda: Port(  # noqa: E731
        parts.app, parts.stats, parts.accounts, parts.paths, settings.trusted_proxy, settings.request_timeout
    )
    public = Listener(
        settings.listen,
        limit,
        settings.request_timeout,
        make_port,
        end.fail,
        _watched(parts.committer.turns, supervisor),
    )
    if parts.event_log:
        end.on_hangup = parts.event_log.reopen
        parts.event_log.reopen()  # one may have come while the ledger was loading
    public.start()
    end_copies = serve_copies(parts.committer)
    readiness = Readiness(parts.committer.ready)
    switch.application = create_private_app(  # ready only now, when posts are taken
        parts.committer,
        readiness,
        telemetry,
        parts.committer.newest,
        parts.accounts.reception,
        facts(settings, public.port),
    )
    started(public.port, metrics_port)
    supervisor.ready()
    end.wait()
    supervisor.ends()
    _log.info("draining")
    end.wait(readiness.stop())
    public.stop()
    end_copies()
    parts.committer.stop(STOP_SECONDS)
    _log.info("stopped", ends=EVERYTHING)  # what was only counted is told before the last line
    return end.code


def _watched(turns: Turns, supervisor: Supervisor) -> Callable[[], None]:
    """What the loop does at each turn for a supervisor that watches: a sign of life goes the way of a post, from the
    loop through the committer, and does not come out where either hangs.
    """
    if not supervisor.watches:
        return lambda: None
    turns.on_progress = supervisor.works
    return turns.show_progress


def _connections(wanted: int) -> int:
    """How many connections the public port may have: as many as are wanted, if the system gives files for them."""
    allowed = process.allow_files(wanted + FILES_BESIDE)
    limit = max(1, min(wanted, allowed - FILES_BESIDE))
    if limit < wanted:
        _log.warning("too_few_files", files=allowed, needed=wanted + FILES_BESIDE, connection_limit=limit)
    return limit


def _serve_private(application: WSGIApp, address: Address, failed: Callable[[], None]) -> int:
    """Serve the private port in threads, for as long as the process lives; returns the port."""
    # It writes a line for each request that waits for a thread, which under load is most of its cost.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    sockets = listen("--metrics-listen", address, PRIVATE_BACKLOG)
    port = port_of(sockets)
    server = create_server(
        application,
        sockets=sockets,
        threads=PRIVATE_THREADS,
        connection_limit=PRIVATE_CONNECTIONS,
        ident=None,
        asyncore_use_poll=True,  # select() knows no file above the 1,023rd, and the public port has more connections
    )

    def run() -> None:
        try:
            server.run()
        except Exception:
            _log.exception("listener_failed", port=port)
            failed()

    threading.Thread(target=run, name="private", daemon=True).start()
    return port
