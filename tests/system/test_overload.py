"""More posts than can be counted: quick refusals in the client's language, fair between apps, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.bodies import event
from tests.support.clock import awake, nap
from tests.support.contract import OK
from tests.support.crowd import CURRENT, OLD, UNKNOWN, Crowd
from tests.support.harness import wait_until
from tests.system.slow_commit import SlowExporter

COUNTED = "capgo_exporter_events_counted_total"
REFUSED = "capgo_exporter_requests_refused_total"
SLOW = 0.4
PATIENCE = 3.5
"""Seconds within which every post is answered: a second of waiting, a commit, and a busy machine."""

LaunchSlow = Callable[..., SlowExporter]


@pytest.fixture
def launch_slow(tmp_path: Path) -> Iterator[LaunchSlow]:
    """Starts an exporter with a disk that can be made slow; it ends with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(SlowExporter(tmp_path, **settings))


def test_a_crowd_on_a_slow_disk_is_answered_in_time_and_counted_exactly(launch_slow: LaunchSlow) -> None:
    """Every reply, good or bad, within seconds; what was acknowledged is counted, and nothing else."""
    exporter = launch_slow()
    exporter.commits_take(SLOW)

    crowds = [Crowd(exporter.port, 24, user_agent) for user_agent in (UNKNOWN, OLD, CURRENT)]
    with ExitStack() as stack:
        for crowd in crowds:
            stack.enter_context(crowd)
        nap(4)
    exporter.commits_take(0)

    unknown, old, current = crowds
    assert max(crowd.slowest for crowd in crowds) < PATIENCE
    assert set(unknown.statuses) == set(old.statuses) == {200, 503}
    assert set(current.statuses) == {200, 429}
    refused = [answer for crowd in crowds for answer in crowd.answers if answer.status != 200]
    assert {answer.error for answer in refused} == {"overloaded"}

    scrape = exporter.scrape()
    assert scrape.value(COUNTED) == sum(crowd.statuses[200] for crowd in crowds)
    assert scrape.value(REFUSED, reason="overloaded") == len(refused)
    assert scrape.value("capgo_exporter_requests_total", code="429") == current.statuses[429]
    assert scrape.total("capgo_events_total") == scrape.value(COUNTED)


def test_a_plugin_that_waits_is_told_for_how_long_and_others_are_not(launch_slow: LaunchSlow) -> None:
    """Whole seconds between 5 and 20, not the same for all: a fleet that came at once must not come back at once."""
    exporter = launch_slow()
    exporter.commits_take(SLOW)
    with Crowd(exporter.port, 30, OLD) as old:
        current = Crowd(exporter.port, 40, CURRENT).last(3)

    hints = {answer.retry_after for answer in current.answers if answer.status == 429}
    assert len(hints) > 5
    assert all(hint is not None and hint.isdecimal() and 5 <= int(hint) <= 20 for hint in hints)
    assert {answer.retry_after for answer in old.answers} == {None}


def test_a_quiet_app_is_served_beside_a_noisy_one(launch_slow: LaunchSlow) -> None:
    """The noisy one sends more than twenty times as much; its posts are what is refused."""
    exporter = launch_slow()
    exporter.commits_take(SLOW)
    noisy = Crowd(exporter.port, 60, app_id="com.example.noisy", pause=0.02)
    quiet = Crowd(exporter.port, 2, app_id="com.example.quiet", pause=0.5)

    with noisy:
        nap(2)
        quiet.last(4)

    assert len(noisy.answers) > 20 * len(quiet.answers)
    assert noisy.acceptance < 0.5
    assert quiet.acceptance > 2 * noisy.acceptance
    assert quiet.slowest < PATIENCE


def test_a_real_app_is_served_beside_a_thousand_forged_ones(launch_slow: LaunchSlow) -> None:
    """Anyone can post any app id: a name of its own for each post gives nobody a share of his own."""
    exporter = launch_slow(max_apps="3")
    for number in range(3):
        assert exporter.post(event(app_id=f"com.example.real{number}")).body == OK
    exporter.commits_take(SLOW)
    numbers = iter(range(10**9))
    forged = Crowd(
        exporter.port,
        60,
        pause=0.02,
        body=lambda _: b'{"app_id":"com.forged.app%d","action":"set"}' % next(numbers),
    )
    real = Crowd(exporter.port, 4, app_id="com.example.real1", pause=0.25)

    with forged:
        nap(2)
        real.last(4)

    assert len(forged.answers) > 5 * len(real.answers)
    assert real.acceptance > 2 * forged.acceptance


def test_a_commit_that_hangs_costs_its_own_posts_time_and_nobody_elses(launch_slow: LaunchSlow) -> None:
    """Those in it must hear of their fate; all others are refused at once, and when it is over all goes on."""
    exporter = launch_slow()
    assert exporter.post(event()).body == OK
    exporter.commits_take(4)

    with Crowd(exporter.port, 40, pause=0.2) as crowd:
        nap(1)
        exporter.commits_take(0)  # the one that has begun still takes its time
        nap(5)

    waited = [answer for answer in crowd.answers if answer.seconds > PATIENCE]
    assert len(waited) < 8, "more posts in one commit than threads"
    assert {answer.status for answer in waited} <= {200}
    assert crowd.statuses[503] > 0
    assert set(crowd.statuses) == {200, 503}
    assert exporter.post(event()).body == OK
    assert exporter.scrape().value(COUNTED) == crowd.statuses[200] + 2


def test_a_commit_that_hangs_leaves_the_private_port_alive(launch_slow: LaunchSlow) -> None:
    """`/healthz` answers, so nobody kills a process that only waits for its disk; and the scrape answers as well."""
    exporter = launch_slow()
    assert exporter.post(event()).body == OK
    exporter.commits_take(5)

    with Crowd(exporter.port, 10, pause=0.2):
        nap(1)
        exporter.commits_take(0)
        began = awake()
        assert exporter.private("/healthz").body == OK
        assert awake() - began < 1
        began = awake()
        exporter.scrape()
        assert awake() - began < 1


def test_a_slow_disk_leaves_the_scrape_under_a_second(launch_slow: LaunchSlow) -> None:
    """A scrape waits for the commit that runs, and not for the posts that queue for the next."""
    exporter = launch_slow()
    exporter.commits_take(SLOW)
    slowest = 0.0
    with Crowd(exporter.port, 60):
        nap(1.5)
        for _ in range(8):
            began = awake()
            exporter.scrape()
            slowest = max(slowest, awake() - began)
            nap(0.2)

    assert slowest < 1


def test_after_the_overload_everybody_is_served_again(launch_slow: LaunchSlow) -> None:
    """Nothing of it stays behind: no queue, no grudge."""
    exporter = launch_slow()
    exporter.commits_take(SLOW)
    crowd = Crowd(exporter.port, 60).last(3)
    assert crowd.statuses[503] > 0
    exporter.commits_take(0)

    wait_until(lambda: exporter.post(event()).status == 200, "a post is taken", 10)
    after = Crowd(exporter.port, 8).last(2)
    assert after.acceptance > 0.9
