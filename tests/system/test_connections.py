"""Phones keep connections open, networks stall, strangers trickle: none of it costs the others their reply.

How long each may take, `tests/unit/intake/test_connection.py` says, which owns the clock.
"""

from __future__ import annotations

import itertools
import json
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.bodies import event
from tests.support.contract import OK, assert_refused
from tests.support.harness import LOCALHOST, Exporter, wait_until
from tests.system.conftest import Launch
from tests.system.ledgers import backup
from tests.system.test_replies import padded
from tests.system.wire import Wire, chunked, post

IDLE = 1100
STALLED = post(b"[]")[:-1]


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


def statuses(wires: list[Wire]) -> Iterator[int]:
    """Of a post on each, a hundred at a time: a thousand at once may be more than can be counted in time."""
    for some in (wires[start : start + 100] for start in range(0, len(wires), 100)):
        for wire in some:
            wire.send(post(b"[]"))
        yield from (wire.reply().status for wire in some)


def test_a_thousand_idle_connections_keep_nobody_from_posting(
    launch: Launch, allow_files: Callable[[int], None], tmp_path: Path
) -> None:
    """Each has been answered once and stays open, and the post of the next is answered; so is a scrape, and a backup.

    Most systems allow a process 1,024 open files: it is for the exporter to ask for more, and to use nothing that fails
    with the 1,025th, as `select()` does.
    """
    allow_files(1024)
    exporter = launch(request_timeout="600s")
    allow_files(4 * IDLE)
    with ExitStack() as stack:
        idle = [stack.enter_context(Wire(exporter.port)) for _ in range(IDLE)]
        assert set(statuses(idle)) == {200}

        assert exporter.post(event()).body == OK
        assert exporter.scrape().total("capgo_events_total") == 1
        backup(exporter, tmp_path / "copy.db")

        assert set(statuses(idle)) == {200}, "an idle connection was dropped"


def test_fewer_files_than_needed_are_said_and_lived_with(tmp_path: Path, allow_files: Callable[[int], None]) -> None:
    """In one line at the start. The limit is what there is: more connections than that wait, posts are taken as soon as
    one ends, and neither the log nor `/metrics` notices.
    """
    exporter = Exporter(tmp_path, connection_limit="2000", request_timeout="60s", log_format="json")
    exporter.argv = ["prlimit", "--nofile=400", *exporter.argv]
    allow_files(4 * IDLE)
    with ExitStack() as stack:
        stack.enter_context(exporter)
        idle = [stack.enter_context(Wire(exporter.port)) for _ in range(600)]
        assert exporter.scrape().value("process_open_fds") < 400
        for wire in idle:
            wire.close()
        assert exporter.post(event()).body == OK

    (line,) = [json.loads(line) for line in exporter.logs().splitlines() if "too_few_files" in line]
    assert line["files"] == 400
    assert line["connection_limit"] < 400
    assert "Traceback" not in exporter.logs()
    assert "cannot_accept" not in exporter.logs()


def test_an_accept_that_fails_is_tried_again(launch: Launch, allow_files: Callable[[int], None]) -> None:
    """With no file left, at whatever moment: a line now and then, and when there is one again, posts are taken."""
    exporter = launch(connection_limit="500", request_timeout="60s")
    allow_files(4 * IDLE)
    exporter.limit(resource.RLIMIT_NOFILE, 100)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(Wire(exporter.port))
        wait_until(lambda: "cannot_accept" in exporter.logs(), "it has run out of files")
        assert exporter.logs().count("cannot_accept") < 20
        exporter.limit(resource.RLIMIT_NOFILE, 1000)
        assert exporter.post(event()).body == OK


def test_connections_beyond_the_limit_do_not_stop_the_scrape(launch: Launch) -> None:
    """With the public port full the private one answers; and as soon as one connection ends, a post is taken."""
    exporter = launch(connection_limit="20")
    with ExitStack() as stack:
        idle = [stack.enter_context(Wire(exporter.port)) for _ in range(40)]
        exporter.scrape()
        for wire in idle:
            wire.close()
        assert exporter.post(event()).body == OK


def test_a_port_full_of_idle_connections_takes_posts_again_after_the_timeout(launch: Launch) -> None:
    """Nobody has to leave by himself."""
    exporter = launch(connection_limit="20", request_timeout="1s")
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(Wire(exporter.port))
        assert exporter.post(event()).body == OK


def test_an_idle_connection_is_closed_after_the_timeout(hasty: Exporter) -> None:
    """Without a word, whether it was of use before or not."""
    with Wire(hasty.port) as idle, Wire(hasty.port) as kept:
        kept.send(post(b"[]"))
        assert kept.reply().status == 200
        assert kept.has_ended()
        assert idle.has_ended()


def test_a_request_that_stalls_is_answered_408(hasty: Exporter) -> None:
    """And its connection closed. Current clients send the batch again."""
    with Wire(hasty.port) as wire:
        wire.send(STALLED)
        assert_refused(wire.reply(), 408)
        assert wire.has_ended()


def test_a_request_that_trickles_is_answered_408(hasty: Exporter) -> None:
    """A byte now and then does not keep it alive."""
    head, _, body = post(b" " * 10_000).partition(b"\r\n\r\n")
    whole = iter(body)
    with Wire(hasty.port, seconds=0.1) as wire:
        wire.send(head + b"\r\n\r\n")

        def answered() -> bool:
            wire.send(bytes([next(whole)]))
            try:
                return bool(wire.socket.recv(1, 2))  # 2: MSG_PEEK, the reply is read below
            except TimeoutError:
                return False

        wait_until(answered, "the trickle is answered")
        assert_refused(wire.reply(), 408)


def test_a_client_that_never_reads_its_replies_is_closed(hasty: Exporter) -> None:
    """A few thousand of them would otherwise hold all connections."""
    many = post(b"[%b]" % b",".join([b"{}"] * 1000)) * 100
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((LOCALHOST, hasty.port))
        client.setblocking(False)

        def closed() -> bool:
            try:
                client.send(many)
            except BlockingIOError:
                return False
            except ConnectionError:
                return True
            return False

        wait_until(closed, "it is closed")


def test_what_a_client_does_not_read_is_not_made_for_it(launch: Launch) -> None:
    """It asks as fast as it can, for replies of 90 kB each, and reads none: it is not listened to any more."""
    exporter = launch(request_timeout="60s")
    bodies = (json.dumps([{"nonsense": number}] * 1000).encode() for number in itertools.count())
    before = exporter.rss_bytes()
    with socket.create_connection((LOCALHOST, exporter.port)) as client:
        client.settimeout(1)
        with suppress(TimeoutError):
            for body in itertools.islice(bodies, 3000):
                client.sendall(post(body))
        assert exporter.rss_bytes() - before < 50 * 2**20
    assert exporter.post(event()).body == OK


def test_stalled_requests_keep_nobody_from_posting(launch: Launch) -> None:
    """A hundred half requests hold no thread, for as long as they may."""
    exporter = launch(request_timeout="600s")
    with ExitStack() as stack:
        for wire in [stack.enter_context(Wire(exporter.port)) for _ in range(100)]:
            wire.send(STALLED)
        assert exporter.post(event()).body == OK


def test_a_client_that_leaves_in_the_middle_of_its_post_counts_nothing(exporter: Exporter) -> None:
    """However it was sent, what did arrive of it is no post."""
    names = ("capgo_exporter_events_received_total", "capgo_exporter_events_counted_total")
    before = [exporter.scrape().value(name) for name in names]

    for whole in (post(padded(1000)), chunked(padded(1000), padded(1000))):
        for _ in range(20):
            with Wire(exporter.port) as wire:
                wire.send(whole[:-20])

    assert exporter.post(b"[]").status == 200
    assert before == [exporter.scrape().value(name) for name in names]


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
