"""The table that says whether a version is worse than its baseline, and in what."""

from typing import Final

from dashboards.generator import phases, visits
from dashboards.generator import thresholds as limits
from dashboards.generator.formulas import Events, surely, times
from dashboards.generator.panels import TOO_FEW, Panel, ranges
from dashboards.generator.tables import Column, table
from dashboards.generator.timescale import Timescale
from dashboards.generator.update_panels import AT_LEAST, PLATFORM

_BY: Final = "platform"
_WORSE: Final = ranges(
    (None, 1, "No", "green"),
    (1, limits.TIMES_OTHERS_BAD, "Maybe", "orange"),
    (limits.TIMES_OTHERS_BAD, 3, "Yes", "red"),
    (3, 10, "Yes, > 3 ×", "red"),
    (10, None, "Yes, > 10 ×", "red"),
)


def verdict_table(scale: Timescale, version: Events, baseline: Events, size: tuple[int, int]) -> Panel:
    """One number, one meaning, for all kinds of trouble."""
    now, before = version.over(scale("6h")), baseline.over(scale("1d"))

    attempts = f"({baseline.attempts(_BY)} >= {AT_LEAST})"
    updates = times(
        surely(version.failures(_BY), version.attempts(_BY), AT_LEAST),
        f"{baseline.failures(_BY)} / {attempts}",
        limits.FAILED_FLOOR,
    )
    downloads = times(
        phases.surely_lost(version, _BY, AT_LEAST), phases.lost_share(baseline, _BY, AT_LEAST), limits.LOST_FLOOR
    )
    crashes = times(
        surely(visits.crashes(now, _BY), visits.reporting_visits(now, _BY), limits.MIN_VISITS),
        f"{visits.crashes(before, _BY)} / ({visits.reporting_visits(before, _BY)} >= {limits.MIN_VISITS})",
        limits.CRASHES_FLOOR,
    )
    never_ready = times(
        surely(visits.never_ready(now, _BY), visits.launches(now, _BY), AT_LEAST),
        f"{visits.never_ready(before, _BY)} / ({visits.launches(before, _BY)} >= {AT_LEAST})",
        limits.NEVER_READY_FLOOR,
    )
    return table(
        "Worse than the baseline?",
        "Baseline: the versions chosen under Baseline, by default all others of the app, on the same platform. Each "
        "verdict is one number: the lower end of the share's 95 % interval over the baseline's share and a floor that "
        f"nobody gets up for. No: below 1; maybe; yes: above {limits.TIMES_OTHERS_BAD:g}, where the alerts look. "
        f"Updates: failed, of the update attempts (floor {limits.FAILED_FLOOR:.1%}, CapgoVersionWorse). Downloads: "
        f"lost, of those started ({limits.LOST_FLOOR:.0%}, CapgoDownloadsWorse). Crashes: of the visits of devices "
        f"that would tell of one ({limits.CRASHES_FLOOR:.1%}). Never ready: launches without `notifyAppReady`, a "
        f"white screen ({limits.NEVER_READY_FLOOR:.0%}). The last two: six hours against a day. Good: no.",
        size,
        {"platform": PLATFORM},
        [
            Column(title, expr, decimals=1, mappings=_WORSE, no_value=TOO_FEW)
            for title, expr in (
                ("Updates", updates),
                ("Downloads", downloads),
                ("Crashes", crashes),
                ("Never ready", never_ready),
            )
        ],
        sort="Platform",
        ascending=True,
        no_value=TOO_FEW,
    )
