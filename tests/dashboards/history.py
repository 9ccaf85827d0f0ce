"""Days of a shop's live updates as Prometheus would have stored them, with one bad rollout, and what truly happened.

Two exporters count two apps. Version 1.4.2 of the shop is rolled out over the last hours: on Android one update in
twelve fails and downloads break while they are unpacked; on iOS it is well. All other versions are healthy. Written in
the OpenMetrics form that `promtool tsdb create-blocks-from openmetrics` reads.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.dashboards import machinery

STEP = 60
"""Seconds between two scrapes."""
HOURS = 52
INSTANCES = ("capgo-exporter-1", "capgo-exporter-2")
JOB = "capgo-exporter"
EVENTS = "capgo_events_total"
TEST_EVENTS = "capgo_test_events_total"
SHOP = "com.example.shop"
NEWS = "com.example.news"
BAD = "1.4.2"
BAD_HOURS = 8
"""How long before the end the bad version appeared."""
OUTCOMES = ("set", "set_fail", "update_fail", "download_complete", "download_fail")
"""Shown at 0 as soon as a version appears."""


class Key(NamedTuple):
    """A counter of one exporter."""

    family: str
    app_id: str
    platform: str
    version: str
    action: str
    instance: str


@dataclass(frozen=True)
class Cohort:
    """Devices of an app on a platform that are offered a version: `rate` updates a minute when all get it."""

    app_id: str
    platform: str
    version: str
    before: str
    rate: float
    since: float = -1e9
    """Hours after the start of the history at which the rollout begins; it reaches everyone two hours later."""
    fails: float = 0.004
    breaks: float = 0.002
    """Chance that a download breaks after its transfer, while it is unpacked."""
    family: str = EVENTS

    def share(self, hour: float) -> float:
        return min(max((hour - self.since) / 2, 0), 1)


def cohorts() -> list[Cohort]:
    start = HOURS - BAD_HOURS
    return [
        Cohort(SHOP, "android", "1.4.1", "1.4.0", 3.0),
        Cohort(SHOP, "ios", "1.4.1", "1.4.0", 2.0),
        Cohort(SHOP, "android", "1.4.0", "1.3.9", 0.2),
        Cohort(SHOP, "ios", "1.4.0", "1.3.9", 0.1),
        Cohort(SHOP, "android", BAD, "1.4.1", 3.0, start, fails=0.085, breaks=0.06),
        Cohort(SHOP, "ios", BAD, "1.4.1", 2.0, start),
        Cohort(SHOP, "electron", "1.4.1", "1.4.0", 0.5),
        Cohort(SHOP, "react-native", "1.4.1", "1.4.0", 0.3),
        Cohort(NEWS, "android", "3.0.9", "3.0.8", 1.0),
        Cohort(NEWS, "ios", "3.0.9", "3.0.8", 0.7),
        Cohort(NEWS, "android", "3.1.0", "3.0.9", 1.0, HOURS - 20),
        Cohort(NEWS, "ios", "3.1.0", "3.0.9", 0.7, HOURS - 20),
        Cohort(SHOP, "android", "1.5.0-rc.1", BAD, 0.2, HOURS - 12, fails=0.2, family=TEST_EVENTS),
        Cohort(SHOP, "ios", "1.5.0-rc.1", BAD, 0.2, HOURS - 12, family=TEST_EVENTS),
    ]


@dataclass
class History:
    """What the exporters counted at each scrape, and when each series appeared."""

    start: int
    end: int
    counts: dict[Key, list[tuple[int, int]]] = field(default_factory=dict)
    """(time, value) wherever the value changed."""

    def count(self, since: float, action: str, **labels: str) -> int:
        """Events of an action after `since` whose labels have these values: the truth that dashboards should show."""
        wanted = labels.items()
        return sum(
            changes[-1][1] - next((value for at, value in reversed(changes) if at <= since), 0)
            for key, changes in self.counts.items()
            if key.action == action and all(getattr(key, name) == value for name, value in wanted)
        )

    def openmetrics(self) -> Iterator[str]:
        for family in (EVENTS, TEST_EVENTS):
            yield f"# TYPE {family.removesuffix('_total')} counter"
            for key in sorted(key for key in self.counts if key.family == family):
                yield from self._samples(key)
        yield from machinery.openmetrics(self)
        yield "# EOF"

    def _samples(self, key: Key) -> Iterator[str]:
        labels = ",".join(f'{name}="{value}"' for name, value in key._asdict().items() if name != "family")
        changes = dict(self.counts[key])
        value = 0
        for at in range(min(changes), self.end + 1, STEP):
            value = changes.get(at, value)
            yield f'{key.family}{{job="{JOB}",{labels}}} {value} {at}'


def write_history(end: int) -> History:
    """The history up to `end` (seconds since the epoch); the same for the same end."""
    end -= end % STEP
    history = History(end - HOURS * 3600, end)
    chance = random.Random(5)
    totals: Counter[Key] = Counter()
    for at in range(history.start, end + 1, STEP):
        hour = (at - history.start) / 3600
        happened = Counter(
            Key(cohort.family, cohort.app_id, cohort.platform, version, action, chance.choice(INSTANCES))
            for cohort in cohorts()
            for _ in range(_poisson(cohort.rate * cohort.share(hour) * _daylight(hour), chance))
            for version, action in _story(cohort, chance)
        )
        for key, number in happened.items():
            _appear(history, key, at)
            totals[key] += number
            history.counts[key].append((at, totals[key]))
    return history


def _appear(history: History, key: Key, at: int) -> None:
    """A series is seen at 0 before it counts, and the outcomes of a version come together."""
    for action in (key.action, *OUTCOMES):
        history.counts.setdefault(key._replace(action=action), [(max(at - 2 * STEP, history.start), 0)])


def _daylight(hour: float) -> float:
    return 1.0 if hour % 24 > 6 else 0.6


def _poisson(mean: float, chance: random.Random) -> int:
    number, left = 0, chance.expovariate(1)
    while left < mean:
        number, left = number + 1, left + chance.expovariate(1)
    return number


def _story(cohort: Cohort, chance: random.Random) -> Iterator[tuple[str, str]]:
    """The (version, action) pairs of one device that is offered an update."""
    if cohort.platform in ("electron", "react-native"):
        yield from ((cohort.version, "set") for _ in range(8))
        yield cohort.version, "download_fail" if chance.random() < 0.02 else "download_complete"
        return
    yield from ((cohort.before, "app_moved_to_foreground") for _ in range(2))
    arrived = yield from _download(cohort, chance)
    if arrived:
        yield from _install(cohort, chance)


def _download(cohort: Cohort, chance: random.Random) -> Generator[tuple[str, str], None, bool]:
    """Whether the bundle is on the device in the end."""
    way = "manifest" if chance.random() < 0.3 else "zip"
    yield cohort.version, f"download_{way}_start"
    stops = chance.random() < 0.012
    breaks = chance.random() < cohort.breaks
    reached = chance.choice(range(10, 70, 10)) if stops else 100
    # A second download in one run of an Android app reports no progress.
    silent = cohort.platform == "android" and chance.random() < 0.15
    if not silent:
        yield from ((cohort.version, f"download_{step}") for step in _steps(cohort, way, chance) if step <= reached)
    if stops:
        yield "unknown", "download_fail"
        return False
    yield cohort.version, f"download_{way}_complete"
    if breaks:
        yield cohort.before, chance.choice(("unzip_fail", "unzip_fail", "checksum_fail"))
        yield cohort.version, "finish_download_fail"
        if way == "manifest":
            yield from ((cohort.version, "download_manifest_checksum_fail") for _ in range(3))
        return False
    unpacked = (80, 90) if cohort.platform == "android" or way == "zip" else ()
    if not silent:
        yield from ((cohort.version, f"download_{step}") for step in unpacked)
    yield cohort.version, "download_complete"
    return True


def _steps(cohort: Cohort, way: str, chance: random.Random) -> list[int]:
    if cohort.platform == "android":
        return [step for step in range(10, 80, 10) if step == 70 or chance.random() < 0.9]
    if way == "zip":
        return [0, 70]
    return [0, 10, 10, 20, 20, 20, 30, 30, 40, 50, 50, 60, 60, 70]


def _install(cohort: Cohort, chance: random.Random) -> Iterator[tuple[str, str]]:
    yield cohort.version, "set_next"
    if chance.random() < cohort.fails / 3:
        yield cohort.version, "set_fail"
        return
    yield cohort.version, "set"
    yield cohort.version, "app_moved_to_foreground"
    if chance.random() < cohort.fails * 2 / 3:
        yield cohort.version, "update_fail"
        yield cohort.before, "set"  # the rollback puts the version before in place again
        yield cohort.before, "app_moved_to_foreground"
    else:
        yield from ((cohort.version, "app_moved_to_foreground") for _ in range(chance.randrange(1, 4)))
