"""What posts would change: which of their events are new, and the series each of these counts in."""

from collections.abc import Callable, Iterable
from typing import Final

from exporter.counting.budgets import IDLE_SECONDS, RESERVED_SERIES, fold_app, fold_version
from exporter.counting.changes import Changes, Sighting, State
from exporter.counting.ledger import Entries, Ledger
from exporter.wire.actions import OUTCOMES
from exporter.wire.labels import Series, Version

OnDisk = Callable[[Iterable[tuple[int, int]]], Iterable[int]]

_NOTHING_FOLDED: Final = {"app_id": 0, "version": 0}


class Draft:
    """What several posts, each after the other, would change; asks the ledger, and leaves it as it is."""

    def __init__(self, ledger: Ledger, now: float, on_disk: OnDisk | None = None) -> None:
        """`on_disk` is asked, for pairs of timestamp and fingerprint that memory does not cover, which of them it has;
        `None` if none has ever left memory. `now` is in seconds since the epoch.
        """
        self.changes = Changes(now)
        self.folded = dict(_NOTHING_FOLDED)
        self._ledger = ledger
        self._on_disk = on_disk
        self._born: dict[str, set[str]] = {}
        self._met: set[Version] = set()
        self._added = 0

    def add(self, entries: Entries) -> list[Series | None]:
        """Draft one post; for each entry, the series it counts in, or `None` if it has been counted before."""
        known = self._known(entries)
        totals, remembered = self.changes.totals, self.changes.fingerprints
        met, visible_total = self._met, self._ledger.visible_total
        outcome: list[Series | None] = []
        for series, fingerprint, timestamp, device in zip(
            entries.series, entries.fingerprints, entries.timestamps, entries.devices, strict=True
        ):
            if fingerprint is not None:
                if fingerprint in known or fingerprint in remembered:
                    outcome.append(None)
                    continue
                remembered[fingerprint] = timestamp
            total = totals.get(series)
            if total is None:
                total = visible_total(series)
                if total is None or series.version not in met:  # one that was met stays until the draft's end
                    series, total = self._meet(series, total, device)
            totals[series] = total + 1
            outcome.append(series)
        return outcome

    def _known(self, entries: Entries) -> set[int]:
        """The fingerprints that the ledger remembers, in memory or on disk."""
        known = self._ledger.seen.known(set(entries.fingerprints))
        if self._on_disk is not None:
            known.update(self._on_disk(self._uncovered(entries)))
        return known

    def _uncovered(self, entries: Entries) -> list[tuple[int, int]]:
        """Timestamp and fingerprint of the events that may have left memory."""
        timestamps, covers, now = entries.timestamps, self._ledger.seen.covers, self.changes.at
        # Between two moments that are covered lie none that are not, so the first and the last tell of all.
        if timestamps and covers(min(timestamps) / 1000, now) and covers(max(timestamps) / 1000, now):
            return []
        return [
            (timestamp, fingerprint)
            for fingerprint, timestamp in zip(entries.fingerprints, timestamps, strict=True)
            if fingerprint is not None and not covers(timestamp / 1000, now)
        ]

    def _meet(self, series: Series, total: int | None, device: str) -> tuple[Series, int]:
        """The first event of a series in this draft: the one it counts in and its total, and what becomes visible."""
        if series.version in self.changes.ended:
            total = None
        if total is None:
            series = self._place(series, device)
        if series.version not in self._met:
            self._met.add(series.version)
            self._sight(series.version)
        if total is None:
            self._show_again(series)
            total = self.changes.totals.get(series, self._ledger.total(series) or 0)
        return series, total

    # Which series an event may have.

    def _place(self, series: Series, device: str) -> Series:
        """The series itself if the budgets allow it, else one with its version, or its app as well, folded."""
        reserved = RESERVED_SERIES
        if self._admits(series.version, device) and self._fits(series.version, 2 * reserved):
            return series
        self.folded["version"] += 1
        folded = fold_version(series)
        if self._is_visible(folded) or (self._has_app(series.version.app_id) and self._fits(folded.version, reserved)):
            return folded
        self.folded["app_id"] += 1
        return fold_app(series)

    def _is_visible(self, series: Series) -> bool:
        return self._ledger.visible_total(series) is not None and series.version not in self.changes.ended

    def _is_in(self, version: Version) -> bool:
        if version in self.changes.sightings:
            return True
        return self._ledger.sighting(version) is not None and version not in self.changes.ended

    def _has_app(self, app_id: str) -> bool:
        return app_id in self._ledger.census.apps or app_id in self._born

    def _fits(self, version: Version, reserved: int) -> bool:
        needed = 1 if self._is_in(version) else len(OUTCOMES) + 1
        limit = self._ledger.budgets.limits.max_series - reserved
        return self._ledger.series + self._added + needed <= limit

    def _admits(self, version: Version, device: str) -> bool:
        if self._is_in(version):
            return True
        if version in self.changes.ended:  # it made room for another one a moment ago
            return False
        return self._admits_app(version.app_id, device) and self._admits_version(version, device)

    def _admits_app(self, app_id: str, device: str) -> bool:
        if self._has_app(app_id):
            return True
        census, budgets = self._ledger.census, self._ledger.budgets
        if not budgets.admits_app(census, app_id, device):
            return False
        new = sum(app not in census.apps for app in self._born)
        if census.real_apps + new < budgets.limits.max_apps:
            return True
        return self._make_room([set().union(*labels.values()) for labels in census.apps.values()])

    def _admits_version(self, version: Version, device: str) -> bool:
        census, budgets = self._ledger.census, self._ledger.budgets
        born = self._born.get(version.app_id, set())
        if version.version in born:
            return True
        if not budgets.admits_version(census, version, device, len(born), self.changes.at):
            return False
        if census.versions(version.app_id) + len(born) < budgets.limits.max_versions:
            return True
        return self._make_room(census.replaceable(version.app_id))

    def _make_room(self, groups: Iterable[set[Version]]) -> bool:
        """End the least used group of versions of which none is in use; tells whether there is one."""
        idle = []
        for group in groups:
            used = self._ledger.idle_use(group, self.changes.at - IDLE_SECONDS)
            if used is not None and not group & self._met and not group.intersection(self.changes.ended):
                idle.append((used, sorted(group)))
        if not idle:
            return False
        for version in min(idle)[1]:
            self._ledger.end(version, self.changes)
        return True

    # What becomes visible with it.

    def _sight(self, version: Version) -> None:
        now, sighting = self.changes.at, self._ledger.sighting(version)
        if sighting is None:
            self._born.setdefault(version.app_id, set()).add(version.version)
            self.changes.sightings[version] = Sighting(now, now)
            for action in OUTCOMES:
                self._show_again(Series(version, action))
        elif self._ledger.must_store_sighting(version, now):
            self.changes.sightings[version] = Sighting(sighting.first, max(sighting.last, now))

    def _show_again(self, series: Series) -> None:
        total = self._ledger.total(series)
        if total is None:
            self._added += series not in self.changes.totals
            self.changes.totals.setdefault(series, 0)
        elif self._ledger.show(series).state is State.DORMANT:
            self._added += series not in self.changes.shows
            self.changes.shows[series] = self._ledger.show(series)._replace(state=State.HIDDEN)
