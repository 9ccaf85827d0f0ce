"""Every query of every dashboard, asked of a real Prometheus that holds two days of four rollouts.

The numbers are held against what happened: the history knows each phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.generator.alerts import groups
from dashboards.generator.recordings import recordings
from dashboards.generator.timescale import Timescale
from tests.dashboards import grafana
from tests.dashboards.conftest import Stored
from tests.dashboards.grafana import View
from tests.dashboards.history import (
    DEVICES,
    EVENTS,
    INSTANCES,
    ROLLOUT_DEVICES,
    STAGES,
    STEP,
    TEST_EVENTS,
    VISITS,
    WINDOWS,
)
from tests.dashboards.phones import OTHER_CLIENTS
from tests.dashboards.programs import RELEASES
from tests.dashboards.scenarios import BAD, CHAT, FIRING, MAPS, NEWS, SHOP
from tests.support.monitoring import Sample

DASHBOARDS = grafana.load()
OVERVIEW, ROLLOUT, DOWNLOADS, EXPORTER = (
    DASHBOARDS[f"live-updates-{name}"] for name in ("overview", "rollout", "downloads", "exporter")
)
HOURS = 12
EXTRAPOLATION = 1.1 * STEP / (HOURS * 3600)
"""increase() may exceed the truth by at most 1.1 scrape intervals over the length of the window."""
PHONES = ("android", "ios")
LINE = ("version", "platform")
NEWEST = {SHOP: BAD, NEWS: "3.1.0", CHAT: "2.7.0", MAPS: "5.2.0"}

each = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)


def panel_of(view: View, title: str) -> dict[str, Any]:
    return next(panel for panel in grafana.panels(view.dashboard) if panel["title"] == title)


def samples(stored: Stored, view: View, title: str, letter: str = "A") -> list[Sample]:
    """The answer to one query of the panel of that title."""
    panel = panel_of(view, title)
    target = next(target for target in panel["targets"] if target["refId"] == letter)
    return [sample for sample in stored.answer(view, view.ask(panel, target)) if isinstance(sample, Sample)]


def table(stored: Stored, view: View, title: str, *labels: str) -> dict[tuple[str, ...], dict[str, float]]:
    """The lines of a table by their labels: what stands under each heading, of several answers the largest."""
    lines: dict[tuple[str, ...], dict[str, float]] = {}
    for letter, heading in grafana.headings(panel_of(view, title)).items():
        for sample in samples(stored, view, title, letter):
            line = tuple(sample.labels.get(label, "") for label in labels)
            cells = lines.setdefault(line, {})
            cells[heading] = max(cells.get(heading, sample.value), sample.value)
    return lines


def about(truth: float) -> object:
    """A count that is the truth, or as much above it as extrapolation explains; shares use the same bounds."""
    return pytest.approx(truth, rel=1.5 * EXTRAPOLATION, abs=0.5)


def truth(stored: Stored, value: str, *, family: str = EVENTS, app_id: str = SHOP, **labels: str) -> int:
    """How often something happened within the time range."""
    since = stored.history.end - HOURS * 3600
    return stored.history.count(since, value, family=family, app_id=app_id, **labels)


def for_one_app(dashboard: grafana.Json) -> dict[str, str]:
    """Rollout opens with the first app; the tests are about the shop."""
    return {"app_id": SHOP} if dashboard is ROLLOUT else {}


@each
def test_every_query_has_an_answer(stored: Stored, dashboard: grafana.Json) -> None:
    """No panel and no annotation is empty where there is data, for any variable as Grafana first chooses it."""
    view = stored.view(dashboard, HOURS, **for_one_app(dashboard))
    empty = [ask.where for ask in view.asks() if not stored.answer(view, ask)]
    assert empty == []


@each
def test_no_answer_is_not_a_number(stored: Stored, dashboard: grafana.Json) -> None:
    """A division by nothing would show as NaN."""
    view = stored.view(dashboard, HOURS, **for_one_app(dashboard))
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
    view = stored.view(EXPORTER, HOURS)
    strangers = [
        ask.where
        for ask in view.asks()
        for found in stored.answer(view, ask)
        if "database" in found.labels.get("instance", "")
    ]
    assert strangers == []
    assert set(table(stored, view, "Exporters", "instance")) == {(instance,) for instance in INSTANCES}
    (not_ready,) = samples(stored, view, "Ready")
    assert not_ready.value == 0


@pytest.mark.parametrize(("app_id", "version"), NEWEST.items())
def test_rollout_opens_with_the_newest_version(stored: Stored, app_id: str, version: str) -> None:
    """1.4.2 comes before 1.4.1, and `unknown` is no version."""
    assert stored.view(ROLLOUT, HOURS, app_id=app_id).variables["version"] == version


def test_a_table_shows_the_share_of_failed_updates(stored: Stored) -> None:
    """Failures over attempts, of each version and platform, equal what happened."""
    lines = table(stored, stored.view(OVERVIEW, HOURS, app_id=SHOP), "Versions", *LINE)
    for version in (BAD, "1.4.1"):
        for platform in PHONES:
            shown = lines[version, platform]
            happened = {action: truth(stored, action, version=version, platform=platform) for action in _OUTCOMES}
            attempts = happened["set"] + happened["set_fail"]
            assert shown["Attempts"] == about(attempts)
            failed = (happened["set_fail"] + happened["update_fail"]) / attempts
            assert shown["Updates failed"] == pytest.approx(failed, rel=1.5 * EXTRAPOLATION)


_OUTCOMES = ("set", "set_fail", "update_fail")


def test_devices_are_counted_once_each(stored: Stored) -> None:
    """Those that run a version, those on which it failed, and those heard from, are the history's own."""
    view = stored.view(OVERVIEW, HOURS, app_id=SHOP)
    lines = table(stored, view, "Versions", *LINE)
    for platform in PHONES:
        wanted = {"app_id": SHOP, "version": BAD, "platform": platform}
        shown = lines[BAD, platform]
        assert shown["Devices"] == stored.history.now("1d", family=DEVICES, **wanted)
        assert shown["any failure"] == stored.history.now("failed", family=ROLLOUT_DEVICES, **wanted)
    for letter, window in zip("ABC", WINDOWS, strict=True):
        (active,) = samples(stored, view, "Active devices", letter)
        assert active.value == stored.history.now(window, family=DEVICES, app_id=SHOP)


def test_rollout_says_where_its_devices_stand(stored: Stored) -> None:
    """Installed, failed, on the way: each of the devices that tried the version is at one of them."""
    lines = table(stored, stored.view(ROLLOUT, HOURS, app_id=SHOP), "Where its devices stand now", "platform")
    for platform in PHONES:
        shown = lines[(platform,)]
        wanted = {"family": ROLLOUT_DEVICES, "app_id": SHOP, "version": BAD, "platform": platform}
        for heading, stage in (("Installed", "installed"), ("Any failure", "failed")):
            assert shown[heading] == stored.history.now(stage, **wanted)
        assert shown["Tried it"] == shown["Installed"] + shown["Any failure"] + shown["Pending"]


def test_rollout_shows_how_far_devices_get(stored: Stored) -> None:
    """Each step is what the history's own phones reached, and less than the one before; what is kept is still there."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP)
    shown = table(stored, view, "How far devices get", "platform")[("android",)]
    wanted = {"family": STAGES, "version": BAD, "platform": "android"}
    reached = [truth(stored, stage, **wanted) for stage in ("downloading", "downloaded", "installed")]
    assert [shown[step] for step in ("Started", "Downloaded", "Set")] == [about(count) for count in reached]
    assert reached == sorted(reached, reverse=True)
    rolled_back = truth(stored, "update_fail", version=BAD, platform="android")
    assert shown["Kept"] == about(reached[-1] - rolled_back)
    assert shown["Kept"] == about(stored.history.now("installed", **(wanted | {"family": ROLLOUT_DEVICES})))
    assert shown["of set"] == pytest.approx((reached[-1] - rolled_back) / reached[-1], rel=0.002)


def test_what_is_shown_twice_is_the_same(stored: Stored) -> None:
    """A sum has one value, whichever panel and dashboard shows it."""
    overview = table(stored, stored.view(OVERVIEW, HOURS, app_id=SHOP), "Versions", *LINE)
    downloads = table(stored, stored.view(DOWNLOADS, HOURS, app_id=SHOP), "Downloads by version and platform", *LINE)
    rollout = stored.view(ROLLOUT, HOURS, app_id=SHOP)
    phases = table(stored, rollout, "Where downloads stop", "phase")
    attempts = table(stored, rollout, "How far attempts get", "platform")
    stand = table(stored, rollout, "Where its devices stand now", "platform")
    for platform, name in (("android", "Android"), ("ios", "iOS")):
        line = overview[BAD, platform]
        started = [line["Started"], downloads[BAD, platform]["Started"], phases[("0 % started",)][name]]
        assert [*started, attempts[(platform,)]["Started"]] == [pytest.approx(line["Started"])] * 4
        for short in ("0–70 %", "70–90 %", "90–100 %"):
            (whole,) = [cells[name] for (phase,), cells in phases.items() if phase.startswith(short)]
            assert line[short] == downloads[BAD, platform][short] == pytest.approx(whole)
        assert line["any failure"] == stand[(platform,)]["Any failure"]


def test_what_is_lost_adds_up_to_what_did_not_complete(stored: Stored) -> None:
    """Started, less what stopped in each phase, is completed, for every version and platform."""
    lines = table(stored, stored.view(DOWNLOADS, HOURS, app_id=SHOP), "Downloads by version and platform", *LINE)
    assert len(lines) > 3
    for cells in lines.values():
        if "Started" in cells:
            lost = sum(cells[short] for short in ("0–70 %", "70–90 %", "90–100 %"))
            assert cells["Started"] - lost == pytest.approx(cells["Completed"], abs=0.01)
            assert min(cells.values()) >= 0


def test_downloads_that_are_shown_are_those_that_happened(stored: Stored) -> None:
    """Completions are counted. Starts are told by clients of all ages: as many as began, but for a few in a hundred."""
    lines = table(stored, stored.view(DOWNLOADS, HOURS, app_id=SHOP), "Downloads by version and platform", *LINE)
    for platform in PHONES:
        cells = lines[BAD, platform]
        completed = truth(stored, "download_complete", version=BAD, platform=platform)
        devices = truth(stored, "downloading", family=STAGES, version=BAD, platform=platform)
        assert cells["Completed"] == about(completed)
        assert devices <= cells["Started"] < 1.08 * devices  # some try again
        assert cells["Devices"] == about(devices)


def test_the_phases_show_where_the_bad_bundle_breaks(stored: Stored) -> None:
    """On Android after the transfer, as often as Android said so; nowhere else, not on iOS, and not usually."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP)
    cells = table(stored, view, "Where downloads stop", "phase")
    broken = truth(stored, "finish_download_fail", version=BAD, platform="android")
    assert cells[("70–90 % unpacking",)]["Android"] == about(broken)
    assert broken > 30
    for phase in ("0–70 % network", "70–90 % unpacking", "90–100 % finishing"):
        assert all(cells[(phase,)][heading] < 0.025 for heading in ("usual", "share ", "usual "))
    assert cells[("0–70 % network",)]["share"] < 0.025
    assert cells[("70–90 % unpacking",)]["share"] > 0.04


def test_the_steps_of_android_are_a_part_of_its_phases_each(stored: Stored) -> None:
    """Added up they are what the phases lost; what breaks while it is unpacked shows between 70 and 80."""
    view = stored.view(DOWNLOADS, HOURS, app_id=SHOP, version=BAD, platform="android")
    steps = [
        samples(stored, view, "Lost at each step on Android, all versions", letter)[0].value for letter in "ABCDEFGHIJ"
    ]
    cells = table(stored, view, "Downloads by version and platform", *LINE)[BAD, "android"]
    assert sum(steps[:7]) == pytest.approx(cells["0–70 %"], abs=0.01)
    assert sum(steps[7:9]) == pytest.approx(cells["70–90 %"], abs=0.01)
    assert steps[7] == max(steps)


def test_steps_that_ios_repeats_do_not_count_as_downloads(stored: Stored) -> None:
    """Files of a manifest each report the steps from 10 to 60 again."""
    repeated = truth(stored, "download_50", version=BAD, platform="ios")
    repeated += truth(stored, "download_20", version=BAD, platform="ios")
    cells = table(stored, stored.view(ROLLOUT, HOURS, app_id=SHOP), "Where downloads stop", "phase")
    assert repeated > 300
    assert cells[("0 % started",)]["iOS"] < 1.08 * truth(
        stored, "downloading", family=STAGES, version=BAD, platform="ios"
    )


def test_downloads_that_stall_where_the_plugin_is_old_are_told_from_the_others(stored: Stored) -> None:
    """On both platforms; newer plugins' transfers of the same version arrive."""
    view = stored.view(DOWNLOADS, HOURS, app_id=MAPS)
    lines = table(stored, view, "Lost in the network, by plugin and kind", "version", "platform", "way")
    for platform in PHONES:
        assert lines["5.2.0", platform, "older"]["at least"] > 0.7
        for way in ("newer (zip)", "newer (files)"):
            assert lines["5.2.0", platform, way]["Lost"] < 0.05
    assert all(cells["at least"] < 0.1 for line, cells in lines.items() if line[0] != "5.2.0")


@pytest.mark.parametrize("platform", OTHER_CLIENTS)
def test_a_client_that_says_set_at_each_launch_is_in_no_share_of_updates(stored: Stored, platform: str) -> None:
    """It would drown the failures. As a device it counts like any other, and its launches are shown apart."""
    assert truth(stored, "set", platform=platform) > 100
    view = stored.view(OVERVIEW, HOURS, app_id=SHOP)
    assert (BAD, platform) not in table(stored, view, "Versions", *LINE)
    shown = table(stored, view, "Clients that set at each launch", *LINE)[BAD, platform]
    assert shown["Devices"] == stored.history.now("1d", family=DEVICES, app_id=SHOP, version=BAD, platform=platform)
    assert shown["Launches"] == about(truth(stored, "set", version=BAD, platform=platform))


def test_a_rollback_adds_an_attempt_to_the_version_before(stored: Stored) -> None:
    """The bias that remains: each rollback of the bad version is one more `set` of the one before it."""
    rollbacks = sum(truth(stored, "update_fail", version=version, platform="android") for version in (BAD, "1.4.1"))
    lines = table(stored, stored.view(OVERVIEW, HOURS, app_id=SHOP), "Versions", *LINE)
    assert rollbacks > 20
    # Whoever downloads an older version sets it; what is shown above that came by rollbacks.
    older = [lines[version, "android"]["Attempts"] for version in ("1.4.1", "1.4.0")]
    completed = sum(
        truth(stored, "download_complete", version=version, platform="android") for version in ("1.4.1", "1.4.0")
    )
    assert sum(older) == about(completed + rollbacks)


KINDS = {"Updates failed", "Downloads lost", "Crashes", "Never ready", "Slow starts", "Script errors"}


def worst(stored: Stored, app_id: str) -> dict[tuple[str, str], tuple[str, float]]:
    """Version and verdict (above 1.5 it is bad) of each kind of trouble on each platform, of one app one of each."""
    lines = table(stored, stored.view(OVERVIEW, HOURS, app_id=app_id), "Surely worst", "kind", *LINE)
    judged = [(line, cells["Verdict"]) for line, cells in lines.items() if "Verdict" in cells]
    found = {(kind, platform): (version, verdict) for (kind, version, platform), verdict in judged}
    assert len(judged) == len(found)
    assert all(cells["at least"] <= cells["Share"] for cells in lines.values() if "Verdict" in cells)
    assert set(found) == {(kind, platform) for kind in KINDS for platform in PHONES}
    return found


def bad(stored: Stored, app_id: str) -> dict[tuple[str, str], str]:
    """Kinds and platforms of what is bad, and in which version."""
    return {where: version for where, (version, verdict) in worst(stored, app_id).items() if verdict > 1.5}


def verdicts(stored: Stored, app_id: str) -> set[tuple[str, str]]:
    """Platform and kind of what Rollout says is worse than the baseline."""
    lines = table(stored, stored.view(ROLLOUT, HOURS, app_id=app_id), "Worse than the baseline?", "platform")
    assert set(lines) == {("android",), ("ios",)}
    assert all(len(cells) == 5 for cells in lines.values())
    return {(line[0], kind) for line, cells in lines.items() for kind, times in cells.items() if times > 1.5}


def test_the_good_rollout_is_called_fine(stored: Stored) -> None:
    """No kind of trouble is bad, on no platform."""
    assert all(times < 1 for _, times in worst(stored, NEWS).values())
    assert verdicts(stored, NEWS) == set()


def test_the_version_that_fails_on_one_platform_is_named_with_it(stored: Stored) -> None:
    """Its updates fail, and its downloads break; nothing is said of iOS, and it does not crash."""
    assert bad(stored, SHOP) == {("Updates failed", "android"): BAD, ("Downloads lost", "android"): BAD}
    assert verdicts(stored, SHOP) == {("android", "Updates"), ("android", "Downloads")}


def test_the_version_that_installs_fine_and_crashes_is_named_for_that_alone(stored: Stored) -> None:
    """Its updates and downloads are as usual."""
    assert bad(stored, CHAT) == {("Crashes", "android"): "2.7.0"}
    assert worst(stored, CHAT)["Crashes", "android"][1] > 3
    assert verdicts(stored, CHAT) == {("android", "Crashes")}


def test_downloads_that_stall_are_bad_on_both_platforms_and_updates_are_not(stored: Stored) -> None:
    """The phones that have them stand at the download."""
    assert bad(stored, MAPS) == {("Downloads lost", platform): "5.2.0" for platform in PHONES}
    assert verdicts(stored, MAPS) == {("android", "Downloads"), ("ios", "Downloads")}
    lines = table(stored, stored.view(ROLLOUT, HOURS, app_id=MAPS), "Where its devices stand now", "platform")
    assert lines[("android",)]["Pending"] > 50


@pytest.mark.parametrize("app_id", NEWEST)
def test_a_version_is_as_bad_as_what_it_is_worst_in_and_says_what_that_is(stored: Stored, app_id: str) -> None:
    """The table of all versions has no verdict of its own: what is bad in that of the worst is so there, by name."""
    view = stored.view(OVERVIEW, HOURS, app_id=app_id)
    first: dict[tuple[str, ...], set[str]] = {}
    for (kind, *line), cells in table(stored, view, "Surely worst", "kind", *LINE).items():
        if cells.get("Verdict", 0) > 1.5:
            first.setdefault(tuple(line), set()).add(REASONS[kind])
    panel = panel_of(view, "Versions")
    assert panel["options"]["sortBy"] == [{"displayName": "Verdict", "desc": True}]
    lines = table(stored, view, "Versions", *LINE)
    judged = {line: cells["Verdict"] for line, cells in lines.items() if "Verdict" in cells}
    told = {line: in_words(panel, verdict) for line, verdict in judged.items()}
    assert {line for line, words in told.items() if words.startswith("bad")} == set(first)
    assert all(told[line].removeprefix("bad: ") in reasons for line, reasons in first.items())


REASONS = {
    "Updates failed": "updates",
    "Downloads lost": "downloads",
    "Crashes": "crashes",
    "Never ready": "never ready",
    "Slow starts": "slow",
    "Script errors": "errors",
}


def in_words(panel: dict[str, Any], verdict: float) -> str:
    """What the table's cell shows for a verdict."""
    overrides = panel["fieldConfig"]["overrides"]
    (looks,) = [override["properties"] for override in overrides if override["matcher"]["options"] == "Verdict"]
    (mappings,) = [look["value"] for look in looks if look["id"] == "mappings"]
    for mapping in mappings:
        options = mapping["options"]
        if mapping["type"] == "value" and f"{verdict:g}" in options:
            return str(options[f"{verdict:g}"]["text"])
        if mapping["type"] == "range" and (options["from"] or 0) <= verdict <= options["to"]:
            return str(options["result"]["text"])
    raise AssertionError(verdict)


def test_rollout_says_how_a_version_does_once_it_is_installed(stored: Stored) -> None:
    """Visits and how many of them crashed, launches and what became of them, beside what is usual."""
    view = stored.view(ROLLOUT, HOURS, app_id=CHAT)
    shown = table(stored, view, "Once it is installed", "platform")[("android",)]
    wanted = {"app_id": CHAT, "version": "2.7.0", "platform": "android"}
    crashed = sum(truth(stored, action, **wanted) for action in ("app_crash", "app_crash_native", "app_anr"))
    visits = truth(stored, "crashes", family=VISITS, **wanted)
    assert (shown["Visits that tell"], shown["Crashes"]) == (about(visits), about(crashed))
    assert shown["share"] == pytest.approx(crashed / visits, rel=0.005)
    assert shown["share"] > 10 * shown["usual"]
    assert shown["Launches"] == about(truth(stored, "app_launch_start", **wanted))
    assert shown["Came up"] == about(truth(stored, "app_launch_ready", **wanted))
    assert shown["Slow"] / shown["Came up"] == pytest.approx(shown["share  "])


def test_the_failure_rate_by_devices_is_free_of_retries(stored: Stored) -> None:
    """Of the devices on which it failed or was installed, each once; that by attempts is what other panels show."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP)
    shown = table(stored, view, "Failure rate, by", "platform")
    overview = table(stored, stored.view(OVERVIEW, HOURS, app_id=SHOP), "Versions", *LINE)
    assert set(shown) == {(platform,) for platform in PHONES}
    for platform in PHONES:
        wanted = {"family": STAGES, "version": BAD, "platform": platform}
        failed, installed = (truth(stored, stage, **wanted) for stage in ("failed", "installed"))
        assert shown[(platform,)]["Device"] == pytest.approx(failed / (failed + installed), rel=0.005)
        assert shown[(platform,)]["Attempt"] == pytest.approx(overview[BAD, platform]["Updates failed"])
        rates = (("Devices failed", "of devices", "Device"), ("Updates failed", "of attempts", "Attempt"))
        for part, whole, rate in rates:
            assert shown[(platform,)][part] / shown[(platform,)][whole] == pytest.approx(shown[(platform,)][rate])


def test_crashes_are_of_visits_that_would_tell_of_one(stored: Stored) -> None:
    """Old plugins visit and never tell; their visits are not in the whole."""
    view = stored.view(OVERVIEW, HOURS, app_id=CHAT)
    shown = table(stored, view, "Surely worst", "kind", *LINE)["Crashes", "2.7.0", "android"]["of"]
    wanted = {"app_id": CHAT, "version": "2.7.0", "platform": "android"}
    every = truth(stored, "app_moved_to_foreground", **wanted)
    assert shown == about(truth(stored, "crashes", family=VISITS, **wanted))
    assert shown < 0.95 * every


@pytest.mark.parametrize("stored", RELEASES, ids=[release.name for release in RELEASES], indirect=True)
def test_the_sample_data_shows_the_alerts_that_the_rules_make_of_it(stored: Stored) -> None:
    """Each alert's own expression, with what recording rules would have written put in its place.

    VictoriaMetrics takes no query as long as that.
    """
    written = {recording.record: recording.expr for recording in recordings(Timescale())}
    fired = [
        {"alertname": alert.name, "severity": alert.severity, **sample.labels}
        for group in groups(Timescale())
        for alert in group.alerts
        for sample in stored.prometheus.query(_written_out(alert.expr, written), stored.history.end)
    ]
    for alert in fired:
        alert.pop("instance", None)
    assert _sorted(fired) == _sorted(FIRING)
    shown = samples(stored, stored.view(OVERVIEW, HOURS), "Firing alerts")
    assert len(shown) == len(FIRING)


def _written_out(expr: str, written: dict[str, str]) -> str:
    while names := set(re.findall(r"\w+:capgo_\w+(?::\w+)?", expr)):
        for name in names:
            expr = re.sub(rf"{name}(?![:\w])", f"({written[name]})", expr)
    return expr


def _sorted(alerts: object) -> list[list[tuple[str, str]]]:
    def each() -> Iterator[list[tuple[str, str]]]:
        for alert in alerts:  # type: ignore[attr-defined]
            yield sorted(alert.items())

    return sorted(each())


def test_test_devices_are_shown_apart(stored: Stored) -> None:
    """The switch leads to the other counters, where the release candidate is."""
    view = stored.view(OVERVIEW, HOURS, prefix="capgo_test", app_id=SHOP)
    lines = table(stored, view, "Versions", *LINE)
    for platform in PHONES:
        attempts = sum(
            truth(stored, action, family=TEST_EVENTS, version="1.5.0-rc.1", platform=platform)
            for action in ("set", "set_fail")
        )
        assert lines["1.5.0-rc.1", platform]["Attempts"] == about(attempts)
    assert samples(stored, view, "Active devices") == []
    assert panel_of(view, "Active devices")["fieldConfig"]["defaults"]["noValue"] == "Not counted"


def test_where_nothing_happened_the_answer_is_nought(stored: Stored) -> None:
    """A version on which nothing failed has failed in 0 % of its attempts, and nobody's downloads were lost nowhere."""
    healthy = table(stored, stored.view(OVERVIEW, HOURS, app_id=NEWS, min_events="1"), "Versions", *LINE)
    for line, cells in healthy.items():
        if "Updates failed" in cells:
            failures = sum(
                truth(stored, action, app_id=NEWS, version=line[0], platform=line[1])
                for action in ("set_fail", "update_fail")
            )
            assert (cells["Updates failed"] == 0) == (failures == 0)
    nobody = stored.view(DOWNLOADS, HOURS, app_id="com.example.nobody")
    steps = [
        samples(stored, nobody, "Lost at each step on Android, all versions", letter)[0].value
        for letter in "ABCDEFGHIJ"
    ]
    assert steps == [0] * 10


def test_a_share_of_few_events_is_not_shown(stored: Stored) -> None:
    """Below the minimum there is no answer, and the table says that there are too few."""
    view = stored.view(OVERVIEW, HOURS, app_id=SHOP, min_events="1000000")
    assert all("Updates failed" not in cells for cells in table(stored, view, "Versions", *LINE).values())
    overrides = panel_of(view, "Versions")["fieldConfig"]["overrides"]
    (look,) = [override["properties"] for override in overrides if override["matcher"]["options"] == "Updates failed"]
    assert {"id": "noValue", "value": "Too few"} in look


def test_the_annotation_marks_when_a_version_was_first_seen(stored: Stored) -> None:
    """Its value is the time in milliseconds, the earliest of all platforms and exporters."""
    view = stored.view(ROLLOUT, HOURS, app_id=SHOP)
    (note,) = [note for note in ROLLOUT["annotations"]["list"] if "expr" in note]
    assert note["useValueForTime"] is True
    found = stored.prometheus.query(view.fill(note["expr"], 60), stored.history.end)
    times = {sample.labels["version"]: sample.value for sample in found}
    first = min(
        changes[0][0]
        for key, changes in stored.history.counts.items()
        if (key.family, key.app_id, key.version) == (EVENTS, SHOP, BAD)
    )
    assert times[BAD] == first * 1000


def test_adoption_is_the_share_of_devices_and_takes_the_time_that_it_took(stored: Stored) -> None:
    """Half of the news' devices ran the newest version some hours after it was first seen; of the shop's not yet."""
    (now, half, _) = (samples(stored, stored.view(ROLLOUT, HOURS, app_id=NEWS), "Adopted", letter) for letter in "ABC")
    wanted = {"family": DEVICES, "app_id": NEWS}
    whole = stored.history.now("1d", **wanted)
    assert now[0].value == pytest.approx(stored.history.now("1d", version="3.1.0", **wanted) / whole)
    assert 2 * 3600 < half[0].value < 8 * 3600
    (not_yet,) = samples(stored, stored.view(ROLLOUT, HOURS, app_id=SHOP), "Adopted", "B")
    assert not_yet.value == -1
