"""Is a version worse than the others? Against a baseline, and each of all versions against the others."""

from collections.abc import Callable, Sequence
from typing import Final

from dashboards.generator import thresholds as limits
from dashboards.generator.formulas import total
from dashboards.generator.health_measures import MEASURES, Measure, Reports, reporting
from dashboards.generator.panels import Json, Panel, names, ranges, steps
from dashboards.generator.tables import Column, Label, table
from dashboards.generator.update_panels import PLATFORM

AT_LEAST: Final = "$min_events"
TIMES: Final = "suffix: ×"
_LINES: Final = 10
"""Of a table: what is not among the worst is not worth a look."""
_TOO_FEW, _NO_OTHERS, _CAN_NOT_TELL = -3, -2, -1
"""Instead of a number: why there is none. Of enough there is none where there are no others."""
WHY_NOT: Final[list[Json]] = names(
    {
        str(_CAN_NOT_TELL): ("can't tell", "text"),
        str(_NO_OTHERS): ("no others", "text"),
        str(_TOO_FEW): ("too few", "text"),
    }
)
WORSE: Final[list[Json]] = [
    *WHY_NOT,
    *ranges(
        (None, limits.TIMES_OTHERS_FINE, "No", "green"),
        (limits.TIMES_OTHERS_FINE, limits.TIMES_OTHERS_MAYBE, "Not surely", "text"),
        (limits.TIMES_OTHERS_MAYBE, limits.TIMES_OTHERS_BAD, "Maybe", "orange"),
        (limits.TIMES_OTHERS_BAD, 3, f"Yes, > {limits.TIMES_OTHERS_BAD:g} ×", "red"),
        (3, 10, "Yes, > 3 ×", "red"),
        (10, None, "Yes, > 10 ×", "red"),
    ),
]
"""How many times a version is as bad, in words."""
ANSWERS: Final[list[Json]] = [*WHY_NOT, *ranges((0, limits.TIMES_OTHERS_FINE, "fine", "green"))]
COLORS: Final = steps(("orange", limits.TIMES_OTHERS_MAYBE), ("red", limits.TIMES_OTHERS_BAD), base="text")
SURELY: Final = "Surely at least × the others"


def against(measure: Measure, version: Reports, baseline: Reports) -> str:
    """Surely x the baseline, by platform, or why there is no such number."""
    by = "platform"
    whole = measure.whole(version, by)
    others = f"{measure.part(baseline, by)} / ({measure.whole(baseline, by)} >= {AT_LEAST})"
    times = measure.times(measure.part(version, by), f"({whole} >= {AT_LEAST})", others)
    return _or_why_not(times, whole, version.visits(by))


def times_of_each(measure: Measure, app: Reports, by: str, within: str) -> str:
    """Surely x the others, for each version: the others are all those with the same labels `within`."""
    whole = f"({measure.whole(app, by)} >= {AT_LEAST})"
    return measure.times(measure.part(app, by), whole, _others_rate(measure, app, by, within))


def _others_rate(measure: Measure, app: Reports, by: str, within: str) -> str:
    """For each version, that of the others: a version less all is below zero, of both numbers, and no rate is."""

    def but_this(count: str) -> str:
        return f"({count} - on ({within}) group_left () {total(count, within)})"

    return f"{but_this(measure.part(app, by))} / ({but_this(measure.whole(app, by))} <= -{AT_LEAST})"


def or_too_few(times: str, whole: str) -> str:
    """`times`, or whether the whole is too small or there are no others to compare with."""
    return f"{times} or (({whole} > 0) >= bool {AT_LEAST}) + {_TOO_FEW}"


def _or_why_not(times: str, whole: str, visits: str) -> str:
    return f"{or_too_few(times, whole)} or ({visits} > 0) * 0 + {_CAN_NOT_TELL}"


def _each(cell: Callable[[Measure], str]) -> str:
    """The same of all measures, told apart by the label `what`."""
    return " or ".join(f'label_replace({cell(one)}, "what", "{one.what}", "", "")' for one in MEASURES)


def verdict(
    title: str, version: Reports, baseline: Reports, size: tuple[int, int], elsewhere: Sequence[Column]
) -> Panel:
    """Whether a version is worse than a baseline once it runs, and in what; `elsewhere` is what others judge."""
    by = "platform"
    coverage = f"{reporting(version, by)} / ({version.visits(by)} > 0)"
    return table(
        title,
        "Baseline: the versions chosen under Baseline, by default all others of the app, on the same platform. Each "
        "verdict is one number: the lower end of the 95 % interval of the version's rate, over the baseline's and a "
        f"floor that nobody gets up for ({', '.join(f'{measure.floor:.1%}' for measure in MEASURES)}). "
        f"No: below {limits.TIMES_OTHERS_FINE:g}; not surely: below 1; maybe; yes: above {limits.TIMES_OTHERS_BAD:g}, "
        "where the alerts look. Can't tell: no client of this version "
        "reports it. Can report: visits whose clients report crashes, of all; what is said of crashes is said of "
        "these. Updates and downloads are judged in Rollout; its verdicts stand here as well. Good: no.",
        size,
        {by: PLATFORM},
        [
            *(Column(measure.title, against(measure, version, baseline), mappings=WORSE) for measure in MEASURES),
            Column("Can report", coverage, "percentunit", width=100),
            *elsewhere,
        ],
        sort=PLATFORM.title,
        ascending=True,
        no_value="No visits",
    )


def findings(title: str, app: Reports, size: tuple[int, int], labels: dict[str, Label]) -> Panel:
    """What is worse than in the other versions, the surely worst first."""
    by, within = "version, platform", "platform"

    def of_each(measure: Measure) -> str:
        return _or_why_not(times_of_each(measure, app, by, within), measure.whole(app, by), app.visits(by))

    def rate(measure: Measure) -> str:
        return f"{measure.part(app, by)} / ({measure.whole(app, by)} >= {AT_LEAST})"

    def at_least(measure: Measure) -> str:
        return measure.surely(measure.part(app, by), f"({measure.whole(app, by)} >= {AT_LEAST})")

    def alert_above(measure: Measure) -> str:
        return f"{limits.TIMES_OTHERS_BAD:g} * ({_others_rate(measure, app, by, within)} + {measure.floor:g})"

    surely = f"topk({_LINES}, {_each(of_each)})"
    return table(
        title,
        "Each version and platform against all other versions of the app on that platform, the surely worst first. "
        "Surely at least × the others: the lower end of the 95 % interval of its rate (at least), divided by the "
        f"others' and a floor that nobody gets up for. Fine: below {limits.TIMES_OTHERS_FINE:g}; up to 1 it is not "
        "surely worse. Alert above: what the lower end must exceed. Good: no red. Alerts take the last six hours, "
        "and a day of the others.",
        size,
        labels,
        [
            Column(
                SURELY,
                surely,
                TIMES,
                1,
                COLORS,
                width=215,
                mappings=ANSWERS,
            ),
            Column("Rate", _each(rate), "percentunit", 2, width=66),
            Column(
                "Others'",
                _each(lambda measure: _others_rate(measure, app, by, within)),
                "percentunit",
                2,
                width=72,
            ),
            Column("Events", _each(lambda one: f"{one.part(app, by)} and {one.whole(app, by)} > 0"), width=62),
            Column("Of", _each(lambda measure: f"{measure.whole(app, by)} > 0"), width=56),
            Column("at least", _each(at_least), "percentunit", 2, width=70),
            Column("alert above", _each(alert_above), "percentunit", 2, width=98),
        ],
        sort=SURELY,
        only=SURELY,
    )
