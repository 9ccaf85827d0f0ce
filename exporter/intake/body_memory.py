"""How much memory all bodies may take together, from their arrival to the reply."""

from typing import Final

BODIES_LIMIT: Final = 32 * 1024 * 1024
"""Bytes of all bodies held at one time; where `--max-body` allows a larger one, as many as that."""

ALWAYS_TAKEN: Final = 16 * 1024
"""Bytes of each body that are not in that sum, for an ordinary post must find room beside any number of large ones.
They are bounded by the number of connections: 32 MiB for 2000."""


class BodyMemory:
    """Memory that bodies take as they arrive, and give back; for one thread.

    It is taken for what has come, not for what is announced: a promise costs a client nothing, and would keep all
    others out.
    """

    def __init__(self, size: int) -> None:
        """`size` is in bytes."""
        self._left = size

    def grow(self, taken: int, size: int) -> int | None:
        """A body for which `taken` bytes are held has grown to `size`: what is held now, `None` if there is no room."""
        more = size - ALWAYS_TAKEN - taken
        if more <= 0:
            return taken
        if more > self._left:
            return None
        self._left -= more
        return taken + more

    def give_back(self, taken: int) -> None:
        """A body is gone."""
        self._left += taken
