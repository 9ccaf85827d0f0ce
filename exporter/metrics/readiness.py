"""What `/readyz` and `capgo_exporter_ready` say, and the notice that it gives before the public port closes.

A port can't be closed without a risk to a connection that is just being made, or to a post that is just being sent on
one: so whoever keeps asking, as a balancer does, hears no first, and has sent its posts elsewhere by then.
"""

import time
from collections.abc import Callable
from typing import Final

NOTICE_SECONDS: Final = 2.0
"""A balancer asks more often than that, and has made up its mind in that time."""


class Readiness:
    """Any thread may ask."""

    def __init__(self, ready: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._ready = ready
        self._clock = clock
        self._asked = -NOTICE_SECONDS
        self._stopping = False

    def refusal(self) -> str | None:
        """Why posts should not come now, by the refusal's name; None if they may. For whoever sends them."""
        self._asked = self._clock()
        return self.reason()

    def reason(self) -> str | None:
        """The same, for whoever just looks: nobody is waited for."""
        if self._stopping:
            return "stopping"
        return None if self._ready() else "storage_unavailable"

    def stop(self) -> float:
        """Say no from now on; returns for how many seconds posts are still to be taken."""
        self._stopping = True
        return NOTICE_SECONDS if self._clock() - self._asked < NOTICE_SECONDS else 0.0
