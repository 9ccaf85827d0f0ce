"""The posts of one event loop on their way to the committer, and back.

All that wait when it is free go together. Posts that would wait for longer than `PATIENCE` behind a commit that hangs
are refused; those in it have to hear of its end.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from exporter.counting.census import OVERFLOW
from exporter.intake.committer import Committer
from exporter.intake.post import Post
from exporter.intake.turns import PATIENCE
from exporter.intake.waiting import Waiting

EVENTS_TOGETHER: Final = 5000
"""Events in one commit, about: scrapes wait for it, some twenty milliseconds."""

_LOOK_AGAIN: Final = 0.1
"""Seconds after which the posts that wait are looked at again."""


class OverloadedError(Exception):
    """The post can't be counted soon enough; nothing of it was."""


class Gathering:
    """The loop's side of the committer; but for `_count`, it runs in the loop."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._turns = committer.turns
        self._waiting = Waiting()
        self._counting = False
        self._watching = False
        self._decided: Callable[[list[Post]], None] = lambda _: None

    def on_decided(self, decided: Callable[[list[Post]], None]) -> None:
        """Who hears of posts that were counted or have an `error`."""
        self._decided = decided

    def now(self) -> float:
        """The monotonic clock by which posts wait, in seconds."""
        return self._turns.now()

    def hangs(self) -> bool:
        """Whether a post would wait for too long."""
        return self._turns.hangs()

    def submit(self, post: Post) -> None:
        """Have a post counted together with all that wait; `on_decided` hears of it."""
        if not self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._hand_over, loop)  # after all that has come in this turn of the loop
            if not self._watching:
                self._watching = True
                loop.call_later(PATIENCE, self._give_up_waiting, loop)
        self._waiting.add(self._sender(post), post)

    def _sender(self, post: Post) -> str:
        # Apps without series of their own share one place, or forged names would have a thousand.
        series = post.entries.series
        app_id = series[0].version.app_id if series else OVERFLOW
        return app_id if self._committer.has_series_of(app_id) else OVERFLOW

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._counting or not self._waiting:
            return
        self._counting = True
        self._turns.add(partial(self._count, self._waiting.take(EVENTS_TOGETHER), loop))

    def _count(self, posts: list[Post], loop: asyncio.AbstractEventLoop) -> None:
        """In the committer's turn."""
        try:
            self._committer.count(posts)
        except Exception as error:  # whatever it is, those that wait must hear of it
            for post in posts:
                post.error = error
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(self._have_counted, posts, loop)

    def _have_counted(self, posts: list[Post], loop: asyncio.AbstractEventLoop) -> None:
        # Whoever is answered mostly sends the next post at once: a turn of the loop later it is here, and shares the
        # next commit with those that wait.
        loop.call_soon(loop.call_soon, self._go_on, loop)
        self._decided(posts)
        for post in posts:  # an error knows the frames that know its posts, so both would stay until they are garbage
            post.error = None

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._counting = False
        self._hand_over(loop)

    def _give_up_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse those that have waited for too long behind a commit."""
        late = self._waiting.take_late(self.now() - PATIENCE)
        for post in late:
            post.error = OverloadedError()
        self._decided(late)
        self._watching = bool(self._waiting)
        if self._watching:
            loop.call_later(_LOOK_AGAIN, self._give_up_waiting, loop)
