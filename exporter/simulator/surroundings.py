"""What one device finds around it: the fleet that it lives in.

The fleet's time runs faster than the wall's. So it stands still for a device while a post of it is under way, and while
it waits on the server's account: what is seconds apart on a phone must not overtake itself on its way.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from exporter.simulator.account import Event, Fate
from exporter.simulator.client import Done, Outcome, Post
from exporter.simulator.device import World
from exporter.simulator.phone import Phone, Step


class Surroundings:
    """A world for one device, within another one for all."""

    def __init__(self, world: World, phone: Phone) -> None:
        self._world: Final = world
        self._phone: Final = phone
        self._awaited = 0
        """Posts and waits that have not ended."""
        self._held: list[Callable[[], None]] = []
        """What happens when they have."""
        self._untaken: set[Event] = set()
        """Events that were posted, and that no reply says were taken."""

    def record(self, phone: Phone, step: Step) -> Event:
        return self._world.record(phone, step)

    def post(self, headers: bytes, events: Sequence[Event], body: bytes, done: Done) -> Post:
        if not self._untaken.issubset(events):  # they may have been taken before these, or will be after them
            self._phone.told.doubtful = True
        self._awaited += 1
        return self._world.post(headers, events, body, partial(self._end_post, events, done))

    def _end_post(self, events: Sequence[Event], done: Done, outcome: Outcome) -> None:
        done(outcome)
        if not self._phone.told.doubtful:
            self._untaken = {event for event in self._untaken.union(events) if event.fate is not Fate.ACKNOWLEDGED}
        self._end()

    def wait(self, seconds: float, call: Callable[[], None]) -> None:
        self._awaited += 1
        self._world.wait(seconds, partial(self._end_wait, call))

    def _end_wait(self, call: Callable[[], None]) -> None:
        call()
        self._end()

    def _end(self) -> None:
        self._awaited -= 1
        if not self._awaited:
            held, self._held = self._held, []
            for call in held:
                self.later(0, call)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._world.later(seconds, partial(self._come, call))

    def _come(self, call: Callable[[], None]) -> None:
        if self._awaited:
            self._held.append(call)
        else:
            call()

    def wall_clock(self) -> float:
        return self._world.wall_clock()
