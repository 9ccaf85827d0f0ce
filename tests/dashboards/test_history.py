"""Every query of every dashboard, asked of a real Prometheus that holds two days of a bad rollout.

The numbers are held against what happened: the history counts its own events.
"""

from __future__ import annotations

import pytest

from tests.dashboards import grafana
from tests.dashboards.conftest import Stored
from tests.dashboards.grafana import View
from tests.dashboards.history import BAD, EVENTS, INSTANCES, NEWS, SHOP, STEP, TEST_EVENTS
from tests.support.monitoring import Sample

DASHBOARDS = grafana.load()
OVERVIEW, ROLLOUT, DOWNLOADS = (DASHBOARDS[f"live-updates-{name}"] for name in ("overview", "rollout", "downloads"))
HOURS = 12
EXTRAPOLATION = 1.1 * STEP / (HOURS * 3600)
"""increase() may exceed the truth by at most 1.1 scrape intervals over the length of the window."""

each = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)


def samples(stored: Stored, view: View, title: str, letter: str = "A") -> list[Sample]:
    """The answer to one query of the panel of that title."""
    panel = next(panel for panel in grafana.panels(view.dashboard) if panel["title"] == title)
    target = next(target for target in panel["targets"] if target["refId"] == letter)
    return [sample for sample in stored.answer(view, view.ask(panel, target)) if isinstance(sample, Sample)]


def value(stored: Stored, view: View, title: str, letter: str = "A") -> float:
    (sample,) = samples(stored, view, title, letter)
    return sample.value


def about(truth: float) -> object:
    """A count that is the truth, or as much above it as extrapolation explains; shares use the same bounds."""
    return pytest.approx(truth, rel=1.5 * EXTRAPOLATION, abs=0.5)


@each
def test_every_query_has_an_answer(stored: Stored, dashboard: grafana.Json) -> None:
    """No panel and no annotation is empty where there is data, for any variable as Grafana first chooses it."""
    view = stored.view(dashboard, HOURS, **({"app_id": SHOP} if dashboard is ROLLOUT else {}))
    empty = [ask.where for ask in view.asks() if not stored.answer(view, ask)]
    assert empty == []


@each
def test_no_answer_is_not_a_number(stored: Stored, dashboard: grafana.Json) -> None:
    """A division by nothing would show as NaN."""
    view = stored.view(dashboard, HOURS, **({"app_id": SHOP} if dashboard is ROLLOUT else {}))
    for ask in view.asks():
        for found in stored.answer(view, ask):
            numbers = [found.value] if isinstance(found, Sample) else [number for _, number in found.values]
            assert any(number == number for number in numbers), ask.where


@each
def test_every_variable_offers_something(stored: Stored, dashboard: grafana.Json) -> None:
    """And those that are chosen one by one begin with a bundle's name."""
    view = stored.view(dashboard, HOURS)
    for variable in grafana.variables(dashboard):
        if variable["type"] == "query":
            assert view.options(variable, view.variables), variable["name"]


def test_all_exporters_are_ours_and_no_other_target_of_the_same_prometheus(stored: Stored) -> None:
    """`up` and `process_*` are of every job there is; one scraped beside ours shows nowhere."""
    assert "node" in {sample.labels["job"] for sample in stored.prometheus.query("up", stored.history.end)}
    view = stored.view(DASHBOARDS["live-updates-exporter"], HOURS)
    strangers = [
        ask.where
        for ask in view.asks()
        for found in stored.answer(view, ask)
        if "database" in found.labels.get("instance", "")
    ]
    assert strangers == []
    assert {sample.labels["instance"] for sample in samples(stored, view, "Scraped")} == set(INSTANCES)


def test_versions_in_use_are_shares_of_their_own_app(stored: Stored) -> None:
    """Two apps whose users are all on one version each would else show two parts of one whole."""
    view = stored.view(OVERVIEW, HOURS)
    panel = next(panel for panel in grafana.panels(OVERVIEW) if panel["title"] == "Versions in use")
    totals: dict[str, float] = {}
    for sample in stored.prometheus.query(view.ask(panel, panel["targets"][0]).expr, view.end):
        totals[sample.labels["app_id"]] = totals.get(sample.labels["app_id"], 0) + sample.value
    assert totals == pytest.approx({SHOP: 1, NEWS: 1})


def test_rollout_opens_with_the_newest_version(stored: Stored) -> None:
    """1.4.2 comes before 1.4.1, and `unknown` is no version."""
    assert stored.view(ROLLOUT, HOURS, app_id=SHOP).variables["version"] == BAD
    assert stored.view(ROLLOUT, HOURS, app_id=NEWS).variables["version"] == "3.1.0"


def test_rollout_shows_the_share_of_failed_updates(stored: Stored) -> None:
    """Failures over attempts, of the version and of each of its platforms, equal what happened."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP, version=BAD)
    shares = {sample.labels["platform"]: sample.value for sample in samples(stored, view, "Failed updates by platform")}
    for platform in ("android", "ios"):
        assert shares[platform] == pytest.approx(_failed(stored, version=BAD, platform=platform), rel=0.001)
    assert value(stored, view, "Failed updates") == pytest.approx(_failed(stored, version=BAD), rel=0.001)
    assert value(stored, view, "Surely above") < value(stored, view, "Failed updates")
    assert value(stored, view, "Worse than baseline?") > 3


def _failed(stored: Stored, **labels: str) -> float:
    count = {action: _truth(stored, action, **labels) for action in ("set", "set_fail", "update_fail")}
    return (count["set_fail"] + count["update_fail"]) / (count["set"] + count["set_fail"])


def _truth(stored: Stored, action: str, family: str = EVENTS, app_id: str = SHOP, **labels: str) -> int:
    since = stored.history.end - HOURS * 3600
    return stored.history.count(since, action, family=family, app_id=app_id, **labels)


def test_a_client_that_says_set_at_each_launch_is_in_no_share_of_updates(stored: Stored) -> None:
    """It would drown the failures: the plugin's own platforms alone are the truth."""
    view = stored.view(OVERVIEW, HOURS, app_id=SHOP)
    mobile = {
        action: sum(_truth(stored, action, platform=platform) for platform in ("android", "ios"))
        for action in ("set", "set_fail", "update_fail")
    }
    attempts = mobile["set"] + mobile["set_fail"] - mobile["update_fail"]
    assert all(_truth(stored, "set", platform=platform) > 100 for platform in ("electron", "react-native"))
    failures = mobile["set_fail"] + mobile["update_fail"]
    assert value(stored, view, "Failed updates") == pytest.approx(failures / attempts, rel=0.001)
    assert value(stored, view, "Installs") == about(mobile["set"] - mobile["update_fail"])


def test_launches_of_each_other_client_are_shown_apart(stored: Stored) -> None:
    """In a table of their own, by platform."""
    view = stored.view(OVERVIEW, HOURS, app_id=SHOP)

    shown = {sample.labels["platform"]: sample.value for sample in samples(stored, view, "Electron and React Native")}

    truth = {platform: _truth(stored, "set", platform=platform) for platform in ("electron", "react-native")}
    assert shown == pytest.approx(truth, rel=0.02)  # one launch is eight of them, and the window cuts some off


def test_a_rollback_adds_an_attempt_to_the_version_before(stored: Stored) -> None:
    """The bias that remains: each rollback of the bad version is one more `set` of the one before it."""
    rollbacks = _truth(stored, "update_fail", version=BAD, platform="android")
    view = stored.view(OVERVIEW, HOURS, app_id=SHOP)
    lines = {
        (sample.labels["version"], sample.labels["platform"]): sample.value
        for sample in samples(stored, view, "Versions")
    }
    completed = _truth(stored, "download_complete", version="1.4.1", platform="android")
    failed = _truth(stored, "set_fail", version="1.4.1", platform="android")
    assert rollbacks > 20
    # Whoever downloads 1.4.1 sets it; what is shown above that came by rollbacks.
    assert lines["1.4.1", "android"] == about(completed - failed + rollbacks)


def test_downloads_that_are_shown_as_completed_are_those_that_completed(stored: Stored) -> None:
    """Completions are counted, starts come from the clients' own events, and the difference is what is missing."""
    view = stored.view(DOWNLOADS, HOURS, app_id=SHOP)
    started = sum(_mobile(stored, f"download_{way}_start") for way in ("zip", "manifest"))
    completed = _mobile(stored, "download_complete")
    assert value(stored, view, "Started") == about(started)
    assert value(stored, view, "Completed") == about(completed)
    assert value(stored, view, "Downloads finished") == pytest.approx(completed / started, rel=0.001)
    assert value(stored, view, "Not finished") == pytest.approx(started - completed, abs=1)


def _mobile(stored: Stored, action: str) -> int:
    return sum(_truth(stored, action, platform=platform) for platform in ("android", "ios"))


def test_the_funnel_shows_where_the_bad_bundle_breaks(stored: Stored) -> None:
    """On Android after the transfer, at 70 to 80; nowhere else, not on iOS, and not in the baseline."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP, version=BAD)
    android, ios, baseline = (
        [value(stored, view, f"Lost at each step {where}", chr(ord("A") + step)) for step in range(10)]
        for where in ("on Android", "on iOS", "in the baseline")
    )
    seventy = _truth(stored, "download_70", version=BAD, platform="android")
    eighty = _truth(stored, "download_80", version=BAD, platform="android")
    assert android[7] == pytest.approx(1 - eighty / seventy, abs=0.002)
    assert android[7] > 0.04
    assert max(android[:7] + android[8:]) < 0.025  # the usual losses, in part at steps that devices skip
    assert max(ios + baseline) < 0.02


def test_steps_that_ios_repeats_do_not_count_as_downloads(stored: Stored) -> None:
    """No step of iOS is shown as reached by more downloads than were started."""
    view = stored.view(DOWNLOADS, HOURS, app_id=SHOP, platform="ios", version=BAD)
    started = value(stored, view, "Started")
    repeated = _truth(stored, "download_20", version=BAD, platform="ios")
    manifests = _truth(stored, "download_manifest_start", version=BAD, platform="ios")
    assert repeated > 2 * manifests
    for letter in "ABCDEFGHIJK":
        assert value(stored, view, "How far downloads get", letter) <= started + 0.5


def test_test_devices_are_shown_apart(stored: Stored) -> None:
    """The switch shows the other family, in which a developer's failures stay."""
    view = stored.view(OVERVIEW, HOURS, events=TEST_EVENTS)
    installed = sum(
        _truth(stored, "set", family=TEST_EVENTS, platform=platform)
        - _truth(stored, "update_fail", family=TEST_EVENTS, platform=platform)
        for platform in ("android", "ios")
    )
    assert value(stored, view, "Installs") == about(installed)


def test_where_nothing_happened_the_answer_is_nought(stored: Stored) -> None:
    """A version without failures has failed in 0 % of its attempts, and a quiet app was installed 0 times."""
    healthy = stored.view(ROLLOUT, HOURS, app_id=SHOP, version="1.4.0", min_events="1")
    assert value(stored, healthy, "Failed updates") == pytest.approx(_failed(stored, version="1.4.0"), rel=0.001)
    nobody = stored.view(OVERVIEW, HOURS, app_id="com.example.nobody")
    assert value(stored, nobody, "Installs") == 0
    reached = [value(stored, nobody, "How far downloads get", letter) for letter in "ABCDEFGHIJK"]
    assert reached == [0] * 11


def test_a_share_of_few_events_is_not_shown(stored: Stored) -> None:
    """Below the minimum there is no answer, and the panel says that there are too few."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP, version=BAD, min_events="1000000")
    assert samples(stored, view, "Failed updates") == []
    panel = next(panel for panel in grafana.panels(ROLLOUT) if panel["title"] == "Failed updates")
    assert panel["fieldConfig"]["defaults"]["noValue"] == "Too few"


def test_the_annotation_marks_when_a_version_was_first_seen(stored: Stored) -> None:
    """Its value is the time in milliseconds, the earliest of all platforms and exporters."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP)
    (note,) = [note for note in ROLLOUT["annotations"]["list"] if "expr" in note]
    assert note["useValueForTime"] is True
    found = stored.prometheus.query(view.fill(note["expr"], 60), stored.history.end)
    times = {sample.labels["version"]: sample.value for sample in found}
    first = min(
        changes[0][0] for key, changes in stored.history.counts.items() if (key.family, key.version) == (EVENTS, BAD)
    )
    assert times[BAD] == first * 1000
