"""Which requests count as scrapes: held series move on with those, and with no person's look."""

from __future__ import annotations

from pathlib import Path

import falcon
import pytest
from falcon.testing import TestClient

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.ledger import Ledger, Limits
from exporter.counting.view import View
from exporter.metrics.private import MetricsResource
from exporter.metrics.scrapers import FORGOTTEN_AFTER, SCRAPE_HEADER, Scrapers
from exporter.metrics.telemetry import Telemetry

PROMETHEUS = {SCRAPE_HEADER: "10"}
CURL = {"User-Agent": "curl/8.5.0", "Accept": "*/*"}


class Exporter:
    """`/metrics` on a clock of the test's own, and which requests it took for scrapes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.scrapes: list[bool] = []
        self.directory = Path()
        self._view = Ledger(Limits(1, 1, 1, 1, BudgetLimits(1, 1, 1))).view()
        app = falcon.App()
        app.add_route("/metrics", MetricsResource(self, Telemetry(), Scrapers(lambda: self.now)))
        self._client = TestClient(app)

    def view(self, scrape: bool) -> View:
        self.scrapes.append(scrape)
        return self._view

    def observe(self) -> None:
        """Nothing is measured here."""

    def ready(self) -> bool:
        return True

    def backup(self, target: Path) -> None:
        raise NotImplementedError

    def is_scrape(self, headers: dict[str, str]) -> bool:
        assert self._client.simulate_get("/metrics", headers=headers).status_code == 200
        return self.scrapes[-1]


@pytest.fixture
def met() -> Exporter:
    """One that a Prometheus has scraped."""
    exporter = Exporter()
    assert exporter.is_scrape(PROMETHEUS)
    return exporter


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/openmetrics-text; version=1.0.0; charset=utf-8"},
        {"Accept": "text/html, Application/OpenMetrics-Text;q=0.5"},
        {"Accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7"},
        {"Accept": "text/plain;version=0.0.4;q=0.3"},
        *(
            {"User-Agent": agent, "Accept": "*/*"}
            for agent in (
                *("Telegraf/1.30.0 Go/1.22.0", "vm_promscrape", "vmagent/v1.100", "Prometheus/3.5.3", "prometheus"),
                *("otelcol-contrib/0.96.0 (linux/amd64)", "OpenTelemetry Collector Contrib/0.96.0"),
                *("GrafanaAgent/v0.40.2 (static; linux; binary)", "Grafana-Agent/1", "Alloy/v1.0.0 (linux; binary)"),
                *("Datadog Agent/7.50.0", "Elastic-Metricbeat/8.12.0", "Vector/0.35.0", "Fluent-Bit", "Netdata/1.44"),
            )
        ),
    ],
    ids=str,
)
def test_a_collector_is_known_by_what_it_says(met: Exporter, headers: dict[str, str]) -> None:
    """Also beside a Prometheus, or after one."""
    assert met.is_scrape(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        CURL,
        {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "Accept": "text/html,application/xml;q=0.9"},
        {"User-Agent": "Uptime-Kuma/1.23.11", "Accept": "text/html, */*"},
        {"User-Agent": "Blackbox Exporter/0.24.0"},
        {"User-Agent": "kube-probe/1.29"},
        {"User-Agent": "Grafana/11.0.0"},
        {"User-Agent": "python-requests/2.31.0", "Accept": "text/plain"},
    ],
    ids=str,
)
def test_somebody_who_just_looks_is_no_scrape(met: Exporter, headers: dict[str, str]) -> None:
    """A browser, an uptime checker, a script."""
    assert not met.is_scrape(headers)


def test_where_no_scrape_has_come_everybody_counts() -> None:
    """Or nothing would ever move for a collector that nobody here has heard of."""
    exporter = Exporter()

    assert [exporter.is_scrape(CURL) for _ in range(3)] == [True] * 3
    assert exporter.is_scrape(PROMETHEUS)
    assert not exporter.is_scrape(CURL)


def test_a_prometheus_that_stays_away_for_an_hour_is_forgotten(met: Exporter) -> None:
    """Whatever has taken its place counts, until it comes again."""
    met.now += FORGOTTEN_AFTER - 1
    assert not met.is_scrape(CURL)
    met.now += 1
    assert met.is_scrape(CURL)
    assert met.is_scrape(CURL)

    assert met.is_scrape(PROMETHEUS)
    assert not met.is_scrape(CURL)
