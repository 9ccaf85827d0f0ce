"""What shows that a version is broken although it installed fine: four measures, each so many events of so many.

A version is told by comparison: *surely x the others* is what its rate surely exceeds, divided by that of the app's
other versions on the same platform. Platforms are never added up: on iOS a force quit looks like a crash, so its level
is another. Why these, and how often they err, is told in `dashboards/README.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from dashboards.generator import thresholds as limits
from dashboards.generator.formulas import Events, or_zero, surely_rate, times, total
from dashboards.generator.selection import Selection
from dashboards.generator.selectors import FATAL, selector

SCRIPT_ERRORS: Final = "webview_javascript_error|webview_unhandled_rejection"
PAGE_ERRORS: Final = f"{SCRIPT_ERRORS}|webview_resource_error|webview_security_policy_violation"
SLOW_SECONDS: Final = "5.0"
"""Google Play calls a cold start of so long excessive. A bound of the histogram, so shares at it are exact."""


_EVENTS: Final = "_events_total"


@dataclass(frozen=True)
class Reports(Selection):
    """What the devices of a selection report within a window."""

    def count(self, name: str, by: str, *matchers: str) -> str:
        """The increase of one of the families, by the labels named."""
        counter = selector(f"{self.name}_{name}", *self.matchers, *matchers)
        return total(f"increase({counter}[{self.window}])", by)

    def visits(self, by: str, *matchers: str) -> str:
        return self.count("visits_total", by, *matchers)

    @property
    def events(self) -> Events:
        return Events(f"{self.name}{_EVENTS}", self.window, self.matchers)

    @classmethod
    def beside(cls, events: Events) -> Self:
        """Of the same selection."""
        return cls(events.name.removesuffix(_EVENTS), events.window, events.matchers)


@dataclass(frozen=True)
class Measure:
    """`part` of `whole`, both by labels; `name` and `of` are what the recordings call them.

    `floor` is a rate that nobody gets up for. It is added to the others' rate, so that it takes more than a rare event
    beside none. So many as `clump` events may come together, and their number varies as much more. The guards are in
    numbers: of the version's events, of what they are counted of, and of the others'.
    """

    name: str
    of: str
    title: str
    of_what: str
    part: Callable[[Reports, str], str]
    whole: Callable[[Reports, str], str]
    floor: float
    min_part: int
    min_whole: int
    min_others: int
    clump: int = 1

    @property
    def what(self) -> str:
        """In a table."""
        return f"{self.title}{self.of_what}"

    def surely(self, part: str, whole: str) -> str:
        return surely_rate(part, whole, self.clump)

    def times(self, part: str, whole: str, others: str) -> str:
        """Surely x the others, whose rate is `others`."""
        return times(self.surely(part, whole), others, self.floor)


def _crashes(reports: Reports, by: str) -> str:
    return or_zero(reports.events.count(FATAL, by), reporting(reports, by))


def _script_errors(reports: Reports, by: str) -> str:
    return or_zero(reports.events.count(SCRIPT_ERRORS, by), scripted(reports, by))


def _not_ready(reports: Reports, by: str) -> str:
    begun = launches(reports, by)
    return f"clamp_min({begun} - {or_zero(reports.events.count('app_launch_ready', by), begun)}, 0)"


def _slow(reports: Reports, by: str) -> str:
    fast = reports.count("launch_seconds_bucket", by, f'le="{SLOW_SECONDS}"')
    return f"clamp_min({timed(reports, by)} - {fast}, 0)"


def reporting(reports: Reports, by: str) -> str:
    """Visits of clients that report crashes."""
    return reports.visits(by, 'reports="crashes"')


def scripted(reports: Reports, by: str) -> str:
    """Visits of clients that report errors of their pages."""
    return reports.visits(by, 'reports=~"crashes|errors"')


def launches(reports: Reports, by: str) -> str:
    """Launches begun; only clients that report when they are ready report them."""
    return reports.events.count("app_launch_start", by)


def timed(reports: Reports, by: str) -> str:
    """Launches that got ready, and said after how long."""
    return reports.count("launch_seconds_count", by)


CRASHES: Final = Measure(
    "crashes",
    "reporting_visits",
    "Crashes",
    ", of visits that tell",
    _crashes,
    reporting,
    limits.CRASHES_FLOOR,
    min_part=5,
    min_whole=50,
    min_others=500,
)
NOT_READY: Final = Measure(
    "launches_not_ready",
    "launches",
    "Never ready",
    " (white screen), of launches",
    _not_ready,
    launches,
    limits.NEVER_READY_FLOOR,
    min_part=5,
    min_whole=20,
    min_others=100,
)
SLOW: Final = Measure(
    "slow_launches",
    "timed_launches",
    "Slow starts",
    " (over 5 s), of those ready",
    _slow,
    timed,
    limits.SLOW_FLOOR,
    min_part=10,
    min_whole=50,
    min_others=100,
)
ERRORS: Final = Measure(
    "script_errors",
    "scripted_visits",
    "Script errors",
    ", of visits that tell",
    _script_errors,
    scripted,
    limits.ERRORS_FLOOR,
    min_part=40,
    min_whole=50,
    min_others=500,
    clump=16,
)
MEASURES: Final = (CRASHES, NOT_READY, SLOW, ERRORS)
