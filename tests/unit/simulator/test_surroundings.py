"""For a device whose post is under way the fleet's time stands still."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from exporter.simulator.account import Account, Event, Fate
from exporter.simulator.client import Done, Silence
from exporter.simulator.dialects import dialect
from exporter.simulator.phone import Phone, Step
from exporter.simulator.surroundings import Surroundings


class Stage:
    """A world in which posts end when the test says so."""

    def __init__(self) -> None:
        self.account = Account()
        self.posts: list[Done] = []
        self.waits: list[Callable[[], None]] = []
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def record(self, phone: Phone, step: Step) -> Event:
        return self.account.open(phone.body(step, 1_800_000_000_000), phone.labels(step), phone.told)

    def post(self, headers: bytes, events: Sequence[Event], body: bytes, done: Done) -> Any:
        self.posts.append(done)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._ahead, (seconds, next(self._order), call))

    def wait(self, seconds: float, call: Callable[[], None]) -> None:
        self.waits.append(call)

    def wall_clock(self) -> float:
        return 0.0

    def pass_time(self) -> None:
        while self._ahead:
            heapq.heappop(self._ahead)[2]()


def device() -> tuple[Stage, Surroundings, Phone]:
    stage = Stage()
    phone = Phone(dialect("android", "8.51.23"), "com.example.shop", "1.2.0", 0.0, random.Random(1))
    return stage, Surroundings(stage, phone), phone


def nothing(_: object) -> None:
    """Nobody hears how a post ended."""


def test_what_is_to_come_comes_when_all_posts_have_ended() -> None:
    """And in its order."""
    stage, around, _ = device()
    happened: list[str] = []
    around.post(b"", [], b"", nothing)
    around.post(b"", [], b"", nothing)
    around.later(1.0, lambda: happened.append("soon"))
    around.later(2.0, lambda: happened.append("later"))
    stage.pass_time()
    stage.posts[0](Silence.LOST)
    stage.pass_time()
    assert happened == []

    stage.posts[1](Silence.LOST)
    stage.pass_time()
    assert happened == ["soon", "later"]


def test_a_wait_on_the_servers_account_holds_it_as_well() -> None:
    """A phone that has to hold still for a second does not live through an hour meanwhile."""
    stage, around, _ = device()
    happened: list[str] = []
    around.wait(1.0, lambda: happened.append("tries again"))
    around.later(1.0, lambda: happened.append("lives on"))
    stage.pass_time()
    assert happened == []

    stage.waits[0]()
    stage.pass_time()
    assert happened == ["tries again", "lives on"]


def test_a_post_beside_what_may_have_been_taken_makes_its_order_doubtful() -> None:
    """Sent again with all of that it is not."""
    stage, around, phone = device()
    first, second = (stage.record(phone, Step(1.0, "set", "1.2.4")) for _ in range(2))
    around.post(b"", [first], b"", nothing)
    first.settle(Fate.UNACKNOWLEDGED)
    stage.posts[0](Silence.LOST)
    around.post(b"", [first, second], b"", nothing)
    assert not phone.told.doubtful

    stage.posts[1](Silence.LOST)
    around.post(b"", [second], b"", nothing)
    assert phone.told.doubtful
