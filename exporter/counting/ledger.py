"""What is counted, what has been seen, and what is shown.

A `Draft` and `Ledger.exposure` ask: what would these posts, or this scrape, change? `Ledger.apply` changes. In
between, the caller commits the `Changes` to disk, so memory never runs ahead of what would survive a crash; at a
restart the same `apply` rebuilds memory from the disk's rows.

This module knows no clock, no disk and no framework: time and limits are arguments.
"""

from collections.abc import Collection
from typing import NamedTuple

from exporter.counting.budgets import Budgets
from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.census import Census
from exporter.counting.changes import Changes, Show, Sighting, State
from exporter.counting.devices import Devices
from exporter.counting.seen import Seen
from exporter.counting.shows import Shows
from exporter.counting.sightings import Sightings
from exporter.counting.view import Heard, Newest, View
from exporter.wire.actions import FAILED_OUTCOMES
from exporter.wire.families import BESIDE, lines_of
from exporter.wire.labels import UNKNOWN_VERSION, Series, Version


class Limits(NamedTuple):
    """`version_ttl` and `zero_hold` in seconds; `max_dormant` in series; `memory` in fingerprints; and devices."""

    version_ttl: float
    zero_hold: float
    max_dormant: int
    memory: int
    budgets: BudgetLimits
    devices: int = 0


class Ledger:
    """The counts and the memory of one data directory. Not thread-safe: the committer alone calls."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._totals: dict[Series, int] = {}
        self._shows = Shows(limits.zero_hold)
        self._dormant = self._shows.dormant  # at hand, because every series of a post asks
        self._sightings = Sightings(limits.version_ttl)
        self._counted = 0
        self._forgotten_events = 0
        self.seen = Seen(limits.memory)
        self.census = Census()
        self.devices = Devices(limits.devices)
        self.budgets = Budgets(limits.budgets)

    def exposure(self, now: float) -> Changes:
        """Ask what a scrape at `now` changes: the births, releases and expiries that are due."""
        changes = Changes(now, scraped=True)
        self._expire(changes)
        self._forget(changes)
        self._shows.advance(changes)
        self.devices.due(changes)
        return changes

    def _expire(self, changes: Changes) -> None:
        for version in self._sightings.before(changes.at - self._limits.version_ttl):
            if self._shows.is_told(version):
                self.end(version, changes)

    def end(self, version: Version, changes: Changes) -> None:
        """Have a version leave /metrics."""
        changes.ended.append(version)
        self._shows.end(version, changes)

    def _forget(self, changes: Changes) -> None:
        excess = len(self._dormant) - self._limits.max_dormant
        if excess > 0:
            changes.forgotten = self._shows.oldest(excess)
            lost = sum(self._dormant[series] for series in changes.forgotten)
            changes.forgotten_events = self._forgotten_events + lost

    def begin_anew(self, now: float) -> Changes:
        """Ask what it takes to show every series from 0 on; what was counted so far becomes forgotten."""
        changes = Changes(now, forgotten_events=self._forgotten_events + self._counted)
        changes.totals = dict.fromkeys(self._totals, 0)
        changes.sightings = self._sightings.of.copy()  # this is no event
        for series, show in self._shows.of.items():
            state = State.DORMANT if show.state is State.DORMANT else State.HIDDEN
            changes.shows[series] = Show(state, 0, now)
        return changes

    def apply(self, changes: Changes) -> None:
        """Bring about what was committed. The only way in which a ledger changes, live and at restart."""
        self._apply_series(changes)
        for version, sighting in sorted(changes.sightings.items(), key=_first):
            self._sightings.put(version, sighting)
            self.census.add(version, sighting.first)
        for version in changes.ended:
            self._shows.leave(version)
            self._sightings.remove(version)
            self.census.remove(version)
        if changes.forgotten_events is not None:
            self._forgotten_events = changes.forgotten_events
        self.devices.apply(changes)
        if changes.fingerprints:
            self.seen.add(changes.fingerprints, changes.at)

    def _apply_series(self, changes: Changes) -> None:
        self._apply_totals(changes)
        counted = {series.version for series in changes.totals}
        for version in counted:
            self._sightings.see(version, changes.at)
        for series, show in changes.shows.items():
            self._shows.put(series, show, self._totals[series])
        if changes.scraped:
            self._shows.tell(changes)
        else:
            self._shows.owe(counted)
            self._shows.owe(series.version for series in changes.shows)
        for series in changes.forgotten:
            self._counted -= self._shows.drop(series)
            del self._totals[series]

    def _apply_totals(self, changes: Changes) -> None:
        totals, shows, shown = self._totals, self._shows.of, self._shows.shown
        released, counted = State.RELEASED, 0
        for series, total in changes.totals.items():
            before = totals.get(series)
            totals[series] = total
            if series.name not in BESIDE:
                counted += total - (before or 0)
            if before is None:
                self._shows.add(series)
                if series not in changes.shows:  # as it is when the ledger is loaded
                    self._shows.put(series, Show(State.HIDDEN, 0, 0.0), total)
            elif shows[series].state is released:
                shown[series] = total
        self._counted += counted

    # What is shown.

    def view(self) -> View:
        """What a scrape shows now. Posts wait for it, so it copies as little as there must be."""
        shape = self._shows.shape()
        return View(
            shape.series,
            list(self._shows.shown.values()),
            shape.of_events,
            shape.lines,
            self._shows.departures,
            self._sightings.of.copy(),
            self._counted,
            sum(self._dormant.values()),
            self._forgotten_events,
            self.budgets.use(self.census),
            self._limits.budgets.max_series,
            self.devices.view(self._shows_devices),
        )

    def _shows_devices(self, version: Version) -> bool:
        """Whether a version is on /metrics; of what devices run, one that was never told is, with its app."""
        return version in self._sightings.of or (
            version.version == UNKNOWN_VERSION and version.app_id in self.census.apps
        )

    def counted(self) -> dict[Version, int]:
        """The events of each version on /metrics, those that are not shown yet among them."""
        return {version: self._events(version) for version in self._sightings.of}

    def newest(self, most: int) -> Newest:
        """The versions heard from last, at most so many. Posts wait for it, so it adds up no more than these."""
        found = self._sightings.newest(most)
        heard = [Heard(version, seen.last, self._events(version), self._failures(version)) for version, seen in found]
        return Newest(heard, len(self._sightings.of) - len(heard))

    def _failures(self, version: Version) -> int:
        return sum(self._totals.get(Series(version, action), 0) for action in FAILED_OUTCOMES)

    def _events(self, version: Version) -> int:
        return sum(self._totals[series] for series in self._shows.by_version[version] if series.name not in BESIDE)

    # What a draft needs to know.

    @property
    def lines(self) -> int:
        """The series that Prometheus makes of those that are on /metrics, or will be with the next scrape."""
        return self._shows.lines

    def visible_lines(self, version: Version) -> int:
        """Those of a version."""
        return sum(lines_of(series.name) for series in self._shows.by_version[version] if series not in self._dormant)

    def visible_total(self, series: Series) -> int | None:
        """What is counted in a series that is on /metrics, or will be with the next scrape; else `None`."""
        return None if series in self._dormant else self._totals.get(series)

    def total(self, series: Series) -> int | None:
        """What is counted in a series, or `None` for one that does not exist."""
        return self._totals.get(series)

    def show(self, series: Series) -> Show:
        """How an existing series is shown."""
        return self._shows.of[series]

    def sighting(self, version: Version) -> Sighting | None:
        """When a version was seen first and last, `None` for one that is not on /metrics."""
        return self._sightings.of.get(version)

    def must_store_sighting(self, version: Version, now: float) -> bool:
        """Whether the last sighting on disk of a visible version has become too old."""
        return self._sightings.must_store(version, now)

    def idle_use(self, versions: Collection[Version], before: float) -> int | None:
        """The events of some versions, `None` if one had any since `before`, or has some that no scrape has shown."""
        sightings = map(self._sightings.of.get, versions)
        if any(sighting is None or sighting.last >= before for sighting in sightings):
            return None
        if not all(map(self._shows.is_told, versions)):
            return None
        return sum(map(self._events, versions))


def _first(seen: tuple[Version, Sighting]) -> float:
    return seen[1].first
