"""What the definitions that panels and alerts share come to, asked of promtool of both Prometheus lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.generator.formulas import Events, share, surely
from tests.dashboards.claims import Claim
from tests.dashboards.programs import RELEASES, Release
from tests.dashboards.rule_cases import ANDROID, events, of

HOUR = Events("capgo_events_total", "1h")
BEFORE = ANDROID | {"version": "1.4.1"}
IOS = ANDROID | {"platform": "ios"}


CLAIMS = [
    Claim(
        "a rollback puts the version before in place again, which is no attempt and no install",
        HOUR.app_attempts(),
        events(set=5, set_fail=1, update_fail=2) | of(BEFORE, set=2),
        6 * 60,
    ),
    Claim(
        "a first version of which every update goes back to the bundle the app came with was attempted as often",
        HOUR.app_attempts(),
        events(set=5, set_fail=1, update_fail=5),
        6 * 60,
    ),
    Claim(
        "and installed as often, before it was rolled back",
        HOUR.app_installs(),
        events(set=5, set_fail=1, update_fail=5),
        5 * 60,
    ),
    Claim(
        "what was set before the window and fails in it was attempted: no more than all attempts fail",
        share(HOUR.failures(), HOUR.attempts(), "20"),
        events(set=0.5, set_fail=0.1, update_fail=2),
        1,
    ),
    Claim(
        "nor is more than that sure",
        surely(HOUR.failures(), HOUR.attempts(), 20),
        events(set=0.5, set_fail=0.1, update_fail=2),
        0.98,
    ),
    Claim(
        "a healthy platform does not hide that on the other one all attempts fail",
        HOUR.app_attempts(),
        events(set=5, update_fail=5) | of(IOS, set=50),
        55 * 60,
    ),
]


@pytest.mark.parametrize("release", RELEASES, ids=[release.name for release in RELEASES])
@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.words for claim in CLAIMS])
def test_a_definition_comes_to_what_it_says(release: Release, claim: Claim, tmp_path: Path) -> None:
    """Of both Prometheus lines."""
    claim.check(release, tmp_path, within=0.02)
