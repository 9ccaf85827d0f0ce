"""The biases that the documentation owns up to, as large as it says: a fleet's own account against the panels.

Half of the updates to a version are rolled back, in front of the real exporter and a real Prometheus.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from dashboards.generator.formulas import Events
from dashboards.generator.selectors import EVENTS
from tests.dashboards import grafana
from tests.dashboards.conftest import answer, label_values
from tests.dashboards.grafana import View
from tests.support.fleet import FLEET_SECONDS, Fleet
from tests.support.harness import Exporter, wait_until
from tests.support.monitoring import PROMETHEUS_3, Prometheus, Sample

JOB = "capgo-exporter"
APP, BEFORE, BAD = "com.example.shop", "1.2.3", "1.2.4"
FLEET = {
    "devices": "3000",
    "rate": "1500",
    "duration": "300s",
    "base_failure": "0.1",
    "fail": "android:update_fail=0.5,ios:update_fail=0.5",
}
SCRAPES = 30
FAILURES = 5
"""Of each platform's installs of the version before, and how many scrapes saw the fleet: it goes on until then, as
what it gets done in a time is the machine's affair.
"""
TOLERANCE = 0.04
"""Series live for thirty scrapes and more: increase() may exceed a count by a thirtieth."""

DASHBOARDS = grafana.load()
both_platforms = pytest.mark.parametrize("platform", ["android", "ios"])


class Seen(NamedTuple):
    """What Prometheus holds of a bad rollout, and the fleet's account of it."""

    prometheus: Prometheus
    rows: list[dict[str, Any]]
    end: float

    def failed(self, version: str, platform: str) -> float:
        """The failed share that Overview shows."""

        def values(selector: str, label: str) -> list[str]:
            return label_values(self.prometheus, selector, label, self.end - 3600, self.end)

        dashboard = DASHBOARDS["live-updates-overview"]
        view = View(dashboard, self.end - 3600, self.end, values, 1, {"app_id": APP})
        panel = next(panel for panel in grafana.panels(dashboard) if panel["title"] == "Versions")
        headings = grafana.headings(panel)
        target = next(target for target in panel["targets"] if headings[target["refId"]] == "Updates failed")
        shown = answer(self.prometheus, view, view.ask(panel, target))
        wanted = {"version": version, "platform": platform}
        (sample,) = [sample for sample in shown if wanted.items() <= sample.labels.items()]
        assert isinstance(sample, Sample)
        return sample.value

    def sent(self, *actions: str, number: str = "acknowledged", **labels: str) -> int:
        """Events of production phones, by what became of them."""
        return sum(
            row.get(number, 0)
            for row in self.rows
            if row["action"] in actions
            and row["platform"] in {"android", "ios"}
            and not row["test"]
            and labels.items() <= row.items()
        )


def enough(exporter: Exporter, prometheus: Prometheus) -> bool:
    scrape = exporter.scrape()

    def failed(platform: str) -> float:
        chosen = {"app_id": APP, "version": BEFORE, "platform": platform}
        return sum(scrape.total(EVENTS, action=action, **chosen) for action in ("set_fail", "update_fail"))

    scrapes = prometheus.value(f'count_over_time(up{{job="{JOB}"}}[1h])')
    return scrapes >= SCRAPES and min(failed("android"), failed("ios")) >= FAILURES


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    directory = tmp_path_factory.mktemp("biases")
    with ExitStack() as stack:
        exporter = stack.enter_context(Exporter(directory / "exporter", zero_hold="3s"))
        target = {JOB: exporter.metrics_address}
        prometheus = stack.enter_context(
            Prometheus(directory / "prometheus", target, binary=PROMETHEUS_3, interval="500ms")
        )
        prometheus.wait_scraped(JOB)
        fleet = stack.enter_context(Fleet(directory / "fleet", exporter.port, **FLEET))
        wait_until(lambda: enough(exporter, prometheus), "the fleet has failed often enough", FLEET_SECONDS)
        fleet.signal(signal.SIGTERM)
        rows = fleet.account()
        wait_until(
            lambda: exporter.scrape().value("capgo_exporter_ledger_events", state="held") == 0,
            "all series are released",
        )
        prometheus.wait_scraped(JOB)
        yield Seen(prometheus, rows, prometheus.value(f'timestamp(up{{job="{JOB}"}})'))


@both_platforms
def test_the_version_before_is_flattered_by_the_rollbacks_of_the_bad_one(seen: Seen, platform: str) -> None:
    """Each puts it in place again with a `set`, which is no attempt; without these its failed share is the true one."""
    chosen = {"version": BEFORE, "platform": platform}
    failures = seen.sent("set_fail", "update_fail", **chosen)
    attempts = seen.sent("set", "set_fail", **chosen)
    restored = seen.sent("set", number="restored", **chosen)
    assert failures >= FAILURES
    assert restored > 20

    shown = seen.failed(BEFORE, platform)

    true = failures / (attempts - restored)
    assert shown < true * (1 - 2 * TOLERANCE)
    assert shown == pytest.approx(true * (attempts - restored) / attempts, rel=TOLERANCE)


@both_platforms
def test_the_bad_version_itself_is_not_flattered(seen: Seen, platform: str) -> None:
    """Nobody is put back to it, so its failed share is the true one."""
    chosen = {"version": BAD, "platform": platform}
    assert seen.sent("set", number="restored", **chosen) == 0

    shown = seen.failed(BAD, platform)

    failures = seen.sent("set_fail", "update_fail", **chosen)
    assert shown == pytest.approx(failures / seen.sent("set", "set_fail", **chosen), rel=TOLERANCE)


def test_the_attempts_of_an_app_are_low_by_the_rollbacks_to_the_bundle_it_came_with_alone(seen: Seen) -> None:
    """They take away a `set` for every rollback; one to the store's bundle has sent none."""
    rollbacks, restored = seen.sent("update_fail"), seen.sent("set", number="restored")
    true = seen.sent("set", "set_fail") - restored
    to_the_stores_bundle = rollbacks - restored
    assert to_the_stores_bundle > 10

    shown = seen.prometheus.value(Events(EVENTS, "1h", (f'app_id="{APP}"',)).app_attempts(), seen.end)

    assert shown == pytest.approx(true - to_the_stores_bundle, rel=TOLERANCE)
    assert shown + to_the_stores_bundle == pytest.approx(true, rel=TOLERANCE)
