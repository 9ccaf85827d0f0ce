"""When posts arrive faster than they can be counted: who is turned away.

A post waits for its decoding and for the commit. When those that wait would take longer than `PATIENCE`, those of the
apps that send more than the mean are refused; when twice as long, those as well that send more than could be counted
of each. What is let in then is within what can be counted; a client that keeps its events sends the rest again.
"""

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 1.0
"""Seconds that a post may have to wait."""

_WEIGHT: Final = 0.1
_FADING: Final = 0.9
_FADE_SECONDS: Final = 1.0


class Overload:
    """Measures how long posts take and who sends them; for one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds."""
        self.now = clock
        self.waiting = 0
        """Posts that were read and are not answered."""
        self._service = 0.0
        self._finished = 0.0
        self._faded = 0.0
        self._posts: dict[str, float] = {}

    def finished(self, number: int, started: float) -> None:
        """So many posts, the first of which began at `started`, were counted together."""
        now = self.now()
        each = (now - max(started, self._finished)) / number
        self._finished = now
        self._service += _WEIGHT * (each - self._service)

    def refuses(self, app_id: str) -> bool:
        """Whether a post of this app, which has come, has to be refused."""
        self._note(app_id)
        wait = self.waiting * self._service
        return wait > PATIENCE and (
            self._exceeds_the_mean(app_id) or (wait > 2 * PATIENCE and self._exceeds_its_share(app_id))
        )

    def _note(self, app_id: str) -> None:
        now = self.now()
        if now - self._faded >= _FADE_SECONDS:
            self._faded = now
            self._posts = {app: posts * _FADING for app, posts in self._posts.items() if posts > 1}
        self._posts[app_id] = self._posts.get(app_id, 0.0) + 1

    def _exceeds_its_share(self, app_id: str) -> bool:
        """Whether not all could be counted if all apps sent as much as this one."""
        a_second = self._posts[app_id] * (1 - _FADING) / _FADE_SECONDS
        return a_second * len(self._posts) * self._service > 1

    def _exceeds_the_mean(self, app_id: str) -> bool:
        return self._posts[app_id] * len(self._posts) >= sum(self._posts.values())
