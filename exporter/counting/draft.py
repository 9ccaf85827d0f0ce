"""What posts would change: which of their events are new, and the series each of these counts in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Final

from exporter.counting.admission import Admission
from exporter.counting.attempts import Stage
from exporter.counting.budgets import label_version
from exporter.counting.census import OVERFLOW
from exporter.counting.changes import Changes, Sighting, State
from exporter.counting.entries import Entries
from exporter.counting.hearing import Hearing
from exporter.counting.ledger import Ledger
from exporter.counting.seen import OnDisk
from exporter.wire.actions import OUTCOMES
from exporter.wire.families import BESIDE, STAGES, SUM_OF, born_with
from exporter.wire.labels import UNKNOWN_VERSION, Series, Version, series_of
from exporter.wire.words import Word

_STAGES: Final = {stage: f"{STAGES.key}:{stage.label}" for stage in Stage}

_NEVER: Final = 2**63
"""Later than any timestamp."""

_NOTHING_FOLDED: Final = {"app_id": 0, "version": 0}


class Draft:
    """What several posts, each after the other, would change; asks the ledger, and leaves it as it is."""

    def __init__(self, ledger: Ledger, now: float, on_disk: OnDisk | None = None) -> None:
        """`on_disk` is `None` if no fingerprint has left memory. `now` is in seconds since the epoch."""
        self.changes = Changes(now)
        self.folded = dict(_NOTHING_FOLDED)
        self._ledger = ledger
        self._on_disk = on_disk
        self._met: set[Version] = set()
        self.hearing = Hearing(ledger.devices, self.changes)

    @cached_property
    def _admission(self) -> Admission:
        return Admission(self._ledger, self.changes, self._met)

    def add(self, entries: Entries) -> Sequence[Series | None]:
        """Draft one post; for each entry, the series it counts in, or `None` if it has been counted before."""
        asked = self._attributed(entries) if entries.exits else entries.series
        outcome = self._count(self._without_repeats(entries, asked), entries.devices)
        if entries.durations:
            self._add_up(entries.durations, outcome)
        if self._ledger.devices.limit:
            self._hear(entries, outcome)
        return outcome

    def _without_repeats(self, entries: Entries, asked: Sequence[Series]) -> Sequence[Series | None]:
        """The series asked for, `None` for the events that have been counted before; remembers the others."""
        fingerprints, timestamps = entries.fingerprints, entries.timestamps
        values = set(fingerprints)
        remembered, known = self.changes.fingerprints, self._known(entries, values)
        all_new = not known and len(values) == len(fingerprints) and remembered.keys().isdisjoint(values)
        if all_new and None not in values:  # as nearly always
            remembered.update(zip(fingerprints, timestamps, strict=True))  # type: ignore[arg-type]
            return asked
        found: list[Series | None] = []
        for series, fingerprint, timestamp in zip(asked, fingerprints, timestamps, strict=True):
            if fingerprint is None:
                found.append(series)
            elif fingerprint in known or fingerprint in remembered:
                found.append(None)
            else:
                remembered[fingerprint] = timestamp or 0
                found.append(series)
        return found

    def _count(self, asked: Sequence[Series | None], devices: Sequence[int]) -> Sequence[Series | None]:
        """Count events; for each, the series it counts in, as asked for where there is room.

        What there is no room for is never among the totals, so it is placed event by event.
        """
        totals = self.changes.totals
        if len(asked) > 1:
            numbers = {series: number for series, number in Counter(asked).items() if series is not None}
            if numbers.keys() <= totals.keys():  # as nearly always after the first posts of a draft
                for series, number in numbers.items():
                    totals[series] += number
                return asked
        return [
            None if series is None else self._count_one(series, device)
            for series, device in zip(asked, devices, strict=True)
        ]

    def _count_one(self, series: Series, device: int) -> Series:
        """Count an event, or a device in a stage; returns the series it counts in."""
        total = self.changes.totals.get(series)
        if total is None:
            total = self._ledger.visible_total(series)
            if total is None or series.version not in self._met:  # one that was met stays until the draft's end
                series, total = self._meet(series, total, device)
        self.changes.totals[series] = total + 1
        return series

    def _add_up(self, durations: Mapping[int, int], outcome: Sequence[Series | None]) -> None:
        """Add durations to the sums that stand beside the parts which their events count in."""
        totals = self.changes.totals
        for index, milliseconds in durations.items():
            counted = outcome[index]
            if counted is not None:
                beside = series_of(counted.version, SUM_OF[counted.name])
                total = totals.get(beside)
                if total is None:
                    total = self._ledger.total(beside) or 0
                totals[beside] = total + milliseconds

    def _attributed(self, entries: Entries) -> Sequence[Series]:
        """The series asked for, but those of a process that died before its version was seen: that was another one."""
        asked = list(entries.series)
        for index, moment in entries.exits.items():
            sighting = self._ledger.sighting(asked[index].version)
            if moment < (self.changes.at if sighting is None else sighting.first) * 1000:
                asked[index] = label_version(asked[index], UNKNOWN_VERSION)
        return asked

    def _hear(self, entries: Entries, outcome: Sequence[Series | None]) -> None:
        """Take in what a post's counted events say of their devices, and count the stages that these have entered."""
        words = self._words(entries, outcome) if entries.exits else entries.words
        devices = entries.devices
        if devices and devices.count(devices[0]) == len(devices):  # as nearly always
            self._hear_device(devices[0], words, outcome)
            return
        told = [
            (device, word, series)
            for device, word, series in zip(devices, words, outcome, strict=True)
            if device and series is not None and not series.version.test
        ]  # what is not heard ends nobody's turn
        for device, turn in groupby(told, itemgetter(0)):
            _, said, counted = zip(*turn, strict=True)
            self._hear_device(device, said, counted)

    def _hear_device(self, device: int, words: Sequence[Word], outcome: Sequence[Series | None]) -> None:
        if device:
            for entered in self.hearing.hear(device, words, outcome):
                self._count_one(series_of(entered.version, _STAGES[entered.stage]), device)

    def _words(self, entries: Entries, outcome: Sequence[Series | None]) -> Sequence[Word]:
        """What the events say; the end of a process that ran another version says nothing of the one that runs."""
        words = [*entries.words]
        for index in entries.exits:
            if outcome[index] != entries.series[index]:
                words[index] = Word.NOTHING
        return words

    def _known(self, entries: Entries, values: set[int | None]) -> set[int]:
        """Those of a post's fingerprints that the ledger remembers, in memory or on disk."""
        known = self._ledger.seen.known(values)
        disk = self._on_disk
        dated = (timestamp for timestamp in entries.timestamps if timestamp is not None)
        if disk is not None and min(dated, default=_NEVER) <= disk.newest:
            known.update(disk.among(_up_to(disk.newest, entries)))
        return known

    def _meet(self, series: Series, total: int | None, device: int) -> tuple[Series, int]:
        """The first event of a series in this draft: the one it counts in and its total, and what becomes visible."""
        placed = total is None or bool(self.changes.ended)  # by which one that was visible may be so no more
        if placed:
            series = self._place(series, device)
        if series.version not in self._met:
            self._met.add(series.version)
            self._sight(series.version)
        if placed or total is None:
            for name in born_with(series.name):
                self._show_again(Series(series.version, name))
            total = self.changes.totals.get(series, self._ledger.total(series) or 0)
        return series, total

    def _place(self, asked: Series, device: int) -> Series:
        series = self._admission.place(asked, device)
        if series is not asked and asked.name not in BESIDE:
            self.folded["version"] += 1
            self.folded["app_id"] += series.version.app_id == OVERFLOW
        return series

    # What becomes visible with it.

    def _sight(self, version: Version) -> None:
        now, sighting = self.changes.at, self._ledger.sighting(version)
        if sighting is None:
            self.changes.sightings[version] = Sighting(now, now)
            for action in OUTCOMES:
                self._show_again(Series(version, action))
        elif self._ledger.must_store_sighting(version, now):
            self.changes.sightings[version] = Sighting(sighting.first, max(sighting.last, now))

    def _show_again(self, series: Series) -> None:
        total = self._ledger.total(series)
        if total is None:
            self.changes.totals.setdefault(series, 0)
        elif self._ledger.show(series).state is State.DORMANT:
            self.changes.shows[series] = self._ledger.show(series)._replace(state=State.HIDDEN)


def _up_to(newest: int, entries: Entries) -> list[tuple[int, int]]:
    """Timestamp and fingerprint of the events that are not later."""
    return [
        (timestamp or 0, fingerprint)
        for fingerprint, timestamp in zip(entries.fingerprints, entries.timestamps, strict=True)
        if fingerprint is not None and (timestamp or 0) <= newest
    ]
