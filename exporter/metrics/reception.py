"""What the public port was asked and what it refused, by when: the landing page tells it, no metric does."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Refused(NamedTuple):
    """How often a reason was given since the start, and when last, in seconds since the epoch."""

    number: int
    last: float


class Reception:
    """One thread notes, any may look."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` is in seconds since the epoch."""
        self._clock = clock
        self._refusals: dict[str, Refused] = {}
        self.since = clock()
        self.asked: float | None = None
        """When the newest request was answered, one that counts nothing included."""

    def note(self, reasons: Mapping[str, int]) -> None:
        """A request was answered, and events of it, or itself, refused: so many for each reason."""
        self.asked = now = self._clock()
        for reason, number in reasons.items():
            before = self._refusals.get(reason)
            self._refusals[reason] = Refused(number + (before.number if before else 0), now)

    @property
    def refusals(self) -> Mapping[str, Refused]:
        """By reason, the newest first."""
        known = self._refusals.copy()
        return {reason: known[reason] for reason in sorted(known, key=lambda reason: -known[reason].last)}
