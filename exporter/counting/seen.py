"""Which fingerprints have been seen: the newest in memory, those before them on disk.

Those in memory live in a few sets that are dropped whole: one large set would have to be rebuilt now and then, which
stalls every post for as long as that takes.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Set
from typing import Final, NamedTuple

GENERATIONS: Final = 4


class OnDisk(NamedTuple):
    """The fingerprints that have left memory.

    Devices' clocks may be wrong by hours, so when an event was posted says nothing of where its fingerprint is; but one
    with a later timestamp than all that have left has not left.
    """

    newest: int
    """Their latest timestamp, in milliseconds by the devices' clocks."""

    among: Callable[[Iterable[tuple[int, int]]], Iterable[int]]
    """Which fingerprints of pairs of timestamp and fingerprint are among them."""


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

    def __len__(self) -> int:
        return sum(len(generation) for _, generation in self._generations)
