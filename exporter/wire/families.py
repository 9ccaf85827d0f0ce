"""The counters of a version: one for each action, and of some actions one for each part of their events.

A visit counts in the part of those whose sender can report as much, a launch in that of those which took as long. So an
event counts in one counter, and an action's number is that of its own counter (events that are in no part) and of its
parts; both are added up where they are shown. A histogram has a counter of milliseconds beside its parts. What counts
devices, by the stages that they enter, is beside all actions.

A counter's name is an action, or `family:member`, which no action is. What belongs to an action is born together: where
Prometheus has seen one of these counters, it has seen them all.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final, NamedTuple

from exporter.wire.actions import CATALOGUE, OTHER


class Family(NamedTuple):
    """A family of counters by its key, and the action whose events it parts.

    Of a histogram, `bounds` are the upper bounds of its parts in milliseconds, each within its own; the last part has
    none. What is `beside` counts no events, but devices, or the milliseconds of all parts.
    """

    key: str
    action: str
    parts: tuple[str, ...]
    beside: tuple[str, ...] = ()
    bounds: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its counters."""
        return self.parts + self.beside

    def part(self, milliseconds: int) -> str:
        """Of a histogram, the part in which a duration counts."""
        return self.parts[bisect_left(self.bounds, milliseconds)]


def _histogram(key: str, action: str, *bounds: int) -> Family:
    buckets = (*(f"{key}:{bound / 1000}" for bound in bounds), f"{key}:+Inf")  # as Prometheus 3 writes them: `5.0`
    return Family(key, action, buckets, (f"{key}:sum",), bounds)


EVENTS: Final = Family("", "", (*CATALOGUE, OTHER))
"""One counter for each action."""

VISITS: Final = Family("visits", "app_moved_to_foreground", ("visits:crashes", "visits:errors", "visits:nothing"))
"""By what their sender is able to report: a rate of crashes, or of errors, is one of visits that could tell."""

LAUNCHES: Final = _histogram("launch", "app_launch_ready", 500, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000)
PAGE_LOADS: Final = _histogram("page_load", "webview_page_loaded", 200, 500, 1000, 2000, 5000, 10_000)

STAGES: Final = Family("stage", "", (), ("stage:downloading", "stage:downloaded", "stage:installed", "stage:failed"))
"""Devices by the stage that they enter on the way to a version."""

PARTING: Final = (VISITS, LAUNCHES, PAGE_LOADS)
FAMILIES: Final = (EVENTS, *PARTING, STAGES)

_BORN_TOGETHER: Final[Mapping[str, tuple[str, ...]]] = {
    name: (family.action, *family.names) for family in PARTING for name in (family.action, *family.names)
} | dict.fromkeys(STAGES.names, STAGES.names)

SUM_OF: Final = {part: family.beside[0] for family in PARTING if family.bounds for part in family.parts}
"""By part of a histogram, the counter of the milliseconds of all of them."""

_ACTIONS: Final = {part: family.action for family in PARTING for part in family.parts}
BESIDE: Final = frozenset(name for family in FAMILIES for name in family.beside)
"""The counters that count no events; each event is in one of the others."""

_SHOWN_TWICE: Final = frozenset(family.parts[-1] for family in PARTING if family.bounds)


def born_with(name: str) -> tuple[str, ...]:
    """The counters that are born with one, itself among them."""
    return _BORN_TOGETHER.get(name, (name,))


def is_parted(name: str) -> bool:
    """Whether the events of a counter's action are parted."""
    return name in _BORN_TOGETHER


def action_of(name: str) -> str:
    """The action whose events a counter counts."""
    return _ACTIONS.get(name, name)


def member_of(name: str) -> str:
    """A counter's name within its family."""
    return name.rpartition(":")[2]


def key_of(name: str) -> str:
    """The key of a counter's family."""
    return name.rpartition(":")[0]


def lines_of(name: str) -> int:
    """The series that Prometheus makes of a counter: a histogram shows all of its parts as a bucket and as a count."""
    return 2 if name in _SHOWN_TWICE else 1
