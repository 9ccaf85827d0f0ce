"""What balancers hear before the public port closes."""

from __future__ import annotations

import pytest

from exporter.metrics.readiness import NOTICE_SECONDS, Readiness


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_posts_may_come_when_they_can_be_counted() -> None:
    """And not while they can't."""
    assert Readiness(lambda: True).refusal() is None
    assert Readiness(lambda: False).refusal() == "storage_unavailable"


def test_whoever_just_looks_hears_the_same_and_is_not_waited_for() -> None:
    """A scrape is no balancer."""
    readiness = Readiness(lambda: True, Clock())
    assert readiness.reason() is None
    assert readiness.stop() == 0
    assert readiness.reason() == readiness.refusal() == "stopping"


def test_whoever_asks_again_and_again_hears_no_before_the_end() -> None:
    """There is time to hear it, for as long as posts are still taken."""
    readiness = Readiness(lambda: True, Clock())
    readiness.refusal()
    assert readiness.stop() == NOTICE_SECONDS
    assert readiness.refusal() == "stopping"


@pytest.mark.parametrize("asked_before", [NOTICE_SECONDS, 15.0, 3600.0])
def test_nobody_is_waited_for_who_does_not_keep_asking(asked_before: float) -> None:
    """A container's health check every 15 seconds turns no posts away, and would only make the end slow."""
    clock = Clock()
    readiness = Readiness(lambda: True, clock)
    readiness.refusal()
    clock.now += asked_before
    assert readiness.stop() == 0


def test_nobody_is_waited_for_where_nobody_ever_asked() -> None:
    """The usual case of one exporter."""
    assert Readiness(lambda: True, lambda: 0.0).stop() == 0
