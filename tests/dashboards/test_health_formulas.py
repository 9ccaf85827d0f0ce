"""What *surely x the others* comes to, and what is said instead where there is no such number."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dashboards.generator.formulas import surely_rate
from dashboards.generator.health_measures import CRASHES, ERRORS, NOT_READY, SLOW, Reports
from dashboards.generator.health_verdicts import against, times_of_each
from dashboards.generator.selectors import PRODUCTION
from tests.dashboards.claims import Claim
from tests.dashboards.health_cases import before, launches, timed, visits
from tests.dashboards.programs import RELEASES, Release
from tests.dashboards.rule_cases import ANDROID, of

HOUR = Reports(PRODUCTION, "1h")
VERSION, BASELINE = HOUR.where('version="1.4.2"'), HOUR.where('version!="1.4.2"')
NEWEST = 'capgo_visits_total{version="1.4.2"}'
CAN_NOT_TELL, NO_OTHERS, TOO_FEW = -1, -2, -3


def times(part: float, whole: float, others: float, floor: float, clump: int = 1) -> float:
    return (math.sqrt(part) - 0.8225 * math.sqrt(clump)) ** 2 / whole / (others + floor)


CRASHED = visits(ANDROID, app_crash=0.2, app_anr=0.1) | visits(before(ANDROID), rate=100, app_crash=0.4)
CLAIMS = [
    Claim(
        "a version that crashes is so many times as bad as the baseline",
        against(CRASHES, VERSION, BASELINE),
        CRASHED,
        times(18, 600, 0.004, 0.002),
    ),
    Claim(
        "one of three versions is compared with the other two together",
        f"{times_of_each(CRASHES, HOUR, 'version, platform', 'platform')} and on (version) {NEWEST}",
        CRASHED | visits({**ANDROID, "version": "1.4.0"}, rate=100, app_crash=0.8),
        times(18, 600, 0.006, 0.002),
    ),
    Claim(
        "a version that never crashed is no times as bad",
        against(CRASHES, VERSION, BASELINE),
        visits(ANDROID) | visits(before(ANDROID), rate=100, app_crash=0.4),
        0,
    ),
    Claim(
        "clients that report nothing can't tell whether they crash",
        against(CRASHES, VERSION, BASELINE),
        visits(ANDROID, "nothing") | visits(ANDROID, rate=0) | visits(before(ANDROID), rate=100, app_crash=0.4),
        CAN_NOT_TELL,
    ),
    Claim(
        "nor can those that report no launches tell whether they come up",
        against(NOT_READY, VERSION, BASELINE),
        visits(ANDROID) | launches(before(ANDROID), 50, 49),
        CAN_NOT_TELL,
    ),
    Claim(
        "a first version has nothing to be compared with",
        against(CRASHES, VERSION, BASELINE),
        visits(ANDROID, app_crash=0.3),
        NO_OTHERS,
    ),
    Claim(
        "nor has one whose others report nothing",
        against(CRASHES, VERSION, BASELINE),
        visits(ANDROID, app_crash=0.3) | visits(before(ANDROID), "nothing", rate=100),
        NO_OTHERS,
    ),
    Claim(
        "twelve visits are too few",
        against(CRASHES, VERSION, BASELINE),
        visits(ANDROID, rate=0.2, app_crash=0.1) | visits(before(ANDROID), rate=100),
        TOO_FEW,
    ),
    Claim(
        "launches that never got ready are those begun, less those that did",
        against(NOT_READY, VERSION, BASELINE),
        launches(ANDROID, 5, 3) | visits(ANDROID) | launches(before(ANDROID), 50, 48),
        times(120, 300, 0.04, 0.03),
    ),
    Claim(
        "none that got ready are all that never did",
        against(NOT_READY, VERSION, BASELINE),
        of(ANDROID, app_launch_start=5) | visits(ANDROID) | launches(before(ANDROID), 50, 48),
        times(300, 300, 0.04, 0.03),
    ),
    Claim(
        "slow launches are those beyond the bucket of five seconds",
        against(SLOW, VERSION, BASELINE),
        timed(ANDROID, 3, 0.9) | visits(ANDROID) | timed(before(ANDROID), 50, 2),
        times(54, 180, 0.04, 0.05),
    ),
    Claim(
        "script errors come in clumps, and may be more than visits",
        against(ERRORS, VERSION, BASELINE),
        visits(ANDROID, webview_javascript_error=20) | visits(before(ANDROID), rate=100, webview_unhandled_rejection=5),
        times(1200, 600, 0.05, 0.02, clump=16),
    ),
]


@pytest.mark.parametrize("release", RELEASES, ids=[release.name for release in RELEASES])
@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.words for claim in CLAIMS])
def test_the_number_is_what_it_says(release: Release, claim: Claim, tmp_path: Path) -> None:
    """A thirtieth off at most, as the number of events counts by its root."""
    claim._replace(expr=claim.expr.replace("$min_events", "20")).check(release, tmp_path, within=1 / 30)


@pytest.mark.parametrize("events", [3, 4, 5, 10, 40, 200])
def test_the_lower_end_is_that_of_poissons_interval(events: int) -> None:
    """With the exact one for the mean, so many events or more come with a chance of 5 %; the root is near it."""
    expr = surely_rate(str(events), "1").replace("clamp_min", "max").replace("^", "**")
    lower = eval(expr, {"max": max, "sqrt": math.sqrt})  # noqa: S307 our own arithmetic

    fewer = sum(math.exp(-lower + k * math.log(lower) - math.lgamma(k + 1)) for k in range(events))

    assert 1 - fewer == pytest.approx(0.05, abs=0.003)
