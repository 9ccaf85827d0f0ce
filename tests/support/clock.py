"""Seconds that do not pass while this machine stands still: no claim about time fails by a pause that is not ours."""

from __future__ import annotations

import threading
import time
from functools import cache
from typing import Final

_TICK: Final = 0.01
_LONGEST: Final = 0.1
"""Seconds that count of one tick, which takes far longer where nothing runs."""


class _Clock:
    def __init__(self) -> None:
        self._last = 0.0, time.monotonic()
        threading.Thread(target=self._tick, name="clock", daemon=True).start()

    def _tick(self) -> None:
        while True:
            time.sleep(_TICK)
            self._last = self.read()

    def read(self) -> tuple[float, float]:
        """Its seconds, and those of the machine at the same moment."""
        seconds, at = self._last
        now = time.monotonic()
        return seconds + min(now - at, _LONGEST), now


_clock = cache(_Clock)


def awake() -> float:
    """Seconds since some moment, without those in which this process got no turn."""
    return _clock().read()[0]


def nap(seconds: float) -> None:
    """Sleep for so many of them."""
    until = awake() + seconds
    while (left := until - awake()) > 0:
        time.sleep(left)
