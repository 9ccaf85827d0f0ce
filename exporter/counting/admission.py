"""Which series an event may have: its own, or one with its version, or its app as well, folded.

Whether a version may enter is one decision, made on what the ledger will be after the draft and before anything
changes: what has to end for it, and whether its series fit then. Only a decision to let it in is carried out. So
nothing ends but for what enters in its place, and to ask again for what was refused changes nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Set
from functools import cached_property
from typing import Final

from exporter.counting.budgets import IDLE_SECONDS, RESERVED_SERIES, Verdict, fold_app, fold_version
from exporter.counting.census import Census, Group
from exporter.counting.changes import Changes, State
from exporter.counting.ledger import Ledger
from exporter.wire.actions import OUTCOMES
from exporter.wire.families import born_with, lines_of
from exporter.wire.labels import Series, Version

_APPS: Final = ""
"""The budget of apps, among those of versions, which go by their app's name."""


class Admission:
    """What one draft lets in; asks the ledger, and leaves it as it is."""

    def __init__(self, ledger: Ledger, changes: Changes, met: Set[Version]) -> None:
        """`changes` are the draft's; `met` are the versions it has events of, and so none of them ends for another."""
        self._ledger = ledger
        self._changes = changes
        self._met = met
        self._lines = ledger.lines
        self._out: set[Version] = set()
        """Until the draft's end: those that made room for others, or for which there is none."""
        self._exhausted: set[str] = set()
        """The budgets in which nothing is left that could make room."""

    @cached_property
    def _census(self) -> Census:
        return self._ledger.census.fork()

    def place(self, series: Series, device: int) -> Series:
        """The series that an event counts in."""
        if self._is_visible(series) or self._enters(series, device):
            return series
        folded = fold_version(series)
        if self._is_visible(folded) or self._enters_folded(folded):
            return folded
        folded = fold_app(series)
        if not self._is_visible(folded):
            self._carry_out(folded, ())  # room for it is always kept
        return folded

    def _is_visible(self, series: Series) -> bool:
        """Whether a series is on /metrics, or will be with the scrape after the draft."""
        show = self._changes.shows.get(series)
        if show is not None:
            return show.state is not State.DORMANT
        return series in self._changes.totals or self._ledger.visible_total(series) is not None

    def _enters(self, series: Series, device: int) -> bool:
        version = series.version
        if self._census.is_in(version):
            return self._try(series, (), 2 * RESERVED_SERIES)
        ends = None if version in self._out else self._decide(version, device)
        if ends is None:
            return False
        entered = self._try(series, ends, 2 * RESERVED_SERIES)
        if not entered:
            self._out.add(version)
        return entered

    def _enters_folded(self, series: Series) -> bool:
        version = series.version
        could = version.app_id in self._census.apps and version not in self._out
        return could and self._try(series, (), RESERVED_SERIES)

    def _decide(self, version: Version, device: int) -> Collection[Version] | None:
        """What has to end so that a version may enter, mostly nothing; `None` if it may not."""
        for_app = self._room_for_app(version.app_id, device)
        if for_app is None:
            return None
        for_version = self._room_for_version(version, device)
        return None if for_version is None else [*for_app, *for_version]

    def _room_for_app(self, app_id: str, device: int) -> Collection[Version] | None:
        census = self._census
        if app_id in census.apps:
            return ()
        verdict = self._ledger.budgets.judge_app(census, app_id, device)
        return self._room(verdict, _APPS, census.app_groups)

    def _room_for_version(self, version: Version, device: int) -> Collection[Version] | None:
        census, app_id = self._census, version.app_id
        verdict = self._ledger.budgets.judge_version(census, app_id, version.version, device, self._changes.at)
        return self._room(verdict, app_id, lambda: census.version_groups(app_id))

    def _room(self, verdict: Verdict, budget: str, groups: Callable[[], Iterable[Group]]) -> Collection[Version] | None:
        if verdict is not Verdict.REPLACING:
            return () if verdict is Verdict.FREE else None
        least = None if budget in self._exhausted else min(self._idle(groups()), default=None)
        if least is None:
            self._exhausted.add(budget)
            return None
        return least[1]

    def _idle(self, groups: Iterable[Group]) -> Iterator[tuple[int, list[Version]]]:
        """The groups of which nothing is in use, with the number of their events."""
        before = self._changes.at - IDLE_SECONDS
        for group in groups:
            used = self._ledger.idle_use(group, before)
            if used is not None and self._met.isdisjoint(group):
                yield used, sorted(group)

    def _try(self, series: Series, ends: Collection[Version], reserved: int) -> bool:
        """Let a series in if it fits where some versions end; tells whether it did."""
        growth = self._growth(series, ends)
        fits = growth <= 0 or self._lines + growth <= self._ledger.budgets.limits.max_series - reserved
        if fits:
            self._carry_out(series, ends)
        return fits

    def _growth(self, series: Series, ends: Iterable[Version]) -> int:
        """By how many lines there are more: a version enters with all its outcomes, a series with its family."""
        version = series.version
        born = {*born_with(series.name), *(() if self._census.is_in(version) else OUTCOMES)}
        more = sum(lines_of(name) for name in born if not self._is_visible(Series(version, name)))
        return more - sum(map(self._ledger.visible_lines, ends))

    def _carry_out(self, series: Series, ends: Collection[Version]) -> None:
        self._lines += self._growth(series, ends)
        for version in ends:
            self._ledger.end(version, self._changes)
            self._census.remove(version)
        self._out.update(ends)
        if not self._census.is_in(series.version):
            self._census.add(series.version, self._changes.at)
