"""How bad each version is on each platform, in one number for all kinds of trouble, and the table that says it first.

Platforms stand apart: that the other one is as bad, or fine, is half of the answer.
"""

from dataclasses import replace
from typing import Final, NamedTuple

from dashboards.generator import phases
from dashboards.generator import thresholds as limits
from dashboards.generator.dashboard import HEALTH
from dashboards.generator.formulas import Events, surely, times
from dashboards.generator.health_measures import CRASHES, ERRORS, MEASURES, NOT_READY, SLOW, Measure, Reports
from dashboards.generator.panels import TOO_FEW, Panel, names, ranges
from dashboards.generator.selectors import BUNDLES, PLUGIN
from dashboards.generator.tables import Column, Label, field, link, table
from dashboards.generator.update_panels import APP, AT_LEAST, PLATFORM, version_label

_LINE: Final = "app_id, version, platform"
_VERSION: Final = version_label(
    field("App"), link("Health of this version", HEALTH, app_id=field("App"), version=field("Version"))
)
_VERDICT: Final = ranges(
    (None, limits.TIMES_OTHERS_FINE, "fine", "green"),
    (limits.TIMES_OTHERS_FINE, limits.TIMES_OTHERS_MAYBE, "not sure", "text"),
    (limits.TIMES_OTHERS_MAYBE, limits.TIMES_OTHERS_BAD, "watch", "orange"),
    (limits.TIMES_OTHERS_BAD, None, "bad", "red"),
)
_LEVELS: Final = {"watch": "orange", "bad": "red"}
_REASONS: Final = ("errors", "slow", "downloads", "updates", "never ready", "crashes")
"""What a version is bad for, what hurts users most last."""
_WITH_REASON: Final = [
    *ranges((None, 9, "fine", "green"), (10, 19, "not sure", "text")),
    *names(
        {
            str(10 * level + place): (f"{word}: {reason}", color)
            for level, (word, color) in enumerate(_LEVELS.items(), start=2)
            for place, reason in enumerate(_REASONS)
        }
    ),
]


_OF_HEALTH: Final = {
    CRASHES.title: "crashes",
    NOT_READY.title: "never ready",
    SLOW.title: "slow",
    ERRORS.title: "errors",
}


class Kind(NamedTuple):
    """A kind of trouble, for each app, version and platform: so many of a whole, which is large enough to tell."""

    name: str
    reason: str
    """Its name in a verdict."""
    part: str
    whole: str
    sure: str
    """The lower end of their share."""
    others: str
    """The share of the other versions of the same app and platform."""
    floor: float

    @property
    def times(self) -> str:
        """How many times as bad as the others each of them surely is."""
        return times(self.sure, self.others, self.floor)

    @property
    def usual(self) -> str:
        """That share, where there are enough of the others to tell."""
        return f"({self.others} and {_of_others(self.whole)} >= {AT_LEAST})"

    @property
    def worst(self) -> str:
        """The one on each platform that is surely worse than the others by most."""
        return f"topk by (platform) (1, {self.times})"


def _updates(events: Events) -> Kind:
    part, whole = events.failures(_LINE), events.attempts(_LINE)
    sure = surely(part, whole, AT_LEAST)
    return Kind("Updates failed", "updates", part, whole, sure, _share_of_others(part, whole), limits.FAILED_FLOOR)


def _downloads(events: Events) -> Kind:
    part, whole = phases.lost(events, _LINE), phases.started(events, _LINE)
    done = phases.completed(events, _LINE)
    sure = phases.surely_lost(events, _LINE, AT_LEAST)
    others = f"1 - ({_of_others(done)} + 1) / ({_of_others(whole)} + 1)"
    return Kind("Downloads lost", "downloads", part, whole, sure, others, limits.LOST_FLOOR)


def _health(events: Events, measure: Measure) -> Kind:
    reports = Reports.beside(events)
    part, whole = measure.part(reports, _LINE), measure.whole(reports, _LINE)
    sure = measure.surely(part, f"({whole} >= {AT_LEAST})")
    return Kind(
        measure.title, _OF_HEALTH[measure.title], part, whole, sure, _share_of_others(part, whole), measure.floor
    )


def _share_of_others(part: str, whole: str) -> str:
    """For each version; where there are no others, none of one."""
    return f"{_of_others(part)} / clamp_min({_of_others(whole)}, 1)"


def _of_others(count: str) -> str:
    """For each version, the count of the other versions of the same app and platform."""
    return f"(-({count} - on (app_id, platform) group_left () sum by (app_id, platform) ({count})))"


def _kinds(events: Events) -> list[Kind]:
    bundles = events.where(BUNDLES)
    health = (_health(bundles.where(PLUGIN), measure) for measure in MEASURES)
    return [_updates(bundles), _downloads(bundles), *health]


def verdict_column(events: Events, title: str, width: int) -> Column:
    """The worst verdict on a version and platform, and of what: the level in tens, then the place in `_REASONS`."""
    bad, step = limits.TIMES_OTHERS_BAD, limits.TIMES_OTHERS_FINE
    levels = [
        f"floor(clamp_max({kind.times}, {bad:g}) / {step:g}) * 10 + {_REASONS.index(kind.reason)}"
        for kind in _kinds(events)
    ]
    return Column(title, levels, mappings=_WITH_REASON, no_value=TOO_FEW, width=width)


def worst_table(events: Events, size: tuple[int, int]) -> Panel:
    kinds = _kinds(events)
    floors = ", ".join(f"{kind.floor:.1%}" for kind in kinds)

    def of_each(exprs: list[str]) -> list[str]:
        return [
            f'label_replace({expr}, "kind", "{kind.name}", "", "")' for kind, expr in zip(kinds, exprs, strict=True)
        ]

    def at_once(exprs: list[str]) -> str:
        return " or ".join(of_each(exprs))

    usual = of_each([kind.usual for kind in kinds])

    return table(
        "Surely worst",
        "Of each kind of trouble, and on each platform, the version that surely has most of it beside the other "
        "versions of the app there. Share: of the update attempts, of the downloads started; crashes and script errors "
        "of the visits of devices that would tell; never ready of the launches; slow starts of those that came up. "
        "At least: the lower end of its 95 % interval. Verdict: that end over the other versions' share and a floor "
        f"that nobody gets up for ({floors}); fine below {limits.TIMES_OTHERS_FINE:g}, watch above 1, bad "
        f"above {limits.TIMES_OTHERS_BAD:g}; the most times as bad as usual stands first. Usual: the share of the "
        "other versions. Good: fine.",
        size,
        {
            "kind": Label("What", 118),
            "version": _VERSION,
            "platform": replace(PLATFORM, width=66),
            "app_id": APP,
        },
        [
            Column("Verdict", of_each([kind.worst for kind in kinds]), mappings=_VERDICT, width=76),
            Column(
                "Share", at_once([f"{kind.part} / ({kind.whole} > 0)" for kind in kinds]), "percentunit", 1, width=62
            ),
            Column("of", at_once([kind.whole for kind in kinds]), width=58),
            Column("at least", at_once([kind.sure for kind in kinds]), "percentunit", 1, width=72),
            Column("usual", [" or ".join(usual[:2]), " or ".join(usual[2:])], "percentunit", 1, width=60),
        ],
        sort="Verdict",
        no_value=TOO_FEW,
        only="Verdict",
    )
