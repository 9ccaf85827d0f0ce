"""The private port: metrics for Prometheus, health for whoever runs this."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import falcon

from exporter.counting.view import Newest, View
from exporter.metrics.exposition import Exposer, encoded
from exporter.metrics.landing import LandingResource, ReadmeResource, Sources
from exporter.metrics.page import Facts
from exporter.metrics.readiness import Readiness
from exporter.metrics.reception import Reception
from exporter.metrics.scrapers import SCRAPE_HEADER, Scrapers
from exporter.metrics.telemetry import Telemetry
from exporter.replies import OK, RequestRefusedError, reply, with_error_forms
from exporter.slashes import OneSlash


class Source(Protocol):
    """What the private port asks; any thread may."""

    def view(self, scrape: bool) -> View:
        """What to show now; a `scrape` moves series on."""

    def observe(self) -> None:
        """Bring the gauges about the ledger up to date."""


def create_private_app(
    source: Source,
    readiness: Readiness,
    telemetry: Telemetry,
    newest: Callable[[], Newest],
    reception: Reception,
    facts: Facts,
) -> Callable[..., Any]:
    """The WSGI app of the private port: metrics, health, and a page for people, which the last three are for."""
    scrapers = Scrapers(time.monotonic)
    told = Sources(facts, reception, newest, lambda: telemetry.tally, readiness.reason, lambda: scrapers.age)
    telemetry.ready.set_function(lambda: readiness.reason() is None)
    app = falcon.App(middleware=[OneSlash()])
    app.add_route("/metrics", MetricsResource(source, telemetry, scrapers))
    app.add_route("/healthz", HealthResource())
    app.add_route("/readyz", ReadyResource(readiness))
    app.add_route("/", LandingResource(told))
    app.add_route("/readme", ReadmeResource())
    return with_error_forms(app)


def create_loading_app() -> Callable[..., Any]:
    """The private port while the ledger loads: alive, not ready; an empty scrape would end every series."""
    app = falcon.App(middleware=[OneSlash()])
    app.add_route("/healthz", HealthResource())
    app.add_sink(_still_loading)
    return with_error_forms(app)


def _still_loading(req: falcon.Request, resp: falcon.Response, **_: Any) -> None:
    raise RequestRefusedError("loading")


class MetricsResource:
    """`/metrics`: text or OpenMetrics, gzipped when asked for."""

    def __init__(self, source: Source, telemetry: Telemetry, scrapers: Scrapers) -> None:
        self._source = source
        self._telemetry = telemetry
        self._exposer = Exposer()
        self._scrapers = scrapers

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """A scrape, which moves held series on, or somebody who looks."""
        scrape = self._scrapers.count(req.get_header(SCRAPE_HEADER), req.get_header("Accept"), req.user_agent)
        view = self._source.view(scrape)
        self._source.observe()
        families = self._telemetry.families(view)
        content_type, parts = self._exposer.expose(view, families, req.get_header("Accept") or "")
        encoding, body = encoded(parts, req.get_header("Accept-Encoding") or "")
        if encoding:
            resp.set_header("Content-Encoding", encoding)
        resp.set_header("Vary", "Accept, Accept-Encoding")
        reply(resp, body, content_type=content_type)

    def on_head(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """An uptime checker, who sees no series, and so must move none on."""
        reply(resp, b"", content_type="text/plain")


class HealthResource:
    """`/healthz`: the process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Always ok."""
        reply(resp, OK)

    on_head = on_get


class ReadyResource:
    """`/readyz`: posts can be counted."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Ok, or 503 while the ledger can't be written, and when the process is about to end."""
        if refusal := self._readiness.refusal():
            raise RequestRefusedError(refusal)
        reply(resp, OK)

    on_head = on_get
