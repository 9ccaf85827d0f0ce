"""How bad each version is on each platform, in one number for all kinds of trouble, and the table that says it first.

Platforms stand apart: that the other one is as bad, or fine, is half of the answer.
"""

from typing import Final, NamedTuple

from dashboards.generator import phases
from dashboards.generator import thresholds as limits
from dashboards.generator.dashboard import HEALTH
from dashboards.generator.formulas import Events, surely, times
from dashboards.generator.health_measures import MEASURES, Measure, Reports
from dashboards.generator.panels import TOO_FEW, Panel, ranges
from dashboards.generator.selectors import BUNDLES, PLUGIN
from dashboards.generator.tables import Column, Label, field, link, table
from dashboards.generator.update_panels import APP, AT_LEAST, PLATFORM, version_label

_LINE: Final = "app_id, version, platform"
_VERSION: Final = version_label(
    field("App"), link("Health of this version", HEALTH, app_id=field("App"), version=field("Version"))
)
_VERDICT: Final = ranges(
    (None, 1, "fine", "green"),
    (1, limits.TIMES_OTHERS_BAD, "watch", "orange"),
    (limits.TIMES_OTHERS_BAD, None, "bad", "red"),
)


class Kind(NamedTuple):
    """A kind of trouble, for each app, version and platform: so many of a whole, which is large enough to tell."""

    name: str
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
    def worst(self) -> str:
        """The one on each platform that is surely worse than the others by most."""
        return f"topk by (platform) (1, {self.times})"


def _updates(events: Events) -> Kind:
    part, whole = events.failures(_LINE), events.attempts(_LINE)
    sure = surely(part, whole, AT_LEAST)
    return Kind("Updates failed", part, whole, sure, _share_of_others(part, whole), limits.FAILED_FLOOR)


def _downloads(events: Events) -> Kind:
    part, whole = phases.lost(events, _LINE), phases.started(events, _LINE)
    done = phases.completed(events, _LINE)
    others = f"1 - ({_of_others(done)} + 1) / ({_of_others(whole)} + 1)"
    return Kind("Downloads lost", part, whole, phases.surely_lost(events, _LINE, AT_LEAST), others, limits.LOST_FLOOR)


def _health(events: Events, measure: Measure) -> Kind:
    reports = Reports.beside(events)
    part, whole = measure.part(reports, _LINE), measure.whole(reports, _LINE)
    sure = measure.surely(part, f"({whole} >= {AT_LEAST})")
    return Kind(measure.title, part, whole, sure, _share_of_others(part, whole), measure.floor)


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
    """What a version and platform are worst in, as a verdict."""
    return Column(title, [kind.times for kind in _kinds(events)], mappings=_VERDICT, no_value=TOO_FEW, width=width)


def worst_table(events: Events, size: tuple[int, int]) -> Panel:
    kinds = _kinds(events)
    floors = ", ".join(f"{kind.floor:.1%}" for kind in kinds)

    def of_each(exprs: list[str]) -> list[str]:
        return [
            f'label_replace({expr}, "kind", "{kind.name}", "", "")' for kind, expr in zip(kinds, exprs, strict=True)
        ]

    def at_once(exprs: list[str]) -> str:
        return " or ".join(of_each(exprs))

    return table(
        "Surely worst",
        "Of each kind of trouble, and on each platform, the version that surely has most of it beside the other "
        "versions of the app there. Share: of the update attempts, of the downloads started; crashes and script errors "
        "of the visits of devices that would tell; never ready and slow starts of the launches, as Health has them. "
        "At least: the lower end of its 95 % interval. Verdict: that end over the other versions' share and a floor "
        f"that nobody gets up for ({floors}); watch above 1, bad above {limits.TIMES_OTHERS_BAD:g}. Good: fine.",
        size,
        {
            "kind": Label("What", 118),
            "version": _VERSION,
            "platform": PLATFORM,
            "app_id": APP,
        },
        [
            Column("Verdict", of_each([kind.worst for kind in kinds]), mappings=_VERDICT, width=82),
            Column(
                "Share", at_once([f"{kind.part} / ({kind.whole} > 0)" for kind in kinds]), "percentunit", 1, width=62
            ),
            Column("of", at_once([kind.whole for kind in kinds]), width=58),
            Column("at least", at_once([kind.sure for kind in kinds]), "percentunit", 1, width=72),
        ],
        sort="Verdict",
        no_value=TOO_FEW,
        only="Verdict",
    )
