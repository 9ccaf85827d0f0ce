"""What ails the fleet's apps is told as the plugin tells it, and accounted for as it should be counted."""

from collections import Counter as Tally
from typing import Any

import pytest
from pydantic import ValidationError

from exporter.simulator.account import Account, Fate
from exporter.simulator.ailments import FAULTS, Ailments, Fault
from exporter.simulator.dialects import Platform
from exporter.simulator.health import Counter, counters
from exporter.simulator.options import Options
from exporter.simulator.phone import Phone, Step
from exporter.simulator.rollout import Rollout
from tests.unit.simulator.test_lives import NATIVE, NEW, OLD, phone, processes

FATAL = {"app_crash", "app_crash_native", "app_anr"}


def plan(platform: Platform, **shares: float) -> Rollout:
    """Nothing new, and no faults but these."""
    faults: dict[tuple[Platform, str, Fault], float] = {
        (platform, version, what): shares.get(what, 0.0) for version in (NATIVE, OLD) for what in FAULTS
    }
    return Rollout(OLD, OLD, {}, {}, 0.0, Ailments(faults))


def tally(platform: Platform, version: str, rollout: Rollout) -> Tally[str]:
    """How often each action is told."""
    return Tally(step.action for process in processes(platform, version, rollout) for step in process)


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_crash_is_told_by_the_next_launch(platform: Platform) -> None:
    """First of all, under the bundle that runs then; each visit ends in one, and is followed by no background."""
    told = processes(platform, "8.51.23", plan(platform, crash=1.0))

    words = {"app_crash"} if platform == "ios" else FATAL
    assert {process[0].action for process in told[1:]} == words
    assert "app_moved_to_background" not in tally(platform, "8.51.23", plan(platform, crash=1.0))


@pytest.mark.parametrize(("platform", "version"), [("android", "8.45.11"), ("ios", "7.18.14"), ("android", "5.9.5")])
def test_a_client_that_cannot_report_a_crash_does_not(platform: Platform, version: str) -> None:
    """It dies all the same."""
    rollout = plan(platform, crash=1.0)

    assert FATAL.isdisjoint(tally(platform, version, rollout))
    assert "app_moved_to_background" not in tally(platform, version, rollout)


def test_ios_takes_a_forced_quit_for_a_crash_and_android_does_not() -> None:
    """Some owners end an app that is shown; so the level of iOS is another one."""
    ios, android = (tally(platform, "8.51.23", plan(platform)) for platform in ("ios", "android"))

    assert 0.01 < ios["app_crash"] / ios["app_moved_to_foreground"] < 0.06
    assert FATAL.isdisjoint(android)


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_white_screen_starts_and_is_never_ready(platform: Platform) -> None:
    """Its page loads; nothing else tells of it, but on iOS the forced quit that ends it."""
    told = tally(platform, "8.51.23", plan(platform, white_screen=1.0))

    assert told["app_launch_start"] == pytest.approx(told["app_moved_to_foreground"], abs=1)
    assert told["webview_page_loaded"]
    assert not {"app_launch_ready", "app_launch_timeout", "update_fail"} & told.keys()
    assert ("app_crash" in told) == (platform == "ios")


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 300, 4000), (1.0, 5001, 12_000)])
def test_a_slow_start_takes_longer_than_five_seconds(share: float, low: int, high: int) -> None:
    """And others do not; a few durations say nothing."""
    told = processes("ios", "8.51.23", plan("ios", slow_start=share))
    said = [_duration(step) for process in told for step in process if step.action == "app_launch_ready"]

    believable = [int(text) for text in said if text not in {"0", "7264000", "NaN"}]
    assert len(believable) > 0.95 * len(said)
    assert all(low <= duration <= high for duration in believable)


def _duration(step: Step) -> str:
    assert step.metadata is not None
    return step.metadata["duration_ms"]


def test_script_errors_come_in_clumps_of_different_messages() -> None:
    """A page tells each message once, and no more than twenty reports."""
    clumps = [
        [step.metadata["message"] for step in process if step.metadata and "message" in step.metadata]
        for process in processes("android", "8.51.23", plan("android", script_errors=1.0))
    ]

    assert max(len(set(clump)) for clump in clumps) > 10
    assert all(len(clump) <= 3 * 18 for clump in clumps), "three visits at most"


def visits(who: Phone) -> dict[Counter, int]:
    return dict(who.counters(Step(1, "app_moved_to_foreground", NEW)))


@pytest.mark.parametrize(
    ("platform", "version", "reports"),
    [("ios", "8.51.23", "crashes"), ("ios", "8.45.11", "nothing"), ("electron", "0.0.1", "nothing")],
)
def test_a_visit_is_accounted_for_by_what_the_client_can_report(platform: Platform, version: str, reports: str) -> None:
    """As its dialect has it."""
    assert visits(phone(platform, version)) == {Counter("capgo_visits_total", "reports", reports): 1}


def test_some_androids_are_too_old_to_tell_of_crashes() -> None:
    """Their pages' errors they tell."""
    reports = {counter.value for seed in range(40) for counter in visits(phone("android", "8.51.23", seed))}

    assert reports == {"crashes", "errors"}


@pytest.mark.parametrize(
    ("action", "text", "expected"),
    [
        ("app_launch_ready", "2000", {"2.0", "3.0", "5.0", "10.0", "30.0", "+Inf"}),
        ("app_launch_ready", "2001", {"3.0", "5.0", "10.0", "30.0", "+Inf"}),
        ("app_launch_ready", "31000", {"+Inf"}),
        ("app_launch_ready", "0", set()),
        ("app_launch_ready", "7264000", set()),
        ("app_launch_ready", "NaN", set()),
        ("webview_page_loaded", "0", {"0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "+Inf"}),
        ("webview_dom_content_loaded", "500", set()),
    ],
)
def test_a_duration_is_accounted_for_in_each_bucket_above_it(action: str, text: str, expected: set[str]) -> None:
    """And in number and sum; what says nothing in none."""
    counted = dict(counters(action, {"duration_ms": text}, "crashes", test=False))

    assert {counter.value for counter in counted if counter.label == "le"} == expected
    assert sum(counter.name.endswith("_count") for counter in counted) == bool(expected)
    sums = [amount for counter, amount in counted.items() if counter.name.endswith("_sum")]
    assert sums == ([int(text)] if expected else [])


def test_the_account_of_a_counter_has_the_fates_of_its_events() -> None:
    """A sum moves by what each event adds to it."""
    who, account = phone("ios", "8.51.23"), Account()
    taken, lost = (
        account.open(b"{}", who.labels(step), who.told, counters=who.counters(step))
        for step in (_ready("1500"), _ready("700"))
    )
    taken.settle(Fate.ACKNOWLEDGED)
    lost.settle(Fate.UNACKNOWLEDGED)

    rows = {(row["metric"], row.get("le")): row for row in account.health()}
    assert _fates(rows["capgo_launch_seconds_sum", None]) == (2200, 1500, 700)
    assert _fates(rows["capgo_launch_seconds_bucket", "1.0"]) == (1, 0, 1)
    assert _fates(rows["capgo_launch_seconds_count", None]) == (2, 1, 1)


def _ready(milliseconds: str) -> Step:
    return Step(1, "app_launch_ready", NEW, metadata={"duration_ms": milliseconds})


def _fates(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[fate] for fate in ("sent", "acknowledged", "unacknowledged"))


def test_a_fault_is_the_new_versions_or_of_one_that_is_named() -> None:
    """On one platform each."""
    options = Options.model_validate({"fault": ["ios:white_screen=0.4", "android:crash@1.2.3=.03"]})

    assert options.rollout.ailments.shares == {
        ("ios", "1.2.4", "white_screen"): 0.4,
        ("android", "1.2.3", "crash"): 0.03,
    }


@pytest.mark.parametrize(
    "text", ["", "ios:crash", "ios:crash=2", "electron:crash=0.1", "ios:update_fail=0.1", "ios:crash@=0.1", "crash=0.1"]
)
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValidationError, match=r"such as ios:white_screen=0\.4"):
        Options.model_validate({"fault": [text]})
