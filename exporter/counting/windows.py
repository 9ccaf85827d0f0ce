"""How many devices are where, of those heard within so many hours: kept up as devices move and as the hours pass.

A device counts in one place, under the hour in which it was heard last. What a window shows costs nothing to tell, and
when an hour passes only what was heard in the hour that leaves a window is taken from it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final


class Windows:
    """Devices by place, in each of several windows: one that was heard `length` hours ago is in, an older one is not.

    Place 0 is none: who is there is not counted.
    """

    def __init__(self, *lengths: int) -> None:
        """`lengths` are in hours."""
        self._lengths: Final = lengths
        self._now = 0
        self._hours: Final[dict[int, dict[int, int]]] = {}
        self._counts: Final[Sequence[dict[int, int]]] = [{} for _ in lengths]

    def add(self, place: int, hour: int, devices: int) -> None:
        """So many devices more, or fewer, were heard last in an hour and are at a place."""
        if place:
            self._add(place, hour, devices)
            for length, counts in zip(self._lengths, self._counts, strict=True):
                if hour >= self._now - length:
                    _add(counts, place, devices)

    def shift(self, place: int, hour: int, to_place: int, to_hour: int) -> None:
        """A device has moved."""
        if place != to_place:
            self.add(place, hour, -1)
            self.add(to_place, to_hour, 1)
        elif place and hour != to_hour:
            self._add(place, hour, -1)
            self._add(place, to_hour, 1)
            for length, counts in zip(self._lengths, self._counts, strict=True):
                came = (to_hour >= self._now - length) - (hour >= self._now - length)
                if came:
                    _add(counts, place, came)

    def _add(self, place: int, hour: int, devices: int) -> None:
        places = self._hours.get(hour)
        if places is None:
            places = self._hours[hour] = {}
        _add(places, place, devices)
        if not places:
            del self._hours[hour]

    def move(self, now: int) -> None:
        """It is another hour; the clock may have been turned back as well."""
        for length, counts in zip(self._lengths, self._counts, strict=True):
            first, end = sorted((self._now - length, now - length))
            way = -1 if now > self._now else 1
            for hour, places in self._hours.items():
                if first <= hour < end:
                    for place, devices in places.items():
                        _add(counts, place, way * devices)
        self._now = now

    def counts(self, window: int) -> Mapping[int, int]:
        """The devices of a window by place; only places that have some."""
        return self._counts[window]

    def places(self) -> Iterator[int]:
        """The places at which there are devices, whenever these were heard; one may come several times."""
        for places in self._hours.values():
            yield from places


def _add(counts: dict[int, int], place: int, devices: int) -> None:
    total = counts.get(place, 0) + devices
    if total:
        counts[place] = total
    else:
        del counts[place]
