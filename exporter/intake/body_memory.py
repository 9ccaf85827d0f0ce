"""How much memory all bodies may take together, from their arrival to the reply."""

import threading
from typing import Final

BODIES_LIMIT: Final = 32 * 1024 * 1024
"""Bytes of all bodies held at one time; where `--max-body` allows a larger one, as many as that."""

ALWAYS_TAKEN: Final = 16 * 1024
"""Bytes of each body that are not in that sum, for an ordinary post must find room beside any number of large ones.
They are bounded by the number of connections: 32 MiB for 2000."""


class Room:
    """Memory that several threads take and give back."""

    def __init__(self, size: int) -> None:
        """`size` is in bytes."""
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take so much if there is enough; whether there was."""
        with self._lock:
            enough = size <= self._left
            if enough:
                self._left -= size
        return enough

    def give_back(self, size: int) -> None:
        """The other way round."""
        with self._lock:
            self._left += size
