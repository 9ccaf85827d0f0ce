"""A disk that hangs: refusals in each client's language, a private port that answers, and nothing lost or invented.

Who is refused, and when, `tests/unit/intake/test_committer.py` says, which owns the clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.bodies import event
from tests.support.contract import OK, assert_refused
from tests.support.crowd import CURRENT, OLD, UNKNOWN, Crowd
from tests.support.harness import wait_until
from tests.system.held_disk import HeldExporter
from tests.system.wire import Wire, post

COUNTED = "capgo_exporter_events_counted_total"
REFUSED = "capgo_exporter_requests_refused_total"
ENOUGH = 60
"""Refusals of each crowd that are waited for."""


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[HeldExporter]:
    """One that has counted an event."""
    with HeldExporter(tmp_path, request_timeout="600s") as running:
        assert running.post(event()).body == OK
        yield running


@contextmanager
def hanging(exporter: HeldExporter) -> Iterator[None]:
    """Its disk hangs, one post in the commit; at the end of the block that is counted."""
    exporter.hold()
    with Wire(exporter.port) as wire:
        wire.send(post(json.dumps(event()).encode()))
        wait_until(lambda: exporter.private("/readyz").status == 503, "it hangs")
        yield
        exporter.let_go()
        assert wire.reply().body == OK


def test_a_crowd_before_a_disk_that_hangs_is_answered_and_counted_exactly(exporter: HeldExporter) -> None:
    """Each client in its own language; what was acknowledged is counted, and nothing else; then all goes on."""
    crowds = [Crowd(exporter.port, 12, user_agent) for user_agent in (UNKNOWN, OLD, CURRENT)]
    unknown, old, current = crowds
    with ExitStack() as stack:
        with hanging(exporter):
            for crowd in crowds:
                stack.enter_context(crowd)
            wait_until(lambda: all(crowd.refused >= ENOUGH for crowd in crowds), "each has been refused")
        wait_until(lambda: all(crowd.statuses[200] for crowd in crowds), "each is served")

    assert set(unknown.statuses) == set(old.statuses) == {200, 503}
    assert set(current.statuses) == {200, 429}
    refused = [answer for crowd in crowds for answer in crowd.answers if answer.status != 200]
    assert {answer.error for answer in refused} == {"overloaded"}
    scrape = exporter.scrape()
    assert scrape.value(COUNTED) == 2 + sum(crowd.statuses[200] for crowd in crowds)
    assert scrape.value(REFUSED, reason="overloaded") == len(refused)
    assert scrape.value("capgo_exporter_requests_total", code="429") == current.statuses[429]
    assert scrape.total("capgo_events_total") == scrape.value(COUNTED)


def test_a_plugin_that_waits_is_told_for_how_long_and_others_are_not(exporter: HeldExporter) -> None:
    """Whole seconds between 5 and 20, not the same for all: a fleet that came at once must not come back at once."""
    with hanging(exporter), Crowd(exporter.port, 12, OLD) as old, Crowd(exporter.port, 12, CURRENT) as current:
        wait_until(lambda: current.refused >= ENOUGH and old.refused > 0, "many have been refused")

    hints = {answer.retry_after for answer in current.answers if answer.status == 429}
    assert len(hints) > 5
    assert all(hint is not None and hint.isdecimal() and 5 <= int(hint) <= 20 for hint in hints)
    assert {answer.retry_after for answer in old.answers} == {None}


def test_a_disk_that_hangs_leaves_the_private_port_alive(exporter: HeldExporter) -> None:
    """`/healthz` says ok, so nobody kills a process that only waits for its disk; `/readyz` does not, and the gauge
    agrees; a scrape shows what was counted, and the landing page says something.
    """
    before = exporter.scrape().value(COUNTED)
    with hanging(exporter):
        assert_refused(exporter.post(event()), 503, "overloaded")
        assert exporter.private("/healthz").body == OK
        assert_refused(exporter.private("/readyz"), 503)
        scrape = exporter.scrape()
        assert scrape.value("capgo_exporter_ready") == 0
        assert scrape.value(COUNTED) >= before
        assert exporter.private("/").status == 200

    wait_until(lambda: exporter.private("/readyz").status == 200, "it is ready again")
    assert exporter.scrape().value("capgo_exporter_ready") == 1
