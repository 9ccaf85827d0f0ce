"""What is refused is logged, at a bounded rate, and without a word that a stranger chose."""

import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

import structlog

EVERY_SECONDS: Final = 10.0
"""One line a reason in so long; it says how many there were."""

_log = structlog.get_logger("refusals")


class RefusalLog:
    """Counts refusals by reason, and writes a line now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}
        self._unwritten: dict[str, int] = {}

    def note(self, reason: str, client: str, number: int = 1) -> None:
        """A request or an event was refused; `client` is the address it came from, or what claims to be one."""
        with self._lock:
            now = self._clock()
            total = self._unwritten.pop(reason, 0) + number
            if now - self._written.get(reason, -EVERY_SECONDS) < EVERY_SECONDS:
                self._unwritten[reason] = total
                return
            self._written[reason] = now
        _log.warning("refused", reason=reason, number=total, newest_from=_address(client))


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip().partition("%")[0]))  # a zone may be any text
    except ValueError:
        return "unknown"
