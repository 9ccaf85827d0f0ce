"""Who is turned away when posts arrive faster than they can be counted; the test owns the clock and the queue."""

import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from exporter.intake.overload import PATIENCE, Load

SERVICE = 0.1
"""Seconds between two posts that the tests' exporter counts."""


class Busy:
    """A load on which posts take `SERVICE` seconds each, and any number of requests wait."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waiting = 0
        self.load = Load(lambda: self.waiting, lambda: self.now)

    def serve(self, posts: int) -> None:
        """One after the other, without a pause."""
        for _ in range(posts):
            started = self.now
            self.now += SERVICE
            self.load.finished(started)

    def refused(self, app_id: str, posts: int = 1) -> int:
        """How many of an app's posts are refused."""
        return sum(self.load.overloaded(app_id) for _ in range(posts))


@pytest.fixture
def busy() -> Busy:
    """Busy for so long that the measured time of a post is the true one."""
    busy = Busy()
    busy.serve(100)
    return busy


def test_nothing_is_refused_while_nothing_waits(busy: Busy) -> None:
    """However slow posts are: there is nobody to make way for."""
    assert busy.refused("com.acme.notes", 1000) == 0


def test_a_short_queue_is_served(busy: Busy) -> None:
    """What waits for less than a second is answered in time."""
    busy.waiting = int(0.9 * PATIENCE / SERVICE)

    assert busy.refused("com.acme.notes", 100) == 0


def test_a_long_queue_lets_those_through_that_send_little(busy: Busy) -> None:
    """Beyond twice the patience an app is refused that sends more than could be counted of each."""
    busy.waiting = int(2.2 * PATIENCE / SERVICE)

    assert busy.refused("com.acme.notes", 20) == 20
    assert busy.refused("com.acme.shop") == 0


def test_the_only_app_is_refused_as_soon_as_its_own_posts_wait_too_long(busy: Busy) -> None:
    """It has no neighbour whose share could be less."""
    busy.waiting = int(1.3 * PATIENCE / SERVICE)

    assert busy.refused("com.acme.notes", 10) == 10


def test_between_the_two_only_the_noisy_app_is_refused(busy: Busy) -> None:
    """A quiet app beside one that sends twenty times as much does not notice."""
    busy.waiting = int(1.3 * PATIENCE / SERVICE)
    noisy = quiet = 0
    for _ in range(50):
        noisy += busy.refused("com.acme.noisy", 20)
        quiet += busy.refused("com.acme.quiet")

    assert noisy > 0.95 * 50 * 20
    assert quiet <= 1, "but for the first post, before anything else was seen"


def test_a_noisy_app_is_forgiven_once_it_is_quiet(busy: Busy) -> None:
    """The share is that of the last seconds, not of all time."""
    busy.waiting = int(1.3 * PATIENCE / SERVICE)
    busy.refused("com.acme.once_noisy", 1000)
    for _ in range(120):
        busy.now += 1
        busy.refused("com.acme.other", 10)

    assert busy.refused("com.acme.once_noisy") == 0


def test_idle_time_does_not_make_a_post_look_slow(busy: Busy) -> None:
    """A post a minute, each of a tenth of a second: twelve that wait together take little more than a second."""
    for _ in range(100):
        busy.now += 60
        busy.serve(1)
    busy.waiting = int(0.9 * PATIENCE / SERVICE)

    assert busy.refused("com.acme.notes", 10) == 0


def test_posts_that_share_a_commit_are_as_fast_as_they_leave(busy: Busy) -> None:
    """Six posts that all began 0.3 s ago and end together take 0.05 s each: a queue of 18 is no overload."""
    for _ in range(100):
        started = busy.now
        busy.now += 0.3
        for _ in range(6):
            busy.load.finished(started)
    busy.waiting = 15

    assert busy.refused("com.acme.notes", 10) == 0


def test_apps_that_stay_away_are_forgotten() -> None:
    """A flood of forged apps leaves nothing behind: the real one soon has its true share again."""
    busy = Busy()
    busy.serve(100)
    for number in range(5000):
        busy.load.overloaded(f"com.forged.app{number}")
    for _ in range(60):
        busy.now += 1
        busy.refused("com.acme.notes", 10)
    busy.waiting = int(1.3 * PATIENCE / SERVICE)

    assert busy.refused("com.acme.notes", 10) == 10, "the forged ones still count as neighbours"


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("impatient_threads")
def test_many_threads_may_ask_at_once() -> None:
    """Its numbers are read and written without a lock; approximate they may be, an exception would be a 500."""
    moments = count()
    load = Load(lambda: 10, lambda: next(moments) * 1.0)  # a second passes at each look: it fades at each post
    failures: list[Exception] = []

    def flood(thread: int) -> None:
        try:
            for number in range(1000):
                load.overloaded(f"com.forged{thread}.app{number % 200}")
                load.overloaded(f"com.forged{thread}.app{number % 200}")
                load.finished(0.0)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=flood, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
