"""Health, asked of servers that hold the history: three rollouts that install fine and are broken, each in its way."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from dashboards.generator.health_alerts import FINDINGS
from tests.dashboards import grafana
from tests.dashboards.conftest import Stored
from tests.dashboards.grafana import View
from tests.dashboards.history import VISITS
from tests.dashboards.scenarios import BANK, CHAT, GYM, NEWS
from tests.dashboards.test_history import HOURS, about, samples
from tests.support.monitoring import Sample

HEALTH, ROLLOUT = (grafana.load()[f"live-updates-{name}"] for name in ("health", "rollout"))
VERDICT = "Worse than the baseline?"
FATAL = ("app_crash", "app_crash_native", "app_anr", "app_initialization_failure")
BAD = 1.5


class Broken(NamedTuple):
    """What somebody should find who looks at this app."""

    app_id: str
    version: str
    platform: str
    what: str


BROKEN = [
    Broken(CHAT, "2.7.0", "android", "Crashes, of visits that tell"),
    Broken(BANK, "4.3.0", "ios", "Never ready (white screen), of launches"),
    Broken(GYM, "1.9.0", "android", "Slow starts (over 5 s), of those ready"),
]

each = pytest.mark.parametrize("broken", BROKEN, ids=[broken.what for broken in BROKEN])


def opened(stored: Stored, app_id: str) -> View:
    return stored.view(HEALTH, HOURS, app_id=app_id)


def truth(stored: Stored, broken: Broken, *values: str, family: str = "capgo_events_total") -> int:
    where = {"app_id": broken.app_id, "version": broken.version, "platform": broken.platform}
    since = stored.history.end - HOURS * 3600
    return sum(stored.history.count(since, value, family=family, **where) for value in values)


@each
def test_the_first_line_says_which_version_on_which_platform_is_broken_and_how(stored: Stored, broken: Broken) -> None:
    """Nothing else of that app is red, not on the other platform and not in another way."""
    found = samples(stored, opened(stored, broken.app_id), FINDINGS)
    worst, *others = sorted(found, key=lambda sample: -sample.value)
    labels = worst.labels
    assert (labels["version"], labels["platform"], labels["what"]) == (broken.version, broken.platform, broken.what)
    assert worst.value > 2 * BAD
    assert [other.labels for other in others if other.value > BAD] == []


@each
def test_no_update_of_it_fails(stored: Stored, broken: Broken) -> None:
    """Rollout alone would call it healthy."""
    view = stored.view(ROLLOUT, HOURS, app_id=broken.app_id, platform=broken.platform)
    panel = next(panel for panel in grafana.panels(ROLLOUT) if panel["title"] == VERDICT)
    (updates,) = stored.answer(view, view.ask(panel, panel["targets"][0]))
    assert isinstance(updates, Sample)
    assert updates.value < 1


@each
def test_the_version_is_opened_first_and_told_with_the_same_number(stored: Stored, broken: Broken) -> None:
    """The newest one; beside all others it is what the table of all versions says."""
    view = opened(stored, broken.app_id)
    assert view.variables["version"] == broken.version
    letter = "ABCD"[("Crashes", "Never", "Slow", "Script").index(broken.what.split()[0].rstrip(","))]
    verdict = {sample.labels["platform"]: sample.value for sample in samples(stored, view, VERDICT, letter)}
    worst = max(sample.value for sample in samples(stored, view, FINDINGS))
    assert verdict[broken.platform] == pytest.approx(worst)
    assert max(value for platform, value in verdict.items() if platform != broken.platform) < BAD


def cell(stored: Stored, broken: Broken, letter: str) -> float:
    """Of the line that tells what is broken."""
    found = samples(stored, opened(stored, broken.app_id), FINDINGS, letter)
    (one,) = [one for one in found if broken[1:] == tuple(one.labels[name] for name in ("version", "platform", "what"))]
    return one.value


def test_crashes_are_the_phones_own(stored: Stored) -> None:
    """Of the visits whose clients would tell; neither those of older clients nor what the system kills count."""
    crashed, able = truth(stored, BROKEN[0], *FATAL), truth(stored, BROKEN[0], "crashes", family=VISITS)
    assert crashed > 10
    assert truth(stored, BROKEN[0], "app_killed_low_memory") > 5
    assert able < truth(stored, BROKEN[0], "app_moved_to_foreground") * 0.9
    assert cell(stored, BROKEN[0], "D") == about(crashed)
    assert cell(stored, BROKEN[0], "E") == about(able)
    assert cell(stored, BROKEN[0], "B") == pytest.approx(crashed / able, rel=0.005)


def test_launches_that_stay_white_are_the_phones_own(stored: Stored) -> None:
    """Those begun, less those that got ready."""
    begun, ready = (truth(stored, BROKEN[1], f"app_launch_{step}") for step in ("start", "ready"))
    assert cell(stored, BROKEN[1], "D") == about(begun - ready)
    assert cell(stored, BROKEN[1], "E") == about(begun)
    assert truth(stored, BROKEN[1], "app_launch_timeout", "update_fail") <= 3


def test_slow_starts_are_the_phones_own(stored: Stored) -> None:
    """Those that took more than five seconds, of all that got ready."""
    ready = truth(stored, BROKEN[2], "app_launch_ready")
    fast = truth(stored, BROKEN[2], "5.0", family="capgo_launch_seconds_bucket")
    assert cell(stored, BROKEN[2], "D") == about(ready - fast)
    assert cell(stored, BROKEN[2], "E") == about(ready)


def test_a_good_version_is_no_worse_than_the_others(stored: Stored) -> None:
    """Nothing of its app is red."""
    found = samples(stored, opened(stored, NEWS), FINDINGS)
    assert found
    assert max(sample.value for sample in found) < BAD


def test_how_many_visits_can_tell_is_said(stored: Stored) -> None:
    """Of the version's visits, those whose clients report crashes."""
    able, every = (truth(stored, BROKEN[0], *parts, family=VISITS) for parts in (["crashes"], PARTS))
    (android,) = [
        one for one in samples(stored, opened(stored, CHAT), VERDICT, "E") if one.labels["platform"] == "android"
    ]
    assert android.value == pytest.approx(able / every, rel=0.001)
    assert 0.6 < android.value < 0.9


PARTS = ("crashes", "errors", "nothing")
