"""What is put into the queue is served, also what waits when the end comes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from exporter.intake.workers import Workers

PATIENCE = 30.0


def _call(item: Callable[[], object]) -> None:
    item()


def test_all_that_waits_is_served_before_the_end() -> None:
    """By as many threads as there are."""
    served: list[int] = []
    workers = Workers(3, "test", served.append)
    for item in range(1, 100):
        workers.put(item)
    assert workers.waiting == 99

    workers.start()
    workers.stop()

    assert sorted(served) == list(range(1, 100))
    assert workers.waiting == 0


def test_a_slow_item_does_not_keep_the_others_waiting() -> None:
    """Another thread serves them."""
    go_on, served = threading.Event(), threading.Event()
    workers: Workers[Callable[[], object]] = Workers(2, "test", _call)
    workers.start()
    workers.put(lambda: go_on.wait(PATIENCE))
    workers.put(served.set)

    assert served.wait(PATIENCE)
    go_on.set()
    workers.stop()
