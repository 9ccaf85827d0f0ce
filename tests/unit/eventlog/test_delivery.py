"""A batch on its way: when it is tried again, when it is given up, and that every event of it is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from structlog.testing import capture_logs

from exporter.eventlog.delivery import GIVE_UP_SECONDS, LONGEST_PAUSE_SECONDS, REPLY_SECONDS, Delivery, Ending
from exporter.eventlog.exchange import Answer
from exporter.eventlog.notes import Notes

GOOD = Answer(204, None, b"")
Reply = Answer | Exception


class Time(Ending):
    """A clock that only pauses move, and what happens at some moments of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []
        self.events: list[tuple[float, Callable[[], None]]] = []
        super().__init__(lambda: self.seconds)

    def pause(self, seconds: float) -> None:
        until = self.seconds + seconds
        if self.events and self.events[0][0] <= until:
            until, happen = self.events.pop(0)
            self.seconds = until
            happen()
        self.pauses.append(seconds)
        self.seconds = until


class Store:
    """Replies in turn, the last of them for ever; each takes `took` seconds."""

    def __init__(self, time: Time, replies: Sequence[Reply], took: float = 0) -> None:
        self.replies = list(replies)
        self.time = time
        self.took = took
        self.asked: list[float] = []

    def post(self, body: bytes, seconds: float) -> Answer:
        assert body == b"batch"
        assert 0 < seconds <= REPLY_SECONDS
        self.asked.append(self.time.seconds)
        self.time.seconds += min(self.took, seconds)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


class Fates:
    """What became of events."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.batches: Counter[str] = Counter()
        self.notes = Notes(
            lambda number: self.events.update(sent=number),
            lambda reason, number: self.events.update({reason: number}),
            lambda code: self.batches.update([code]),
        )


def deliver(
    replies: Sequence[Reply], time: Time | None = None, took: float = 0, jitter: float = 1
) -> tuple[Fates, Store, Time]:
    """Ten events, and what became of them."""
    time = time or Time()
    fates, store = Fates(), Store(time, replies, took)
    Delivery(store.post, fates.notes, time, (), lambda: jitter).deliver(b"batch", 10)
    assert sum(fates.events.values()) == 10
    assert sum(fates.batches.values()) == len(store.asked)
    return fates, store, time


@pytest.mark.parametrize("code", [200, 202, 204, 299])
def test_any_code_of_success_is_one(code: int) -> None:
    """The specification says 200, Loki says 204."""
    fates, store, _ = deliver([Answer(code, None, b"")])

    assert fates.events == {"sent": 10}
    assert store.asked == [0]


@pytest.mark.parametrize("code", [100, 301, 302, 307, 400, 401, 403, 404, 405, 408, 413, 415, 422, 500, 501, 505, 999])
def test_any_other_code_drops_the_batch(code: int) -> None:
    """Loki has stored the good ones of it by then; it is not sent again, and nothing is followed."""
    fates, store, _ = deliver([Answer(code, 1.0, b"")])

    assert fates.events == {"refused": 10}
    assert store.asked == [0]


@pytest.mark.parametrize(
    "failure", [OSError("x"), TimeoutError(), ValueError("x"), KeyError("x"), Answer(503, None, b"")]
)
def test_a_store_that_is_away_is_asked_again_ever_more_seldom(failure: Reply) -> None:
    """After 1, 2, 4 … 30 seconds at the most; and when it is back the batch is there, once."""
    fates, store, time = deliver([failure] * 8 + [GOOD])

    assert fates.events == {"sent": 10}
    assert time.pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert len(store.asked) == 9


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_what_is_too_much_now_is_sent_later(code: int) -> None:
    """These codes say so; the store names the time, if it wants to."""
    fates, _, time = deliver([Answer(code, 7.0, b""), Answer(code, 0.0, b""), GOOD])

    assert fates.events == {"sent": 10}
    assert fates.batches == {str(code): 2, "204": 1}
    assert time.pauses == [7, 1]


def test_many_exporters_do_not_come_back_at_the_same_moment() -> None:
    """A pause is between half of it and all of it."""
    assert deliver([OSError(), GOOD], jitter=0)[2].pauses == [0.5]
    assert deliver([OSError(), GOOD], jitter=0.5)[2].pauses == [0.75]


@pytest.mark.parametrize("took", [0, 1, REPLY_SECONDS])
def test_a_batch_is_given_up_after_five_minutes(took: float) -> None:
    """There are batches that a store answers with 503 for ever; the next may be none of these."""
    fates, store, time = deliver([Answer(503, None, b"")], took=took)

    assert fates.events == {"given_up": 10}
    assert time.seconds == GIVE_UP_SECONDS
    assert len(store.asked) > GIVE_UP_SECONDS / (LONGEST_PAUSE_SECONDS + REPLY_SECONDS)


def test_a_store_can_not_have_itself_asked_again_and_again() -> None:
    """`Retry-After: 0` for ever costs a request a second."""
    fates, store, _ = deliver([Answer(503, 0.0, b"")])

    assert fates.events == {"given_up": 10}
    assert len(store.asked) == GIVE_UP_SECONDS


def test_a_store_can_not_make_anybody_wait_for_longer() -> None:
    """Whatever patience it asks for."""
    fates, store, time = deliver([Answer(429, 1e300, b"")])

    assert fates.events == {"given_up": 10}
    assert store.asked == [0]
    assert time.seconds == GIVE_UP_SECONDS


def test_the_end_cuts_a_pause_short_and_the_batch_is_tried_until_the_last_moment() -> None:
    """A store that is just coming back gets it."""
    time = Time()
    time.events = [(100.0, lambda: time.ask(3))]
    fates, store, _ = deliver([Answer(503, 200.0, b"")] * 5 + [GOOD], time)

    assert fates.events == {"sent": 10}
    assert store.asked == [0, 100, *(pytest.approx(100 + 0.2 * tries) for tries in range(1, 5))]


def test_what_can_not_be_sent_before_the_end_is_dropped() -> None:
    """In time, with a store that is away."""
    time = Time()
    time.events = [(100.0, lambda: time.ask(3))]
    fates, _, _ = deliver([Answer(503, 200.0, b"")], time)

    assert fates.events == {"stopped": 10}
    assert time.seconds == pytest.approx(103)


def partly(lost: int) -> Answer:
    success = ExportLogsPartialSuccess(rejected_log_records=lost, error_message="too old")
    return Answer(200, None, ExportLogsServiceResponse(partial_success=success).SerializeToString())


@pytest.mark.parametrize(
    ("lost", "events"),
    [
        (3, {"sent": 7, "partly_refused": 3}),
        (10, {"sent": 0, "partly_refused": 10}),
        (99, {"sent": 0, "partly_refused": 10}),
        (-5, {"sent": 10}),
    ],
)
def test_a_success_may_be_a_partial_one(lost: int, events: dict[str, int]) -> None:
    """As a Collector says it; it is not sent again, and no number of a stranger spoils ours."""
    assert deliver([partly(lost)])[0].events == events


@given(st.lists(st.integers(100, 999).map(lambda code: Answer(code, None, b"")) | st.just(OSError()), min_size=1))
def test_the_codes_are_those_of_http_and_two_words_of_ours(replies: list[Reply]) -> None:
    """So that no store can make series without end."""
    fates, _, _ = deliver([*replies, GOOD])

    assert all(code in {"none", "other"} or 100 <= int(code) <= 511 for code in fates.batches)


def test_the_log_tells_what_the_store_said_and_keeps_our_secrets() -> None:
    """Some servers repeat the headers that they got."""
    fates, time = Fates(), Time()
    said = b"\x08\x03\x12$entry too far behind \x1b[31m for Basic Zm9vOmJhcg==, Zm9vOmJhcg==" + b"." * 4000
    store = Store(time, [Answer(400, None, said)])
    with capture_logs() as lines:
        Delivery(store.post, fates.notes, time, ("Basic Zm9vOmJhcg==", "Basic", "Zm9vOmJhcg==")).deliver(b"batch", 10)

    (line,) = lines
    assert (line["event"], line["reason"], line["events"]) == ("event_store_refuses", "400", 10)
    assert "entry too far behind" in line["words"]
    assert "Zm9v" not in str(lines)
    assert line["words"].isprintable()
    assert len(line["words"]) <= 200


def test_the_log_tells_why_a_store_can_not_be_reached() -> None:
    """In one line, without its own line ends."""
    fates, time = Fates(), Time()
    with capture_logs() as lines:
        Delivery(Store(time, [OSError("no\nway"), GOOD]).post, fates.notes, time).deliver(b"batch", 10)

    assert [line["event"] for line in lines] == ["event_store_unreachable", "event_store_back"]
    assert lines[0]["error"] == "OSError: no way"
