"""Where the parts meet: the public app takes posts, the private one shows what was counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import falcon

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.ledger import Ledger, Limits
from exporter.eventlog.file import EventLog
from exporter.intake.committer import Ingest
from exporter.intake.overload import Load
from exporter.intake.refusal_log import RefusalLog
from exporter.intake.stats import StatsResource
from exporter.metrics.landing import LandingResource
from exporter.metrics.private import BackupResource, HealthResource, MetricsResource, ReadyResource
from exporter.metrics.telemetry import Telemetry
from exporter.replies import RequestRefusedError, with_error_forms
from exporter.settings import Settings
from exporter.storage.journal import Journal
from exporter.wire.labels import policy

THREADS_KEPT_FREE: Final = 2
"""Threads that are never in a commit, so that however long it takes somebody answers."""


@dataclass(frozen=True)
class Parts:
    """What the apps are made of."""

    ingest: Ingest
    telemetry: Telemetry
    event_log: EventLog | None
    settings: Settings


def build(settings: Settings, telemetry: Telemetry, waiting: Callable[[], int]) -> Parts:
    """Open the ledger and make the parts. Raises `LedgerError`, or `OSError` for an event log that can't be written.

    `waiting` tells how many requests wait for a thread.
    """
    event_log = _open_event_log(settings, telemetry)
    journal = Journal(
        settings.data_dir, settings.durability, settings.dedup_memory, settings.dedup_window, settings.restored
    )
    budgets = BudgetLimits(settings.max_apps, settings.max_versions, settings.max_series)
    ledger = Ledger(
        Limits(settings.version_ttl, settings.zero_hold, settings.max_series, settings.dedup_memory, budgets)
    )
    ingest = Ingest(
        ledger,
        journal,
        policy(settings.apps),
        telemetry,
        event_log,
        Load(waiting),
        max_batch=settings.max_batch,
        max_together=max(1, settings.threads - THREADS_KEPT_FREE),
    )
    ingest.load(settings.restored)
    return Parts(ingest, telemetry, event_log, settings)


def _open_event_log(settings: Settings, telemetry: Telemetry) -> EventLog | None:
    if not settings.event_log:
        return None
    try:
        return EventLog(settings.event_log, settings.event_log_omit, telemetry.event_log_dropped.inc)
    except OSError as error:
        raise OSError(f"--event-log: {error}; name a file in a directory that can be written, or -") from error


def create_public_app(parts: Parts) -> Callable[..., Any]:
    """The WSGI app of the public port: `/stats`, `/`, or only `/<token>/stats`, and nothing else."""
    settings = parts.settings
    app = falcon.App(middleware=[_CountRequests(parts.telemetry, settings.trusted_proxy)])
    token = settings.path_token.get_secret_value()
    stats = StatsResource(parts.ingest, parts.telemetry, settings.max_body, token)
    for path in ("/{token}/stats",) if token else ("/stats", "/"):
        app.add_route(path, stats)
    return with_error_forms(app)


def create_private_app(parts: Parts) -> Callable[..., Any]:
    """The WSGI app of the private port: metrics, health, and a page for people."""
    app = falcon.App()
    app.add_route("/metrics", MetricsResource(parts.ingest, parts.telemetry))
    app.add_route("/healthz", HealthResource())
    app.add_route("/readyz", ReadyResource(parts.ingest))
    app.add_route("/backup", BackupResource(parts.ingest))
    app.add_route("/", LandingResource(parts.ingest.counted, version("capgo-exporter"), parts.settings.listen.port))
    return with_error_forms(app)


def create_loading_app() -> Callable[..., Any]:
    """The private port while the ledger loads: alive, not ready; an empty scrape would end every series."""
    app = falcon.App()
    app.add_route("/healthz", HealthResource())
    app.add_sink(_still_loading)
    return with_error_forms(app)


def _still_loading(req: falcon.Request, resp: falcon.Response, **_: Any) -> None:
    raise RequestRefusedError("loading")


class _CountRequests:
    """Falcon middleware: counts each request of the public port by its status, and logs what is refused."""

    def __init__(self, telemetry: Telemetry, trusted_proxy: str) -> None:
        self._count = telemetry.count_request
        self._log = RefusalLog()
        self._trusted_proxy = trusted_proxy

    def process_response(self, req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        refused = vars(resp.context)  # empty if nothing was
        self._count(resp.status_code, refused.get("refusal"))
        if refused:
            self._note(refused, self._client(req))

    def _note(self, refused: Mapping[str, Any], client: str) -> None:
        if "refusal" in refused:
            self._log.note(refused["refusal"], client)
        for reason, number in refused.get("rejected", {}).items():
            self._log.note(reason, client, number)

    def _client(self, req: falcon.Request) -> str:
        address = req.remote_addr
        if address == self._trusted_proxy:
            return (req.get_header("X-Forwarded-For") or address).rpartition(",")[2]
        return address
