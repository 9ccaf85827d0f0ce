"""The table that says whether a version is worse than its baseline, and in what."""

from collections.abc import Sequence
from typing import Final

from dashboards.generator import phases
from dashboards.generator import thresholds as limits
from dashboards.generator.dashboard import HEALTH
from dashboards.generator.formulas import Events, share, surely, times
from dashboards.generator.health_measures import CRASHES, NOT_READY, SLOW, Reports
from dashboards.generator.health_verdicts import WORSE, against, or_too_few
from dashboards.generator.panels import TOO_FEW, Json, Panel
from dashboards.generator.tables import Column, link, table
from dashboards.generator.update_panels import AT_LEAST, PLATFORM

_BY: Final = "platform"
_HEALTH: Final = (
    link("Health of this version", HEALTH, app_id="${app_id:percentencode}", version="${version:percentencode}"),
)


def installing(version: Events, baseline: Events, links: Sequence[Json] = ()) -> list[Column]:
    """How many times as many updates surely fail, and downloads are surely lost."""
    attempts, begun = version.attempts(_BY), phases.started(version, _BY)
    others = share(baseline.failures(_BY), baseline.attempts(_BY), AT_LEAST)
    updates = times(surely(version.failures(_BY), attempts, AT_LEAST), others, limits.FAILED_FLOOR)
    downloads = times(
        phases.surely_lost(version, _BY, AT_LEAST), phases.lost_share(baseline, _BY, AT_LEAST), limits.LOST_FLOOR
    )
    return [
        Column(title, expr, decimals=1, mappings=WORSE, no_value=TOO_FEW, links=links)
        for title, expr in (("Updates", or_too_few(updates, attempts)), ("Downloads", or_too_few(downloads, begun)))
    ]


def _once_it_runs(version: Events, baseline: Events) -> list[Column]:
    return [
        Column(
            measure.title,
            against(measure, Reports.beside(version), Reports.beside(baseline)),
            decimals=1,
            mappings=WORSE,
            no_value=TOO_FEW,
            links=_HEALTH,
        )
        for measure in (CRASHES, NOT_READY, SLOW)
    ]


def verdict_table(version: Events, baseline: Events, size: tuple[int, int]) -> Panel:
    """One number, one meaning, for all kinds of trouble."""
    return table(
        "Worse than the baseline?",
        "Baseline: the versions chosen under Baseline, by default all others of the app, on the same platform. Each "
        "verdict is one number: the lower end of the share's 95 % interval over the baseline's share and a floor "
        f"that nobody gets up for. No: below {limits.TIMES_OTHERS_FINE:g}; not surely: below 1; maybe; yes: above "
        f"{limits.TIMES_OTHERS_BAD:g}, where the alerts look. "
        f"Updates: failed, of the update attempts (floor {limits.FAILED_FLOOR:.1%}, CapgoVersionWorse). Downloads: "
        f"lost, of those started ({limits.LOST_FLOOR:.0%}, CapgoDownloadsWorse). Crashes: of the visits of devices "
        f"that would tell of one ({limits.CRASHES_FLOOR:.1%}, CapgoVersionCrashesMore). Never ready: "
        f"launches without `notifyAppReady`, a white screen ({limits.NEVER_READY_FLOOR:.0%}, CapgoLaunchesNotReady). "
        f"Slow starts: over five seconds, of launches that came up ({limits.SLOW_FLOOR:.0%}, CapgoStartsSlower). "
        "The figures are in Once it is installed. "
        "Can't tell: no client of this version would. Good: no.",
        size,
        {"platform": PLATFORM},
        [*installing(version, baseline), *_once_it_runs(version, baseline)],
        sort="Platform",
        ascending=True,
        no_value=TOO_FEW,
    )
