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

    def ask(self) -> None:
        """A request was answered."""
        self.asked = self._clock()

    def refuse(self, reason: str, number: int) -> None:
        """It, or so many of its events, were refused."""
        before = self._refusals.get(reason)
        self._refusals[reason] = Refused(number + (before.number if before else 0), self._clock())

    @property
    def refusals(self) -> Mapping[str, Refused]:
        """By reason, the newest first."""
        known = self._refusals.copy()
        return {reason: known[reason] for reason in sorted(known, key=lambda reason: -known[reason].last)}
