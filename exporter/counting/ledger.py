"""What is counted, what has been seen, and what is shown.

A `Draft` and `Ledger.exposure` ask: what would these posts, or this scrape, change? `Ledger.apply` changes. In
between, the caller commits the `Changes` to disk, so memory never runs ahead of what would survive a crash; at a
restart the same `apply` rebuilds memory from the disk's rows.

A series is never shown at a value Prometheus did not see it come from. Its states, each step committed before the
text that shows it:

    hidden    counted, not on /metrics yet
    held      on /metrics at its base: 0 if new, else the value it was last shown at
    released  on /metrics at its total; only expiry ends this
    dormant   left /metrics with its version, kept for a return; the oldest are forgotten first

This module knows no clock, no disk and no framework: time and limits are arguments.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import chain, compress
from typing import Final, NamedTuple

import msgspec

from exporter.counting.budgets import Budgets, Use
from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.census import Census
from exporter.counting.changes import Changes, Show, Sighting, State
from exporter.counting.devices import Devices
from exporter.counting.here import Here
from exporter.counting.seen import Seen
from exporter.wire.actions import FAILED_OUTCOMES
from exporter.wire.families import BESIDE, lines_of
from exporter.wire.labels import UNKNOWN_VERSION, Series, Version
from exporter.wire.words import Word

SCRAPES_HELD: Final = 2
"""Scrapes that must have shown the held value before the series moves: one sample alone may be lost."""

LAST_SEEN_STEP: Final = 3600.0
"""Seconds by which the last sighting of a version may be older on disk than in memory."""


class Entries(msgspec.Struct, frozen=True, gc=False):
    """Events as the ledger takes them, column by column; one without a fingerprint is counted each time it arrives."""

    series: Sequence[Series]
    fingerprints: Sequence[int | None]
    timestamps: Sequence[int]
    """By the device's clock, in milliseconds since the epoch."""

    devices: Sequence[int]
    """The keys of those that sent them; 0 for one without an id."""

    words: Sequence[Word]
    durations: Mapping[int, int] = {}
    """By index, the milliseconds that an event which counts in a part of a histogram took."""

    exits: Mapping[int, int] = {}
    """By index, when the process died whose end an event reports, in milliseconds by the device's clock."""


class Limits(NamedTuple):
    """`version_ttl` and `zero_hold` in seconds; `max_dormant` in series; `memory` in fingerprints; and devices."""

    version_ttl: float
    zero_hold: float
    max_dormant: int
    memory: int
    budgets: BudgetLimits
    devices: int = 0


class View(NamedTuple):
    """What one scrape shows: the `values` of the visible `series`, in one order, and which of these count events.

    New series come last; `departures` is how many have ever left, so while it stays, so does the order of those before.
    `lines` is how many series Prometheus makes of them. `sightings` are of the versions on /metrics; `counted`,
    `dormant` and `forgotten` are numbers of events, the dormant ones among the counted; `budgets` is how full each
    label's budget is.
    """

    series: Sequence[Series]
    values: Sequence[int]
    of_events: Sequence[bool]
    lines: int
    departures: int
    sightings: dict[Version, Sighting]
    counted: int
    dormant: int
    forgotten: int
    budgets: dict[str, Use]
    series_limit: int
    devices: Here

    @property
    def shown(self) -> dict[Series, int]:
        """The values by their series."""
        return dict(zip(self.series, self.values, strict=True))

    @property
    def events(self) -> dict[str, int]:
        """The number of events by what became of them; those shown add up to the values of the counters of events."""
        shown = sum(compress(self.values, self.of_events))
        held = self.counted - shown - self.dormant
        return {"shown": shown, "held": held, "dormant": self.dormant, "forgotten": self.forgotten}

    @property
    def newest(self) -> dict[str, float]:
        """The arrival of the newest event of each app, in seconds since the epoch.

        After a restart it may be older than it was by up to `LAST_SEEN_STEP`, until the app's next event.
        """
        found: dict[str, float] = {}
        for version, sighting in self.sightings.items():
            found[version.app_id] = max(found.get(version.app_id, 0.0), sighting.last)
        return found


class Heard(NamedTuple):
    """A version on /metrics: when its newest event arrived, in seconds since the epoch, and what is counted of it,
    shown or not: events, and failed outcomes among them.
    """

    version: Version
    last: float
    events: int
    failures: int


class Newest(NamedTuple):
    """The versions heard from last, the newest first, and how many more are on /metrics."""

    versions: Sequence[Heard]
    others: int


class _Shape(NamedTuple):
    """What a view says of its series beside their values."""

    series: Sequence[Series]
    of_events: Sequence[bool]
    lines: int


_NOTHING_SHOWN: Final = _Shape((), (), 0)


def _shape(shown: Iterable[Series]) -> _Shape:
    series = [*shown]
    names = [each.name for each in series]
    return _Shape(series, [name not in BESIDE for name in names], sum(map(lines_of, names)))


def _first(seen: tuple[Version, Sighting]) -> float:
    return seen[1].first


def _last(seen: tuple[Version, Sighting]) -> tuple[float, Version]:
    version, sighting = seen
    return sighting.last, version


class Ledger:
    """The counts and the memory of one data directory. Not thread-safe: the caller holds the commit lock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._totals: dict[Series, int] = {}
        self._shows: dict[Series, Show] = {}
        self._shown: dict[Series, int] = {}
        self._shape = _NOTHING_SHOWN
        """For views; another one after each change."""
        self._lines = 0
        """Of all series but dormant ones."""
        self._departures = 0
        self._pending: dict[Series, int] = {}
        self._dormant: dict[Series, int] = {}
        """With the events that they counted."""
        self._sightings: dict[Version, Sighting] = {}
        self._stored_last: dict[Version, float] = {}
        self._series: dict[Version, list[Series]] = {}
        self._counted = 0
        self._untold: set[Version] = set()
        """Those with events, or a release, that no scrape has shown yet."""
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
        for series, times_shown in self._pending.items():
            if series not in changes.shows:
                self._advance(series, times_shown, changes)
        self.devices.due(changes)
        return changes

    def _advance(self, series: Series, times_shown: int, changes: Changes) -> None:
        now, hold = changes.at, self._limits.zero_hold
        state, base, since = self._shows[series]
        if hold <= 0:
            changes.shows[series] = Show(State.RELEASED, base, now)
        elif state is State.HIDDEN or now < since:  # the latter: the clock was turned back, so the hold starts anew
            changes.shows[series] = Show(State.HELD, base, now)
        elif times_shown >= SCRAPES_HELD and now - since >= hold:
            changes.shows[series] = Show(State.RELEASED, base, now)
        else:
            changes.held_again.append(series)

    def _expire(self, changes: Changes) -> None:
        horizon = changes.at - self._limits.version_ttl
        for version, sighting in self._sightings.items():
            if sighting.last < horizon and self._is_told(version):
                self.end(version, changes)

    def _is_told(self, version: Version) -> bool:
        """Whether a scrape has shown all its events: if it ended before, they would be in nobody's samples."""
        return version not in self._untold and self._pending.keys().isdisjoint(self._series[version])

    def end(self, version: Version, changes: Changes) -> None:
        """Have a version leave /metrics."""
        changes.ended.append(version)
        for series in self._series[version]:
            show = self._shows[series]
            if show.state is not State.DORMANT:
                base = self._shown.get(series, show.base)
                changes.shows[series] = Show(State.DORMANT, base, changes.at)

    def _forget(self, changes: Changes) -> None:
        excess = len(self._dormant) - self._limits.max_dormant
        if excess > 0:
            changes.forgotten = self._oldest(excess)
            lost = sum(self._dormant[series] for series in changes.forgotten)
            changes.forgotten_events = self._forgotten_events + lost

    def _oldest(self, number: int) -> list[Series]:
        """At least so many dormant series: of a version all of them, or a part of a histogram could return alone."""
        versions: dict[Version, None] = {}
        found: list[Series] = []
        for series in self._dormant:
            if series.version not in versions:
                if len(found) >= number:
                    break
                versions[series.version] = None
                found += (other for other in self._series[series.version] if other in self._dormant)
        return found

    def apply(self, changes: Changes) -> None:
        """Bring about what was committed. The only way in which a ledger changes, live and at restart."""
        self._apply_series(changes)
        for version, sighting in sorted(changes.sightings.items(), key=_first):
            self._sightings[version] = sighting
            self._stored_last[version] = sighting.last
            self.census.add(version, sighting.first)
        for version in changes.ended:
            self._untold.discard(version)
            del self._sightings[version], self._stored_last[version]
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
            self._see(version, changes.at)
        for series, show in changes.shows.items():
            self._apply_show(series, show)
        if changes.scraped:
            self._note_shown(changes)
        else:
            self._untold |= counted
            self._untold.update(series.version for series in changes.shows)
        for series in changes.forgotten:
            self._drop(series)

    def _note_shown(self, changes: Changes) -> None:
        self._untold.clear()
        held = (series for series, show in changes.shows.items() if show.state is State.HELD)
        for series in chain(changes.held_again, held):
            self._pending[series] += 1

    def _see(self, version: Version, now: float) -> None:
        sighting = self._sightings.get(version)
        if sighting is not None and sighting.last < now:
            self._sightings[version] = Sighting(sighting.first, now)

    def _apply_totals(self, changes: Changes) -> None:
        totals, shows, shown = self._totals, self._shows, self._shown
        released, counted = State.RELEASED, 0
        for series, total in changes.totals.items():
            before = totals.get(series)
            totals[series] = total
            if series.name not in BESIDE:
                counted += total - (before or 0)
            if before is None:
                self._lines += lines_of(series.name)
                self._series.setdefault(series.version, []).append(series)
                if series not in changes.shows:  # as it is when the ledger is loaded
                    self._apply_show(series, Show(State.HIDDEN, 0, 0.0))
            elif shows[series].state is released:
                shown[series] = total
        self._counted += counted

    def _apply_show(self, series: Series, show: Show) -> None:
        self._shows[series] = show
        self._pending.pop(series, None)
        if self._dormant.pop(series, None) is not None:
            self._lines += lines_of(series.name)
        if show.state is State.RELEASED:
            self._shown[series] = self._totals[series]
        elif show.state is State.HELD:
            self._pending[series] = 0
            self._shown[series] = show.base
        else:
            if self._shown.pop(series, None) is not None:
                self._departures += 1
                self._shape = _NOTHING_SHOWN
            if show.state is State.DORMANT:
                self._lines -= lines_of(series.name)
                self._dormant[series] = self._totals[series] if series.name not in BESIDE else 0
            else:
                self._pending[series] = 0

    def _drop(self, series: Series) -> None:
        self._counted -= self._dormant[series]
        del self._dormant[series], self._shows[series], self._totals[series]
        kept = self._series[series.version]
        kept.remove(series)
        if not kept:
            del self._series[series.version]

    def view(self) -> View:
        """What a scrape shows now. Posts wait for it, so it copies as little as there must be."""
        if len(self._shape.series) != len(self._shown):
            self._shape = _shape(self._shown)
        return View(
            self._shape.series,
            list(self._shown.values()),
            self._shape.of_events,
            self._shape.lines,
            self._departures,
            self._sightings.copy(),
            self._counted,
            sum(self._dormant.values()),
            self._forgotten_events,
            self.budgets.use(self.census),
            self._limits.budgets.max_series,
            self.devices.view(self._shows_devices),
        )

    def _shows_devices(self, version: Version) -> bool:
        """Whether a version is on /metrics; of what devices run, one that was never told is, with its app."""
        return version in self._sightings or (version.version == UNKNOWN_VERSION and version.app_id in self.census.apps)

    def counted(self) -> dict[Version, int]:
        """The events of each version on /metrics, those that are not shown yet among them."""
        return {version: self._events(version) for version in self._sightings}

    def newest(self, most: int) -> Newest:
        """The versions heard from last, at most so many. Posts wait for it, so it adds up no more than these."""
        found = nlargest(most, self._sightings.items(), key=_last)
        heard = [Heard(version, seen.last, self._events(version), self._failures(version)) for version, seen in found]
        return Newest(heard, len(self._sightings) - len(heard))

    def _failures(self, version: Version) -> int:
        return sum(self._totals.get(Series(version, action), 0) for action in FAILED_OUTCOMES)

    def _events(self, version: Version) -> int:
        return sum(self._totals[series] for series in self._series[version] if series.name not in BESIDE)

    def begin_anew(self, now: float) -> Changes:
        """Ask what it takes to show every series from 0 on; what was counted so far becomes forgotten."""
        changes = Changes(now, forgotten_events=self._forgotten_events + self._counted)
        changes.totals = dict.fromkeys(self._totals, 0)
        changes.sightings = self._sightings.copy()  # this is no event
        for series, show in self._shows.items():
            state = State.DORMANT if show.state is State.DORMANT else State.HIDDEN
            changes.shows[series] = Show(state, 0, now)
        return changes

    # What a draft needs to know.

    @property
    def lines(self) -> int:
        """The series that Prometheus makes of those that are on /metrics, or will be with the next scrape."""
        return self._lines

    def visible_lines(self, version: Version) -> int:
        """Those of a version."""
        return sum(lines_of(series.name) for series in self._series[version] if series not in self._dormant)

    def visible_total(self, series: Series) -> int | None:
        """What is counted in a series that is on /metrics, or will be with the next scrape; else `None`."""
        return None if series in self._dormant else self._totals.get(series)

    def total(self, series: Series) -> int | None:
        """What is counted in a series, or `None` for one that does not exist."""
        return self._totals.get(series)

    def show(self, series: Series) -> Show:
        """How an existing series is shown."""
        return self._shows[series]

    def sighting(self, version: Version) -> Sighting | None:
        """When a version was seen first and last, `None` for one that is not on /metrics."""
        return self._sightings.get(version)

    def must_store_sighting(self, version: Version, now: float) -> bool:
        """Whether the last sighting on disk of a visible version has become too old."""
        return now - self._stored_last[version] >= min(LAST_SEEN_STEP, self._limits.version_ttl / 10)

    def idle_use(self, versions: Collection[Version], before: float) -> int | None:
        """The events of some versions, `None` if one had any since `before`, or has some that no scrape has shown."""
        sightings = map(self._sightings.get, versions)
        if any(sighting is None or sighting.last >= before for sighting in sightings):
            return None
        if not all(map(self._is_told, versions)):
            return None
        return sum(map(self._events, versions))
