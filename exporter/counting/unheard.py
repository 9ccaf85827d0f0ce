"""Devices in the order in which they were heard last, by the hour, oldest first.

A device that is heard again stays where it is: to move it each time would cost more than all the rest. So what is found
may be stale, and whoever looks asks for the hour in which the device was heard. Stale ones at the front are dropped, or
put where they belong, each once; what is too many of them for a moment waits for the next.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

STALE: Final = 5000
"""Stale devices that are passed over, or put in their place, at a time: a few milliseconds' work."""

Place = Callable[[int], int | None]
"""By a device's key, the hour under which it belongs here; `None` if it doesn't."""


class Unheard:
    """Keys of devices, each under the hour in which it was heard last, or an earlier one; some may be here twice."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._hours: Final[dict[int, deque[int]]] = {}
        self._order: Final[list[int]] = []
        """A heap of the hours."""

    def add(self, devices: Iterable[int], hour: int) -> None:
        """Keys of devices that came, or came back, in an hour."""
        keys = self._hours.get(hour)
        if keys is None:
            keys = self._hours[hour] = deque()
            heappush(self._order, hour)
        keys.extend(devices)

    def oldest(self) -> Iterator[tuple[int, int]]:
        """Hour and key of the devices, oldest first, while nothing changes; ends early where too many are stale."""
        stale = 0
        for hour in sorted(self._order):
            for key in self._hours[hour]:
                if self._place(key) == hour:
                    yield hour, key
                elif (stale := stale + 1) > STALE:
                    return

    def tidy(self) -> None:
        """Clear the front of stale ones."""
        for _ in range(STALE):
            if not self._order or not self._tidy_first():
                return

    def _tidy_first(self) -> bool:
        """Drop the first one, or put it where it belongs, if it is stale; tells whether it was."""
        first = self._order[0]
        key = self._hours[first][0]
        hour = self._place(key)
        if hour == first:
            return False
        self._hours[first].popleft()
        if not self._hours[first]:
            del self._hours[heappop(self._order)]
        if hour is not None:
            self.add((key,), hour)
        return True
