"""The sender as a whole, in front of a receiver: nothing is lost or sent in vain, and nobody waits for it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from exporter.eventlog import delivery
from exporter.eventlog import store as eventstore
from exporter.eventlog.notes import Notes
from exporter.eventlog.record import Record
from exporter.eventlog.store import Actions, EventStore, Rising, open_store
from exporter.wire.labels import Series, Version
from tests.support import receiver as store
from tests.support.harness import wait_until
from tests.support.receiver import Receiver

AT = 1_795_512_600.0


def series(action: str, app_id: str = "com.acme.notes", test: bool = False) -> Series:
    return Series(Version(app_id, "ios", "1.0", test), action)


def record(*numbers: int, action: str = "update_fail", filler: int = 0) -> Record:
    """A post of events with these numbers as their reasons."""
    events = [{"action": action, "message": f"number {number}", "metadata": {"x": "y" * filler}} for number in numbers]
    return Record(json.dumps(events).encode(), AT, [(index, series(action)) for index in range(len(numbers))])


class Fates:
    """What became of events."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.notes = Notes(
            lambda number: self.events.update(sent=number),
            lambda reason, number: self.events.update({reason: number}),
            lambda _: None,
        )


@pytest.fixture
def fates() -> Fates:
    return Fates()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(autouse=True)
def times(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much at the end as a busy machine needs, and pauses that are short; how they grow is tested elsewhere."""
    monkeypatch.setattr(eventstore, "END_SECONDS", 60.0)
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.02)


Open = Callable[..., EventStore]


@pytest.fixture
def open_(receiver: Receiver, fates: Fates) -> Iterator[Open]:
    """Opens an event store, which ends with the test."""
    opened: list[EventStore] = []

    def open_it(actions: Actions = "all", headers: str = "") -> EventStore:
        opened.append(open_store(receiver.url, headers, actions, {"custom_id"}, fates.notes))
        return opened[-1]

    yield open_it
    for one in opened:
        one.close()


def numbers(lines: Sequence[store.Line] | dict[store.Line, None]) -> list[int]:
    return [int(line.named["reason"].removeprefix("number ")) for line in lines]


def test_events_arrive_once_in_the_order_of_the_posts(receiver: Receiver, open_: Open, fates: Fates) -> None:
    """With times that rise, although all arrived at one moment; in batches that every store takes."""
    opened = open_()
    for first in range(0, 3000, 3):
        opened.offer(record(first, first + 1, first + 2, filler=1000))
    opened.close()

    assert numbers(receiver.stored) == list(range(3000))
    assert fates.events == {"sent": 3000}
    assert receiver.wrong == []
    assert receiver.connections == 1
    assert opened.buffered_bytes == 0


def test_events_wait_a_moment_for_others(receiver: Receiver, open_: Open) -> None:
    """Not a request each."""
    opened = open_()
    for number in range(20):
        opened.offer(record(number))

    wait_until(lambda: len(receiver.stored) == 20, "all are there")
    assert len(receiver.batches) < 20


def test_by_default_only_what_went_wrong_is_sent(receiver: Receiver, open_: Open, fates: Fates) -> None:
    """Of a post with both, the one event."""
    opened = open_("failures")
    mixed = record(1, 2)
    opened.offer(mixed._replace(counted=[(0, series("set")), (1, series("app_crash", "com.acme.shop", test=True))]))
    opened.offer(record(3, action="set"))
    opened.close()

    (line,) = receiver.stored
    assert (line.app_id, line.environment, line.named["reason"]) == ("com.acme.shop", "test", "number 2")
    assert fates.events == {"sent": 1}


def test_a_store_that_dies_and_returns_has_everything(receiver: Receiver, open_: Open, fates: Fates) -> None:
    """Refused connections, 503 and 429 on its way up, and a reply that was lost: no line is missing, none is new."""
    opened = open_()
    opened.offer(record(0))
    wait_until(lambda: len(receiver.stored) == 1, "the first is there")
    receiver.stop()
    opened.offer(record(*range(1, 900)))
    receiver.behave = store.in_turn(
        store.answer(503), store.close, store.answer(429, Retry_After="0"), store.take_and_close, store.answer(204)
    )
    receiver.start()

    wait_until(lambda: fates.events == {"sent": 900}, "all are sent")
    assert numbers(receiver.stored) == list(range(900))
    assert receiver.wrong == []


def test_with_a_store_that_hangs_the_buffer_takes_what_fits(receiver: Receiver, open_: Open, fates: Fates) -> None:
    """An offer returns whatever the store does; what is too much is counted, and no more is kept than was allowed."""
    never = threading.Event()
    receiver.behave = store.hang(never)
    opened = open_()
    opened.offer(record(0))
    wait_until(lambda: len(receiver.batches) == 1, "the sender waits for a reply")
    for number in range(1, 40):
        opened.offer(record(number, filler=2**20))

    assert fates.events == {"buffer_full": 39 - 15}, "15 of a little more than a mebibyte fit"
    assert 15 * 2**20 < opened.buffered_bytes <= 16 * 2**20
    never.set()
    receiver.behave = store.answer(204)
    wait_until(lambda: sum(fates.events.values()) == 40, "the others are sent")
    assert len(receiver.stored) == fates.events["sent"]


def test_the_end_sends_what_waits(receiver: Receiver, open_: Open, fates: Fates) -> None:
    """All of it, and at once."""
    opened = open_()
    for number in range(2000):
        opened.offer(record(number))
    opened.close()

    assert numbers(receiver.stored) == list(range(2000))
    assert fates.events == {"sent": 2000}


@pytest.mark.parametrize("how", ["hangs", "refuses", "is not there"])
def test_the_end_comes_with_a_store_that_takes_nothing(
    receiver: Receiver, open_: Open, fates: Fates, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be sent is accounted for, what lies behind it is not even read."""
    monkeypatch.setattr(eventstore, "END_SECONDS", 0.5)
    never, begun = threading.Event(), threading.Event()

    def behave(handler: store.Handler) -> None:
        begun.set()
        (store.hang(never) if how == "hangs" else store.answer(503))(handler)

    receiver.behave = behave
    if how == "is not there":
        receiver.stop()
        begun.set()
    opened = open_()
    opened.offer(record(1))
    assert begun.wait(60)
    for number in range(2000):
        opened.offer(record(number))
    opened.close()
    never.set()

    wait_until(lambda: fates.events == {"stopped": 2001}, "all are accounted for")


def test_a_post_that_can_not_be_read_again_costs_only_itself(receiver: Receiver, open_: Open, fates: Fates) -> None:
    """It should never be; the sender goes on all the same."""
    opened = open_()
    opened.offer(Record(b"[{}]", AT, [(7, series("reset")), (8, series("reset"))]))
    opened.offer(record(1))
    opened.close()

    assert fates.events == {"unreadable": 2, "sent": 1}


def test_headers_are_sent_as_they_were_given(receiver: Receiver, open_: Open) -> None:
    """Beside those that are ours."""
    opened = open_(headers="Authorization=Basic%20Zm9vOmJhcg==,X-Scope-OrgID=team-a")
    opened.offer(record(1))
    opened.close()

    (headers,) = receiver.headers
    assert (headers["Authorization"], headers["X-Scope-OrgID"]) == ("Basic Zm9vOmJhcg==", "team-a")
    assert headers["User-Agent"].startswith("capgo-exporter/")


def test_times_rise_and_follow_the_clock() -> None:
    """One nanosecond each within a moment; a clock that is set back is followed, as no store takes the future."""
    time_of = Rising()
    now = int(AT * 1e9)

    assert [time_of(AT) - now for _ in range(3)] == [0, 1, 2]
    assert time_of(AT - 0.5) - now == 3
    assert time_of(AT + 1) - now == 10**9
    assert time_of(AT - 3600) - now == -3600 * 10**9
    assert time_of(AT - 3600) - now == -3600 * 10**9 + 1


def test_nothing_is_sent_where_nothing_happens(receiver: Receiver, open_: Open) -> None:
    """An empty batch is an error for some stores."""
    open_("failures").offer(record(1, action="set"))
    time.sleep(0.1)
    open_().close()

    assert receiver.connections == 0
