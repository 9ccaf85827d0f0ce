"""A version beside a baseline: two lines over time for each platform, and a table of what they report by kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from dashboards.generator import thresholds as limits
from dashboards.generator.charts import STEP, limits_look, lines
from dashboards.generator.colors import CHOSEN, OTHERS, fixed
from dashboards.generator.formulas import surely_rate, times
from dashboards.generator.health_measures import Measure, Reports
from dashboards.generator.health_verdicts import ANSWERS, AT_LEAST, COLORS, TIMES
from dashboards.generator.panels import Json, Panel, Query, letter, override
from dashboards.generator.rollout_tables import which
from dashboards.generator.tables import Column, Label, field, table
from dashboards.generator.timescale import Timescale
from dashboards.generator.update_panels import PLATFORM
from dashboards.generator.words import WORDS, in_words

BASELINE: Final = "baseline"
_KIND: Final = Label(
    "Kind", links=[which(platform=field("Platform"), action="${__value.raw:percentencode}")], words=in_words(WORDS)
)
_PLATFORMS: Final = {"android": "Android", "ios": "iOS"}
"""Those whose clients report their health."""
_LINES: Final = 5
_SURELY: Final = "Surely at least × the baseline"
_OF_PLATFORM: Final = "on (platform) group_left () "

DASHED: Final[Json] = {"custom.lineStyle": {"fill": "dash", "dash": [8, 6]}, "custom.lineWidth": 1}
VERSION_LOOK: Final = fixed(CHOSEN)
BASELINE_LOOK: Final = fixed(OTHERS)


def looks(*of_queries: Json) -> list[Json]:
    """How lines are drawn, in the order of their queries."""
    return [override("byFrameRefID", letter(index), look) for index, look in enumerate(of_queries)]


@dataclass(frozen=True)
class Comparison:
    """What a version and its baseline report."""

    version: Reports
    baseline: Reports

    def each(self, change: Callable[[Reports], Reports]) -> Self:
        return type(self)(change(self.version), change(self.baseline))

    def moving(self, scale: Timescale, platform: str) -> Self:
        """On one platform, within moving hours: a new version has no past, so they delay nothing."""
        return self.each(lambda reports: reports.where(f'platform="{platform}"').over(scale("6h")))


def rate(measure: Measure, reports: Reports) -> str:
    """By platform."""
    return f"{measure.part(reports, 'platform')} / ({measure.whole(reports, 'platform')} >= {AT_LEAST})"


def by_platform(panel: Callable[[str, Comparison], Panel], scale: Timescale, both: Comparison) -> list[Panel]:
    """A panel of moving hours for each platform, as no platform's level is that of another; it gets the name."""
    return [panel(name, both.moving(scale, platform)) for platform, name in _PLATFORMS.items()]


def rate_lines(measure: Measure, title: str, description: str, scale: Timescale, both: Comparison) -> list[Panel]:
    """A measure over time."""
    return by_platform(lambda name, hours: _rates(measure, f"{title} on {name}", description, hours), scale, both)


def _rates(measure: Measure, title: str, description: str, hours: Comparison) -> Panel:
    by = "platform"
    version, whole = measure.part(hours.version, by), f"({measure.whole(hours.version, by)} >= {AT_LEAST})"
    baseline = rate(measure, hours.baseline)
    return lines(
        title,
        f"{description} Within moving six hours; a gap is six hours with fewer than the minimum. Solid: what the "
        "version is surely above (95 % confidence); dashed: its rate, which jumps while there is little to go by. "
        f"The alert fires where the solid line is above the dotted one, {limits.TIMES_OTHERS_BAD:g} times the "
        f"baseline and {measure.floor:.1%} on top. Good: far below it.",
        (12, 7),
        Query(measure.surely(version, whole), "$version, surely above"),
        Query(f"{version} / {whole}", "$version"),
        Query(baseline, BASELINE),
        Query(f"{limits.TIMES_OTHERS_BAD:g} * ({baseline} + {measure.floor:g})", "alert"),
        unit="percentunit",
        decimals=1,
        min_interval=STEP,
        overrides=[*looks(VERSION_LOOK, VERSION_LOOK | DASHED, BASELINE_LOOK), *limits_look(alert="red")],
        calcs=(),
        no_value="Too few, or not reported",
    )


def kinds_table(measure: Measure, actions: str, title: str, description: str, both: Comparison) -> Panel:
    """What a version reports by kind, the surely worst first; the kinds are counted of what `measure` is."""

    def events(reports: Reports) -> str:
        return f"({reports.events.count(actions, 'platform, action')} > 0)"

    def of(reports: Reports) -> str:
        return f"{_OF_PLATFORM}({measure.whole(reports, 'platform')} >= {AT_LEAST})"

    version = events(both.version)
    baseline = events(both.baseline)
    rate = surely_rate(version, of(both.version), measure.clump)
    surely = times(rate, f"({baseline} or {version} * 0) / {of(both.baseline)}", measure.floor)
    return table(
        title,
        f"{description} Over the time range, the surely worst first: how many times as often as in the baseline, with "
        f"the floor of {measure.floor:.1%}. Good: no red.",
        (24, 8),
        {"platform": PLATFORM, "action": _KIND},
        [
            Column(_SURELY, f"topk({_LINES}, {surely})", TIMES, 1, COLORS, width=225, mappings=ANSWERS),
            Column("Rate", f"{version} / {of(both.version)}", "percentunit", 2, width=80),
            Column("Baseline's rate", f"{baseline} / {of(both.baseline)}", "percentunit", 2, width=120),
            Column("Events", version, width=75),
            Column("Of", f"{version} * 0 + {of(both.version)}", width=75),
        ],
        sort=_SURELY,
        only=_SURELY,
        no_value="None, or not reported",
    )
