"""A rollout as it happens: three simulated fleets, the real exporter, both Prometheus lines, real Alertmanagers.

One app rolls out a version whose updates fail on Android, another one that installs fine and is broken, on each
platform in its way, and a third a good one. All windows and durations of the rules are
a sixtieth of the real ones; the rules are otherwise the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dashboards.generator.__main__ import HOME, files
from dashboards.generator.timescale import Timescale
from tests.dashboards import grafana
from tests.dashboards.conftest import answer, label_values
from tests.dashboards.grafana import View
from tests.dashboards.programs import ALERTMANAGER, RELEASES
from tests.support.clock import awake
from tests.support.fleet import Fleet
from tests.support.harness import Exporter, wait_until
from tests.support.monitoring import Alertmanager, Prometheus, Sample

BAD, GOOD, HURT = "com.example.bad", "com.example.good", "com.example.hurt"
VERSION = "1.2.4"
JOB = "capgo-exporter"
DIVISOR = 60
SECONDS = 45
FAULTS = {"fail": "android:update_fail=0.2,android:unzip_fail=0.1", "stall": "android:80=0.4"}
AILMENTS = {
    "fault": "android:crash=0.15,android:slow_start=0.5,ios:white_screen=0.5,ios:script_errors=0.5",
    "base_failure": "0",
}
EXPECTED = {
    (BAD, "CapgoUpdatesFailing", "android"),
    (BAD, "CapgoDownloadsNotFinishing", "android"),
    (HURT, "CapgoVersionCrashesMore", "android"),
    (HURT, "CapgoVersionCrashing", "android"),
    (HURT, "CapgoStartsSlower", "android"),
    (HURT, "CapgoLaunchesNotReady", "ios"),
    (HURT, "CapgoScriptErrorsRising", "ios"),
}
"""All are about the version; as the rollout is over after a minute, others may follow or not."""
OF_HURT = {name for app_id, name, _ in EXPECTED if app_id == HURT} | {"CapgoVersionCrashesMore"}
"""What may fire of it: users also quit a white screen by force, which iOS takes for a crash."""
ON_A_SLOW_MACHINE = {"CapgoExporterDown", "CapgoCommitsSlow"}
"""With windows of seconds, these fire where a scrape waits for a processor or a commit for the disk."""
ON_A_MACHINE_THAT_STOOD_STILL = {"CapgoRequestsRefused"}
"""What waited for longer than a post may wait was rightly refused."""
UNANSWERED = {"Firing alerts, A", "Batches by the log store's reply, A"}
"""Rules of a sixtieth of the time have fired by then, or not; and there is no log store."""
FATAL = ("app_crash", "app_crash_native", "app_anr", "app_initialization_failure")
SURELY = "Surely at least × the others"
TOLERANCE = 0.05
"""Series live for some forty scrapes, so increase() may exceed a count by a fortieth or two, and a share by less."""

pytestmark = pytest.mark.timeout(600)  # the rollout takes a minute, on a busy machine more
DASHBOARDS = grafana.load()
SMALL, LARGE = {"devices": "400", "rate": "80"}, {"devices": "2000", "rate": "300"}
APPS = {BAD: FAULTS | SMALL, GOOD: LARGE, HURT: AILMENTS | LARGE}
"""What their fleets are told; alerts about health want hundreds of visits to compare with."""


class Monitor(NamedTuple):
    prometheus: Prometheus
    alertmanager: Alertmanager


class Rollout(NamedTuple):
    """What was seen of the rollout, and what the fleets say of it."""

    monitors: Mapping[str, Monitor]
    arrived: Mapping[str, list[dict[str, Any]]]
    """The alerts that each Alertmanager held when both that are expected had come."""
    start: float
    end: float
    rows: list[dict[str, Any]]
    health: list[dict[str, Any]]
    stood_still: float
    """Seconds in which the machine did."""

    def sent(self, action: str, **labels: str) -> int:
        """Events of production devices that the exporter acknowledged."""
        wanted = {"action": action, "test": False, **labels}
        return sum(row["acknowledged"] for row in self.rows if wanted.items() <= row.items())

    def rose(self, metric: str, **labels: str) -> int:
        """How far the counters of visits and launches should have risen."""
        wanted = {"metric": metric, **labels}
        return sum(row["acknowledged"] for row in self.health if wanted.items() <= row.items())

    def view(self, release: str, dashboard: grafana.Json, **chosen: str) -> View:
        prometheus = self.monitors[release].prometheus

        def values(selector: str, label: str) -> list[str]:
            return label_values(prometheus, selector, label, self.end - 3600, self.end)

        return View(dashboard, self.end - 3600, self.end, values, 1, chosen)


@pytest.fixture(scope="module")
def rollout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollout]:
    directory = tmp_path_factory.mktemp("live")
    rules = []
    for name, text in files(Timescale(DIVISOR)).items():
        if name.endswith(".rules.yml"):
            rules.append(directory / Path(name).name)
            rules[-1].write_text(text)
    with ExitStack() as stack:
        exporter = stack.enter_context(Exporter(directory / "exporter", zero_hold="3s"))
        monitors = {}
        for release in RELEASES:
            place = directory / release.name
            config = HOME / "alertmanager/alertmanager.yml"
            alertmanager = stack.enter_context(Alertmanager(place / "alertmanager", config, ALERTMANAGER))
            prometheus = Prometheus(
                place / "prometheus",
                {JOB: exporter.metrics_address},
                binary=release.prometheus,
                rules=rules,
                alertmanager=alertmanager.address,
            )
            monitors[release.name] = Monitor(stack.enter_context(prometheus), alertmanager)
        for monitor in monitors.values():
            monitor.prometheus.wait_scraped(JOB)
        began, began_awake = time.monotonic(), awake()
        start = max(monitor.prometheus.value(f'timestamp(up{{job="{JOB}"}})') for monitor in monitors.values())
        fleets = [
            stack.enter_context(
                Fleet(directory / app_id, exporter.port, app=app_id, duration=f"{SECONDS}s", seed=str(seed), **more)
            )
            for seed, (app_id, more) in enumerate(APPS.items(), start=1)
        ]
        rows, health = ([row for fleet in fleets for row in ask(fleet)] for ask in (Fleet.account, Fleet.health))
        arrived = {name: expected_alerts(monitor.alertmanager) for name, monitor in monitors.items()}
        for monitor in monitors.values():
            monitor.prometheus.wait_scraped(JOB)
        end = min(monitor.prometheus.value(f'timestamp(up{{job="{JOB}"}})') for monitor in monitors.values())
        stood_still = time.monotonic() - began - (awake() - began_awake)
        yield Rollout(monitors, arrived, start, end, rows, health, stood_still)


def expected_alerts(alertmanager: Alertmanager) -> list[dict[str, Any]]:
    """All its alerts, once those that are expected have arrived."""

    def missing() -> set[tuple[str, str, str]]:
        return EXPECTED - {who(alert["labels"]) for alert in alertmanager.alerts()}

    wait_until(lambda: not missing(), f"{sorted(EXPECTED)} arrive at Alertmanager")
    return alertmanager.alerts()


def who(labels: Mapping[str, str]) -> tuple[str, str, str]:
    """The app, the alert, and the platform that it is about."""
    return labels.get("app_id", ""), labels["alertname"], labels.get("platform", "")


on_both_lines = pytest.mark.parametrize("release", [release.name for release in RELEASES])


def table(
    rollout: Rollout, release: str, name: str, title: str, *labels: str, **chosen: str
) -> dict[tuple[str, ...], dict[str, float]]:
    """The lines of a table by their labels: what stands under each heading."""
    view = rollout.view(release, DASHBOARDS[f"live-updates-{name}"], **chosen)
    panel = next(panel for panel in grafana.panels(view.dashboard) if panel["title"] == title)
    headings = grafana.headings(panel)
    lines: dict[tuple[str, ...], dict[str, float]] = {}
    for target in panel["targets"]:
        for found in answer(rollout.monitors[release].prometheus, view, view.ask(panel, target)):
            assert isinstance(found, Sample)
            line = tuple(found.labels.get(label, "") for label in labels)
            lines.setdefault(line, {})[headings[target["refId"]]] = found.value
    return lines


@on_both_lines
@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_every_query_has_an_answer(rollout: Rollout, release: str, dashboard: grafana.Json) -> None:
    """All that the dashboards ask for is what the exporter shows."""
    apps = {"live-updates-rollout": {"app_id": BAD}, "live-updates-health": {"app_id": HURT}}
    chosen = {"min_events": "1"} | apps.get(dashboard["uid"], {})
    view = rollout.view(release, dashboard, **chosen)
    prometheus = rollout.monitors[release].prometheus
    empty = {ask.where for ask in view.asks() if not answer(prometheus, view, ask)}
    assert empty - UNANSWERED == set()


@on_both_lines
def test_the_share_of_failed_updates_is_the_fleets_own(rollout: Rollout, release: str) -> None:
    """Of the bad version on Android, where a fifth of the installs are rolled back."""
    chosen = {"app_id": BAD, "version": VERSION, "platform": "android"}
    failures = sum(rollout.sent(action, **chosen) for action in ("set_fail", "update_fail"))
    attempts = sum(rollout.sent(action, **chosen) for action in ("set", "set_fail"))
    lines = table(rollout, release, "overview", "Versions", "version", "platform", app_id=BAD)
    assert failures > 5
    assert lines[VERSION, "android"]["Attempts"] == pytest.approx(attempts, rel=TOLERANCE)
    assert lines[VERSION, "android"]["Updates failed"] == pytest.approx(failures / attempts, rel=TOLERANCE)


@on_both_lines
def test_installs_and_downloads_are_the_fleets_own(rollout: Rollout, release: str) -> None:
    """What was set and kept, and what completed, of each version and platform."""
    for app_id in (BAD, GOOD):
        downloads = table(
            rollout, release, "downloads", "Downloads by version and platform", "version", "platform", app_id=app_id
        )
        kept = table(rollout, release, "rollout", "How far attempts get", "platform", app_id=app_id, version=VERSION)
        for platform in ("android", "ios"):
            chosen = {"app_id": app_id, "platform": platform, "version": VERSION}
            completed = rollout.sent("download_complete", **chosen)
            assert downloads[VERSION, platform]["Completed"] == pytest.approx(completed, rel=TOLERANCE)
            installed = rollout.sent("set", **chosen) - rollout.sent("update_fail", **chosen)
            assert kept[(platform,)]["Kept"] == pytest.approx(installed, rel=TOLERANCE)


@on_both_lines
def test_the_overview_names_the_version_and_the_platform_at_fault(rollout: Rollout, release: str) -> None:
    """The line that an engineer reads first."""
    lines = table(rollout, release, "overview", "Surely worst", "kind", "app_id", "version", "platform")
    for kind in ("Updates failed", "Downloads lost"):
        judged = [line for line, cells in lines.items() if "Verdict" in cells]
        (worst,) = [line for line in judged if (line[0], line[-1]) == (kind, "android")]
        assert worst == (kind, BAD, VERSION, "android")
        assert lines[worst]["Verdict"] > 1.5


@on_both_lines
def test_the_phases_show_that_downloads_stop_while_they_are_unpacked(rollout: Rollout, release: str) -> None:
    """The fault lies between 70 and 90 on Android, and that phase loses more than any other."""
    phases = table(
        rollout, release, "rollout", "Where downloads stop", "phase", app_id=BAD, version=VERSION, min_events="10"
    )
    lost = {phase: cells["share"] for (phase,), cells in phases.items() if "–" in phase}
    assert max(lost, key=lambda phase: lost[phase]) == "70–90 % unpacking"
    assert lost["70–90 % unpacking"] > 0.2
    assert phases[("70–90 % unpacking",)]["share "] < 0.1  # on iOS


@on_both_lines
def test_health_tells_what_ails_which_platform(rollout: Rollout, release: str) -> None:
    """The version that installs fine, in each of four ways, and in the good app nothing."""
    title, labels = "Worse than the other versions", ("version", "platform", "what")
    lines = table(rollout, release, "health", title, *labels, app_id=HURT)
    bad = {line for line, cells in lines.items() if cells.get(SURELY, 0) > 1.5}
    assert bad >= {
        (VERSION, "android", "Crashes, of visits that tell"),
        (VERSION, "android", "Slow starts (over 5 s), of those ready"),
        (VERSION, "ios", "Never ready (white screen), of launches"),
        (VERSION, "ios", "Script errors, of visits that tell"),
    }
    assert {(version, platform, what) for version, platform, what in bad if version != VERSION} == set()
    assert {what for _, platform, what in bad if platform == "android"} == {
        "Crashes, of visits that tell",
        "Slow starts (over 5 s), of those ready",
    }
    good = table(rollout, release, "health", title, *labels, app_id=GOOD)
    assert len(good) > 5
    assert all(cells.get(SURELY, 0) < 1.5 for cells in good.values())


@on_both_lines
def test_what_health_counts_is_the_fleets_own(rollout: Rollout, release: str) -> None:
    """Crashes of visits that would tell, launches begun and ready, and those that took long; no update failed."""
    labels = ("version", "platform", "what")
    for app_id in (HURT, GOOD):
        lines = table(rollout, release, "health", "Worse than the other versions", *labels, app_id=app_id)
        up = table(rollout, release, "health", "From install to ready", "platform", app_id=app_id, version=VERSION)
        told = table(rollout, release, "health", "Who can report", "version", "platform", app_id=app_id)
        for platform in ("android", "ios"):
            chosen = {"app_id": app_id, "platform": platform, "version": VERSION}
            launched, ready = (rollout.sent(f"app_launch_{step}", **chosen) for step in ("start", "ready"))
            assert up[(platform,)]["Launched"] == about(launched)
            assert up[(platform,)]["Ready"] == about(ready)
            able = rollout.rose("capgo_visits_total", reports="crashes", **chosen)
            crashed = sum(rollout.sent(action, **chosen) for action in FATAL)
            crashes = lines[VERSION, platform, "Crashes, of visits that tell"]
            assert (crashes["Events"], crashes["Of"]) == (about(crashed), about(able))
            slow = lines[VERSION, platform, "Slow starts (over 5 s), of those ready"]
            timed = rollout.rose("capgo_launch_seconds_count", **chosen)
            assert slow["Of"] == about(timed)
            assert slow["Events"] == about(timed - rollout.rose("capgo_launch_seconds_bucket", le="5.0", **chosen))
            share = able / rollout.rose("capgo_visits_total", **chosen)
            assert told[VERSION, platform]["Crashes, errors"] == pytest.approx(share, rel=TOLERANCE)
    versions = table(rollout, release, "overview", "Versions", "version", "platform", app_id=HURT)
    assert {cells["Updates failed"] for cells in versions.values() if "Updates failed" in cells} == {0}


def about(truth: float) -> object:
    """A count, as near as extrapolation comes."""
    return pytest.approx(truth, rel=TOLERANCE, abs=0.5)


@on_both_lines
def test_alerts_reach_alertmanager_for_the_bad_rollout(rollout: Rollout, release: str) -> None:
    """And for the one that installs fine: each names the version, and leads to it in the dashboard."""
    about_the_version = [alert for alert in rollout.arrived[release] if who(alert["labels"]) in EXPECTED]
    assert len(about_the_version) == len(EXPECTED)
    for alert in about_the_version:
        labels = alert["labels"]
        assert labels["version"] == VERSION
        assert f"var-app_id={labels['app_id']}&var-version={VERSION}" in alert["annotations"]["dashboard"]
        assert ("/d/live-updates-health" in alert["annotations"]["dashboard"]) == (labels["app_id"] == HURT)


@on_both_lines
def test_no_alert_ever_fired_for_the_good_rollout_or_for_the_exporter(rollout: Rollout, release: str) -> None:
    """From the start to the end, what Prometheus stored of alerts is about the bad apps, unless the machine is slow.

    No update of the one that installs fine is told to fail; it is the fleet's largest, and as large is the good one.
    """
    fired = rollout.monitors[release].prometheus.query_range(
        'ALERTS{alertstate="firing"}', rollout.start, rollout.end, 1
    )
    alerts = {(series.labels["alertname"], series.labels.get("app_id")) for series in fired}
    assert {app_id for _, app_id in alerts} >= {BAD, HURT}
    excused = ON_A_SLOW_MACHINE | (ON_A_MACHINE_THAT_STOOD_STILL if rollout.stood_still > 1 else set())
    assert {name for name, app_id in alerts if app_id == HURT} <= OF_HURT
    assert {alert for alert in alerts if alert[1] not in {BAD, HURT}} <= {(name, None) for name in excused}
