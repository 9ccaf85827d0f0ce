"""A log store beside the exporter: it gets every event once, and is never in the way of a post."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import receiver as store
from tests.support.bodies import event, events
from tests.support.contract import OK
from tests.support.fleet import Fleet
from tests.support.harness import Exporter, Program, wait_until
from tests.support.receiver import Receiver
from tests.system.conftest import Launch

SENT = "capgo_exporter_event_store_events_total"
DROPPED = "capgo_exporter_event_store_dropped_total"
BATCHES = "capgo_exporter_event_store_batches_total"
SECRET = "Zm9vOmJhcg=="  # noqa: S105  # one of nobody's


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def accounted(exporter: Exporter) -> float:
    """Events of which the fate is known."""
    return exporter.scrape().total(SENT)


def test_the_fleets_account_is_what_a_store_has_that_dies_and_returns(
    receiver: Receiver, launch: Launch, tmp_path: Path
) -> None:
    """By app, action, platform, version and kind of device; over refusals, lost replies, and a store that is away."""
    exporter = launch(event_store=receiver.url, event_store_actions="all")
    receiver.behave = store.in_turn(
        store.answer(503), store.take_and_close, store.answer(429, Retry_After="1"), store.answer(204)
    )
    with Fleet(tmp_path / "fleet", exporter.port, devices="200", rate="150", duration="8s") as fleet:
        wait_until(lambda: len(receiver.stored) > 100, "the store has some")
        receiver.stop()
        exporter.post(event(app_id="com.example.meanwhile"))
        wait_until(lambda: exporter.scrape().total(BATCHES, code="none") > 1, "it is missed")
        receiver.start()
        account = fleet.account()
    counted = exporter.scrape().value("capgo_exporter_events_counted_total")
    wait_until(lambda: accounted(exporter) == counted, "all are sent")

    received = Counter(
        (line.app_id, line.named["action"], line.named["platform"], line.named["version"], line.environment == "test")
        for line in receiver.stored
        if line.app_id != "com.example.meanwhile"
    )
    for row in account:
        key = (row["app_id"], row["action"], row["platform"], row["version"], row["test"])
        assert row["acknowledged"] <= received.pop(key, 0) <= row["acknowledged"] + row["unacknowledged"], row
    assert not received
    assert len(receiver.stored) == counted == exporter.scrape().value(SENT, result="sent")
    assert exporter.scrape().total(DROPPED) == 0
    assert receiver.wrong == []


def test_the_end_sends_what_waits(receiver: Receiver, launch: Launch) -> None:
    """SIGTERM right behind the last reply."""
    exporter = launch(event_store=receiver.url)
    for _ in range(20):
        assert exporter.post(events(50, action="update_fail")).status == 200
    assert exporter.terminate() == 0

    assert len(receiver.stored) == 1000


HOSTILE: dict[str, Callable[[threading.Event], store.Behave]] = {
    "hangs": store.hang,
    "drips": lambda never: store.raw(b"HTTP/1.1 200 OK\r\nx: ", endless=b"x", pause=never),
    "never ends": lambda _: store.raw(b"HTTP/1.1 200 OK\r\n\r\n", endless=b"x" * 2**16),
    "sends a gigabyte": lambda _: store.raw(
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000000000\r\n\r\n", endless=b"x" * 2**16
    ),
    "redirects": lambda _: store.answer(307, Location="http://127.0.0.1:9/"),
    "closes": lambda _: store.close,
}


@pytest.mark.parametrize("behaviour", HOSTILE)
def test_a_store_that_does_anything_costs_no_post_anything(receiver: Receiver, launch: Launch, behaviour: str) -> None:
    """Every post is answered and counted, memory stays where it was, and the process ends when it is asked to."""
    never = threading.Event()
    receiver.behave = HOSTILE[behaviour](never)
    exporter = launch(event_store=receiver.url)
    assert exporter.deliver(events(10, action="update_fail")).status == 200
    wait_until(lambda: len(receiver.batches) > 0, "the store has been asked")
    before = exporter.rss_bytes()

    for _ in range(100):
        assert exporter.deliver(events(10, action="update_fail", metadata={"stack": "x" * 2000})).status == 200

    assert exporter.scrape().value("capgo_exporter_events_counted_total") == 1010
    assert exporter.rss_bytes() - before < 50 * 2**20
    assert exporter.terminate() == 0
    never.set()


def test_a_store_that_can_not_be_reached_loses_events_aloud(launch: Launch) -> None:
    """Posts are counted; what does not fit into the buffer any more is told by reason, and the log says why, once."""
    exporter = launch(event_store="http://127.0.0.1:9/otlp/v1/logs")
    body = events(200, action="webview_javascript_error", metadata={"stack": "x" * 4000})
    posts = 0
    while not exporter.scrape().total(DROPPED, reason="buffer_full"):
        assert exporter.deliver([{**one, "timestamp": posts * 1000 + n} for n, one in enumerate(body)]).status == 200
        posts += 1

    scrape = exporter.scrape()
    assert scrape.value("capgo_exporter_events_counted_total") == posts * 200
    assert 8 * 2**20 < scrape.value("capgo_exporter_event_store_buffered_bytes") <= 16 * 2**20
    assert scrape.value(SENT, result="dropped") == scrape.total(DROPPED)
    assert "event_store_unreachable" in exporter.logs()


def test_file_and_store_have_the_same_events(receiver: Receiver, launch: Launch, tmp_path: Path) -> None:
    """Both ways out at once, and the same fields left out of both."""
    path = tmp_path / "events.log"
    exporter = launch(event_store=receiver.url, event_log=str(path), event_log_omit="custom_id,metadata")
    told = event(action="app_crash", custom_id="jane@example.com", metadata={"exit_reason": "hidden"})
    assert exporter.post(told).body == OK
    assert exporter.terminate() == 0

    (line,) = receiver.stored
    assert line.named["device_id"] == told["device_id"]
    assert told["device_id"] in path.read_text()
    assert not [word for word in ("jane", "hidden") if word in path.read_text() + str(line)]


@pytest.mark.parametrize("given", ["environment", "file"])
def test_secrets_reach_the_store_and_nobody_else(receiver: Receiver, tmp_path: Path, given: str) -> None:
    """Not the process list, not the log: not at the start, and not when the store repeats what it got."""
    receiver.behave = store.answer(400, f"denied: Authorization: Basic {SECRET}".encode())
    exporter = Exporter(tmp_path, event_store=receiver.url)
    headers = f"Authorization=Basic {SECRET},X-Scope-OrgID=team-a"
    if given == "file":
        (tmp_path / "headers").write_text(headers + "\n")
        headers = f"@{tmp_path / 'headers'}"
    exporter.environment["CAPGO_EVENT_STORE_HEADERS"] = headers
    with exporter:
        assert exporter.post(event(action="app_crash")).body == OK
        wait_until(lambda: exporter.scrape().total(DROPPED, reason="refused") == 1, "the store has refused")
        assert SECRET not in Path(f"/proc/{exporter.pid}/cmdline").read_text()
        assert exporter.terminate() == 0

    assert (receiver.headers[0]["Authorization"], receiver.headers[0]["X-Scope-OrgID"]) == (f"Basic {SECRET}", "team-a")
    assert "denied" in exporter.logs()
    assert SECRET not in exporter.logs()


def test_without_its_library_only_the_log_store_is_missing(tmp_path: Path) -> None:
    """The protocol's messages are an extra: who asks for a log store is told what to install, others need none."""
    missing = tmp_path / "opentelemetry"
    missing.mkdir()
    (missing / "__init__.py").write_text("raise ModuleNotFoundError('No module named opentelemetry')\n")
    exporter = Exporter(tmp_path)
    exporter.environment["PYTHONPATH"] = str(tmp_path)
    with exporter:
        assert exporter.post(event()).body == OK
        assert exporter.terminate() == 0
    exporter.environment["CAPGO_EVENT_STORE"] = "http://127.0.0.1:9/otlp/v1/logs"
    Program.spawn(exporter)

    assert exporter.wait() == 1
    assert "capgo-exporter[event-store]" in exporter.logs()
