"""How each series is shown to scrapers.

A series is never shown at a value Prometheus did not see it come from. Its states, each step committed before the
text that shows it:

    hidden    counted, not on /metrics yet
    held      on /metrics at its base: 0 if new, else the value it was last shown at
    released  on /metrics at its total; only expiry ends this
    dormant   left /metrics with its version, kept for a return; the oldest are forgotten first
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, NamedTuple

from exporter.counting.changes import Changes, Show, State
from exporter.wire.families import BESIDE, lines_of
from exporter.wire.labels import Series, Version

SCRAPES_HELD: Final = 2
"""Scrapes that must have shown the held value before the series moves: one sample alone may be lost."""


class Shape(NamedTuple):
    """What a view says of its series beside their values."""

    series: Sequence[Series]
    of_events: Sequence[bool]
    lines: int


_NOTHING_SHOWN: Final = Shape((), (), 0)


def _shape(shown: Iterable[Series]) -> Shape:
    series = [*shown]
    names = [each.name for each in series]
    return Shape(series, [name not in BESIDE for name in names], sum(map(lines_of, names)))


class Shows:
    """The states of all series. `advance`, `end` and `oldest` ask; the others change, as was committed."""

    def __init__(self, zero_hold: float) -> None:
        """`zero_hold` in seconds: for so long a series is held."""
        self._hold = zero_hold
        self.of: dict[Series, Show] = {}
        self.shown: dict[Series, int] = {}
        """Those on /metrics, with the values that they have there."""
        self.dormant: dict[Series, int] = {}
        """With the events that they counted."""
        self.by_version: dict[Version, list[Series]] = {}
        self.lines = 0
        """The series that Prometheus makes of all but dormant ones."""
        self.departures = 0
        self._shape = _NOTHING_SHOWN
        """For views; another one after each change."""
        self._pending: dict[Series, int] = {}
        """Those hidden or held, with the scrapes that have shown them since they are."""
        self._untold: set[Version] = set()
        """Those with events, or a release, that no scrape has shown yet."""

    def add(self, series: Series) -> None:
        """There is a new one."""
        self.lines += lines_of(series.name)
        self.by_version.setdefault(series.version, []).append(series)

    def put(self, series: Series, show: Show, total: int) -> None:
        """A series, in which `total` is counted, is shown so from now on."""
        self.of[series] = show
        self._pending.pop(series, None)
        if self.dormant.pop(series, None) is not None:
            self.lines += lines_of(series.name)
        if show.state is State.RELEASED:
            self.shown[series] = total
        elif show.state is State.HELD:
            self._pending[series] = 0
            self.shown[series] = show.base
        else:
            self._hide(series, show, total)

    def _hide(self, series: Series, show: Show, total: int) -> None:
        if self.shown.pop(series, None) is not None:
            self.departures += 1
            self._shape = _NOTHING_SHOWN
        if show.state is State.DORMANT:
            self.lines -= lines_of(series.name)
            self.dormant[series] = total if series.name not in BESIDE else 0
        else:
            self._pending[series] = 0

    def drop(self, series: Series) -> int:
        """A dormant one is forgotten, with the events that it counted."""
        del self.of[series]
        kept = self.by_version[series.version]
        kept.remove(series)
        if not kept:
            del self.by_version[series.version]
        return self.dormant.pop(series)

    def advance(self, changes: Changes) -> None:
        """Ask which series move on with a scrape, and which are held for it once more."""
        for series, times_shown in self._pending.items():
            if series not in changes.shows:
                show = self._advanced(self.of[series], times_shown, changes.at)
                if show is None:
                    changes.held_again.append(series)
                else:
                    changes.shows[series] = show

    def _advanced(self, show: Show, times_shown: int, now: float) -> Show | None:
        state, base, since = show
        if self._hold <= 0:
            return Show(State.RELEASED, base, now)
        if state is State.HIDDEN or now < since:  # the latter: the clock was turned back, so the hold starts anew
            return Show(State.HELD, base, now)
        if times_shown >= SCRAPES_HELD and now - since >= self._hold:
            return Show(State.RELEASED, base, now)
        return None

    def end(self, version: Version, changes: Changes) -> None:
        """Ask what becomes of the series of a version that leaves /metrics."""
        for series in self.by_version[version]:
            show = self.of[series]
            if show.state is not State.DORMANT:
                base = self.shown.get(series, show.base)
                changes.shows[series] = Show(State.DORMANT, base, changes.at)

    def oldest(self, number: int) -> list[Series]:
        """At least so many dormant series: of a version all of them, or a part of a histogram could return alone."""
        versions: dict[Version, None] = {}
        found: list[Series] = []
        for series in self.dormant:
            if series.version not in versions:
                if len(found) >= number:
                    break
                versions[series.version] = None
                found += (other for other in self.by_version[series.version] if other in self.dormant)
        return found

    def tell(self, changes: Changes) -> None:
        """A scrape shows what is."""
        self._untold.clear()
        held = (series for series, show in changes.shows.items() if show.state is State.HELD)
        for series in chain(changes.held_again, held):
            self._pending[series] += 1

    def owe(self, versions: Iterable[Version]) -> None:
        """These have what a scrape has still to show."""
        self._untold.update(versions)

    def is_told(self, version: Version) -> bool:
        """Whether a scrape has shown all its events: if it ended before, they would be in nobody's samples."""
        return version not in self._untold and self._pending.keys().isdisjoint(self.by_version[version])

    def leave(self, version: Version) -> None:
        """A version has left /metrics: nothing of it is to be shown."""
        self._untold.discard(version)

    def shape(self) -> Shape:
        """Which series are shown; the same one as long as these are the same."""
        if len(self._shape.series) != len(self.shown):
            self._shape = _shape(self.shown)
        return self._shape
