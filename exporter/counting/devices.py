"""The devices that are remembered, each with what it last said; by a keyed hash, never by its id.

There are at most `limit` of them. When that is reached, a new one takes the place of the one that was heard on one day
only and has been silent for longest; where there is none, it is not taken in. So whoever makes up devices pushes out
others of one day, but none that came back. One that is silent for `FORGOTTEN` hours is forgotten.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Final

from exporter.counting import records
from exporter.counting.changes import Changes
from exporter.counting.here import WINDOWS, Here, by_stage, by_version
from exporter.counting.numbers import Numbers
from exporter.counting.unheard import Unheard
from exporter.counting.windows import Windows
from exporter.wire.labels import Version

FORGOTTEN: Final = WINDOWS["30d"]

SHARDS: Final = 1024
"""Parts of the devices: each is small enough to be written, or to grow, while posts wait."""

AT_A_TIME: Final = 5000
"""Devices that leave in one transaction, at the most; another one follows."""


class Devices:
    """The memory of devices. `Hearing` asks what posts change in it, `due` what the time does; `apply` changes."""

    def __init__(self, limit: int) -> None:
        self.limit: Final = limit
        self._shards: Final[list[dict[int, int]]] = [{} for _ in range(SHARDS)]
        self._size = 0
        self.numbers: Final = Numbers()
        self._running: Final = Windows(*WINDOWS.values())
        self._trying: Final = Windows(FORGOTTEN)
        self._once: Final = Unheard(partial(self._hour_of, returning=False))
        self._returning: Final = Unheard(partial(self._hour_of, returning=True))
        self._hour = 0
        self._reclaimed = 0
        """The hour in which numbers of versions were last set free."""

    def __len__(self) -> int:
        return self._size

    def _hour_of(self, key: int, returning: bool) -> int | None:
        packed = self._shards[key % SHARDS].get(key)
        if packed is None or records.is_returning(packed) is not returning:
            return None
        return records.heard(packed)

    # What a draft needs to know.

    def get(self, key: int, since: int) -> int:
        """A device, packed; 0 for one that is not remembered, or was not heard since an hour."""
        packed = self._shards[key % SHARDS].get(key, 0)
        return packed if packed >> records.HEARD >= since else 0

    def __contains__(self, key: int) -> bool:
        return key in self._shards[key % SHARDS]

    def replaceable(self) -> Iterator[int]:
        """Keys of the devices that a new one may take the place of, the longest silent first."""
        return (key for _, key in self._once.oldest())

    # What the time, or a limit, does.

    def due(self, changes: Changes) -> None:
        """Have devices forgotten that have been silent for too long, and versions that no device names any more."""
        hour = records.hour_of(changes.at)
        for hours_devices in (self._once.oldest(), self._returning.oldest()):
            for heard, key in islice(hours_devices, AT_A_TIME):
                if heard >= hour - FORGOTTEN:
                    break
                changes.devices[key] = 0
        if hour != self._reclaimed:
            tried = (records.tried(place)[0] for place in self._trying.places())
            changes.numbers.update(dict.fromkeys(self.numbers.unused({*self._running.places(), *tried})))

    def trimmed(self, now: float) -> Iterator[Changes]:
        """Have those leave that are beyond the limit, which was higher before, some at a time.

        Those heard on one day go first, and of each kind the longest silent. All are sorted for that: it is done once,
        and whoever is in the queues under an earlier hour would be passed over.
        """
        excess = len(self) - self.limit
        if excess > 0:
            leaving = sorted(chain.from_iterable(self._shards), key=self._rank)[:excess]
            for first in range(0, excess, AT_A_TIME):
                yield Changes(now, devices=dict.fromkeys(leaving[first : first + AT_A_TIME], 0))

    def _rank(self, key: int) -> tuple[bool, int]:
        packed = self._shards[key % SHARDS][key]
        return records.is_returning(packed), records.heard(packed)

    # What was committed.

    def apply(self, changes: Changes) -> None:
        """Bring about what was committed."""
        self._move_to(records.hour_of(changes.at))
        if changes.scraped:
            self._reclaimed = self._hour
        if changes.numbers:
            self.numbers.apply(changes.numbers)
        if changes.devices:
            self._put(changes.devices)
        if changes.scraped:
            self._tidy()

    def _move_to(self, hour: int) -> None:
        if hour != self._hour:
            self._hour = hour
            self._running.move(hour)
            self._trying.move(hour)

    def _put(self, devices: Mapping[int, int]) -> None:
        came: list[int] = []
        queued: defaultdict[int, list[int]] = defaultdict(list)
        for key, packed in devices.items():
            shard = self._shards[key % SHARDS]
            before = shard.get(key, 0)
            if before == packed:
                continue
            if not packed:
                del shard[key]
                self._let_go(before)
                continue
            shard[key] = packed
            if before:
                self._move(before, packed)
            else:
                came.append(packed)
            if not before or records.is_returning(before) is not records.is_returning(packed):
                queued[packed & records.WHEN].append(key)
        if queued:
            self._queue(queued)
        if came:
            self._take_in(came)
        self._tidy()  # as the next ones may need room, and those that left are in the way

    def _take_in(self, came: Sequence[int]) -> None:
        """Count new devices, at a start all of them; by the few kinds of them that there are."""
        self._size += len(came)
        for packed, devices in Counter([packed & records.RUNNING for packed in came]).items():
            self._running.add(records.running(packed), records.heard(packed), devices)
        for packed, devices in Counter([packed & records.TRYING for packed in came]).items():
            self._trying.add(records.trying(packed), records.heard(packed), devices)

    def _let_go(self, packed: int) -> None:
        self._size -= 1
        self._running.add(records.running(packed), records.heard(packed), -1)
        self._trying.add(records.trying(packed), records.heard(packed), -1)

    def _move(self, before: int, packed: int) -> None:
        hour, now = records.heard(before), records.heard(packed)
        self._running.shift(records.running(before), hour, records.running(packed), now)
        self._trying.shift(records.trying(before), hour, records.trying(packed), now)

    def _queue(self, queued: Mapping[int, Iterable[int]]) -> None:
        for when, keys in queued.items():
            queue = self._returning if records.is_returning(when) else self._once
            queue.add(keys, records.heard(when))

    def _tidy(self) -> None:
        self._once.tidy()
        self._returning.tidy()

    def shard(self, number: int) -> Mapping[int, int]:
        """The devices of a part, packed, by key; a part has those whose keys leave its number over `SHARDS`."""
        return self._shards[number]

    def view(self, shows: Callable[[Version], bool]) -> Here:
        """What a scrape shows now, of versions that it `shows`."""
        shown = {number: version for number, version in self.numbers.versions.items() if shows(version)}
        running = [by_version(shown, self._running.counts(window)) for window in range(len(WINDOWS))]
        trying = by_stage(shown, self._trying.counts(0))
        return Here(dict(zip(WINDOWS, running, strict=True)), trying, len(self), self.limit)
