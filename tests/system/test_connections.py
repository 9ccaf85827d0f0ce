"""Phones keep connections open, networks stall, strangers trickle: none of it costs the others their reply."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.system.bodies import event
from tests.system.conftest import Launch
from tests.system.contract import OK, assert_refused
from tests.system.harness import Exporter, wait_until
from tests.system.test_replies import padded
from tests.system.wire import Wire, post

IDLE = 1000
TIMEOUT = 1.0
SLACK = 2.5
"""How much later than the timeout a busy machine may act on it."""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter that waits one second for a request."""
    with Exporter(tmp_path_factory.mktemp("hasty"), request_timeout="1s") as running:
        yield running


@pytest.fixture
def allow_files() -> Iterator[Callable[[int], None]]:
    """Sets how many files this process, and each that it starts from then on, may have open; undone after the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda count: resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_idle_connections_do_not_delay_the_next_post(
    launch: Launch, allow_files: Callable[[int], None]
) -> None:
    """Each has posted once and stays open; the 1,001st post is answered within a second.

    Most systems allow a process 1,024 open files: it is for the exporter to ask for more.
    """
    allow_files(1024)
    exporter = launch()
    allow_files(4 * IDLE)
    one = post(b"[]")
    with ExitStack() as stack:
        idle = [stack.enter_context(Wire(exporter.port)) for _ in range(IDLE)]
        for wire in idle:
            wire.send(one)
        assert {200} == {wire.reply().status for wire in idle}

        began = time.monotonic()
        assert exporter.post(event()).body == OK
        assert time.monotonic() - began < 1

        for wire in idle:
            wire.send(one)
        assert {200} == {wire.reply().status for wire in idle}, "an idle connection was dropped"


def test_connections_beyond_the_limit_do_not_stop_the_scrape(launch: Launch) -> None:
    """With the public port full the private one answers; and as soon as one connection ends, a post is taken."""
    exporter = launch(connection_limit="20")
    with ExitStack() as stack:
        idle = [stack.enter_context(Wire(exporter.port)) for _ in range(40)]
        exporter.scrape()
        for wire in idle:
            wire.close()
        assert exporter.post(event()).body == OK


def test_an_idle_connection_is_closed_after_the_timeout(hasty: Exporter) -> None:
    """Without a word: a client that never asked gets no answer."""
    began = time.monotonic()
    with Wire(hasty.port) as wire:
        assert wire.has_ended()
    assert TIMEOUT <= time.monotonic() - began + 0.1 < TIMEOUT + SLACK


def test_a_kept_connection_is_closed_after_the_timeout(hasty: Exporter) -> None:
    """Also when it was of use before."""
    with Wire(hasty.port) as wire:
        wire.send(post(b"[]"))
        assert wire.reply().status == 200
        began = time.monotonic()
        assert wire.has_ended()
    assert time.monotonic() - began < TIMEOUT + SLACK


STALLED = {
    "in its first line": b"POST /st",
    "in its headers": b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Le",
    "in its body": post(b"[]")[:-1],
    "between its chunks": b"POST /stats HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n",
}


@pytest.mark.parametrize("where", STALLED)
def test_a_request_that_stalls_is_answered_408(hasty: Exporter, where: str) -> None:
    """And its connection closed. Current clients send the batch again."""
    with Wire(hasty.port) as wire:
        wire.send(STALLED[where])
        assert_refused(wire.reply(), 408)
        assert wire.has_ended()


def test_a_request_that_trickles_is_answered_408(hasty: Exporter) -> None:
    """A byte now and then does not keep it alive: the whole request must be there in time."""
    whole = iter(post(b" " * 10_000))
    with Wire(hasty.port, seconds=0.1) as wire:
        began = time.monotonic()

        def answered() -> bool:
            wire.send(bytes([next(whole)]))
            try:
                return bool(wire.socket.recv(1, 2))  # 2: MSG_PEEK, the reply is read below
            except TimeoutError:
                return False

        wait_until(answered, "the trickle is answered", TIMEOUT + SLACK)
        assert time.monotonic() - began > TIMEOUT - 0.1
        assert_refused(wire.reply(), 408)


def test_stalled_requests_do_not_delay_the_next_post(exporter: Exporter) -> None:
    """A hundred half requests hold no thread."""
    with ExitStack() as stack:
        for wire in [stack.enter_context(Wire(exporter.port)) for _ in range(100)]:
            wire.send(STALLED["in its body"])
        began = time.monotonic()
        assert exporter.post(event()).body == OK
        assert time.monotonic() - began < 1


def test_a_client_that_leaves_before_its_reply_harms_nobody(exporter: Exporter) -> None:
    """Its event is counted, as it arrived whole."""
    name = "capgo_exporter_events_counted_total"
    before = exporter.scrape().value(name)

    for _ in range(20):
        with Wire(exporter.port) as wire:
            wire.send(post(padded(1000)))

    wait_until(lambda: exporter.scrape().value(name) == before + 20, "all are counted")


def test_a_large_post_needs_no_temporary_file(launch: Launch) -> None:
    """4 MiB are taken by a process that can't write a file of one: it has no disk to spool to but its ledger's."""
    exporter = launch()
    exporter.limit(resource.RLIMIT_FSIZE, 2**20)

    assert exporter.post(padded(4 * 2**20)).body == OK
