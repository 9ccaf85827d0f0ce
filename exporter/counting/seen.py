"""The newest fingerprints, in memory.

They live in a few sets that are dropped whole: one large set would have to be rebuilt now and then, which stalls
every post for as long as that takes.
"""

from collections import deque
from collections.abc import Collection, Set
from typing import Final

GENERATIONS: Final = 4
CLOCK_SLACK: Final = 15 * 60.0
"""Seconds by which a device's clock may differ from ours without the disk being asked for each of its events."""


class Seen:
    """Remembers at least the newest `capacity` values; forgets the oldest, a generation at a time."""

    def __init__(self, capacity: int) -> None:
        self._per_generation = max(1, -(-capacity // GENERATIONS))
        self._generations: deque[tuple[float, set[int]]] = deque()
        self._latest = 0.0

    def add(self, values: Collection[int], at: float) -> None:
        """Remember values that arrived at `at`, in seconds since the epoch."""
        self._latest = max(self._latest, at)  # were the clock turned back, `since` must not claim more than it holds
        if not self._generations or len(self._generations[-1][1]) >= self._per_generation:
            self._generations.append((self._latest, set()))
            if len(self._generations) > GENERATIONS + 1:
                self._generations.popleft()
        self._generations[-1][1].update(values)

    def known(self, values: Set[int | None]) -> set[int]:
        """Those of the values that are remembered."""
        found: set[int] = set()
        for _, generation in self._generations:
            found |= generation & values
        return found

    @property
    def since(self) -> float | None:
        """Arrival of the oldest remembered value, in seconds since the epoch; `None` while there is none."""
        return self._generations[0][0] if self._generations else None

    def covers(self, timestamp: float, now: float) -> bool:
        """Whether a value whose event happened at `timestamp` (seconds) would be here if it had ever arrived.

        An event can't have arrived before it happened, so only the clocks' difference is left to doubt.
        """
        since = self.since
        return since is not None and since + CLOCK_SLACK <= timestamp <= now + CLOCK_SLACK

    def __len__(self) -> int:
        return sum(len(generation) for _, generation in self._generations)
