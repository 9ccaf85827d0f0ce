"""Each generation of the plugin delivers in its way, whatever it is answered."""

import asyncio
import heapq
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count

import pytest

from exporter.simulator.account import Account, Event, Fate
from exporter.simulator.client import Client, Done, Outcome, Post, Silence
from exporter.simulator.device import Device
from exporter.simulator.dialects import Platform, dialect
from exporter.simulator.moments import Exit, Launch, Moment
from exporter.simulator.phone import Phone, Step
from exporter.simulator.replies import BadReplyError, Reply, read_reply
from tests.support.loops import run_alone
from tests.unit.simulator.stub import OK, Answer, Lost, Stub

SINGLES, BATCHES, QUEUE = "10.0.0", "8.45.11", "8.51.23"
TIMEOUT = 0.3
URL = "http://127.0.0.1/stats"


class Bench:
    """The world of one device: real posts, and a time that the test lets pass; the server's is the same."""

    def __init__(self) -> None:
        self.account = Account()
        self.events: list[tuple[str, Event]] = []
        self._client = Client(URL, 4, TIMEOUT)
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._now = 0.0

    def record(self, phone: Phone, step: Step) -> Event:
        event = self.account.open(phone.body(step, int(1.8e12 + self._now * 1000)), phone.labels(step), phone.told)
        self.events.append((step.action, event))
        return event

    def post(self, headers: bytes, events: Sequence[Event], body: bytes, done: Done) -> Post:
        return self._client.post(headers, body, done)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._ahead, (self._now + seconds, next(self._order), call))

    wait = later

    def wall_clock(self) -> float:
        return 1.8e9 + self._now

    def fates(self) -> dict[str, Fate]:
        return {action: event.fate for action, event in self.events}

    async def until(self, seconds: float, answered: bool = True) -> None:
        """Let the time pass until `seconds` after the start; each post is answered before it goes on."""
        while self._ahead and self._ahead[0][0] <= seconds:
            self._now, _, call = heapq.heappop(self._ahead)
            call()
            while answered and self._client.outstanding:
                await asyncio.sleep(0.001)
        self._now = seconds

    def close(self) -> None:
        self._client.close()


Play = Callable[[Bench], Awaitable[None]]


def play(stub: Stub, version: str, moments: Iterable[Moment], scene: Play, platform: Platform = "android") -> Bench:
    """Let a phone live through `moments` in front of a server, as far as `scene` lets the time pass."""

    async def perform() -> Bench:
        bench = Bench()
        phone = Phone(dialect(platform, version), "com.example.shop", "1.2.0", 0.0, random.Random(1))
        story = iter([Launch(0.0), *moments, Launch(1e9), Launch(1e9)])
        Device(phone, story, bench, random.Random(1)).begin()
        await scene(bench)
        bench.close()
        return bench

    return run_alone(perform(), stub.serve)


def step(action: str, after: float = 0.1, alone: bool = False) -> Step:
    return Step(after, action, "1.2.4", alone=alone)


async def a_minute(bench: Bench) -> None:
    await bench.until(60.0)


LOST, SILENT = Lost(), Answer(after=TIMEOUT * 2)
R, U, A = Fate.REFUSED, Fate.UNACKNOWLEDGED, Fate.ACKNOWLEDGED


@pytest.mark.parametrize("version", [SINGLES, BATCHES, QUEUE])
@pytest.mark.parametrize(
    ("answer", "fate_if_lost", "queue_sends_again"),
    [
        (Answer(200), A, False),
        (Answer(204, b""), A, False),
        (Answer(302), R, False),
        (Answer(400), R, False),
        (Answer(401), R, False),
        (Answer(413), R, False),
        (Answer(408), R, True),
        (Answer(429, b"{}"), R, True),
        (Answer(503), R, True),
        (Answer(500), U, True),
        (Answer(502), U, True),
        (LOST, U, True),
        (SILENT, U, True),
    ],
)
def test_what_a_reply_does(version: str, answer: Answer | Lost, fate_if_lost: Fate, queue_sends_again: bool) -> None:
    """Only a plugin with a queue sends again, and only where the reply does not say that it is of no use."""
    stub = Stub(answer)
    bench = play(stub, version, [step("set")], a_minute)

    again = version == QUEUE and queue_sends_again
    assert sum("set" in actions for actions in stub.actions) == (2 if again else 1)
    assert bench.fates()["set"] is (A if again else fate_if_lost)


def test_single_posts_are_objects_and_batches_gather_a_second() -> None:
    story = [step("set"), step("delete"), step("reset", after=2.0)]
    for version, posts in ((SINGLES, [["set"], ["delete"], ["reset"]]), (BATCHES, [["set", "delete"], ["reset"]])):
        stub = Stub()
        play(stub, version, story, a_minute)
        assert stub.actions == posts
        assert {request.is_array for request in stub.requests} == {version == BATCHES}


def test_the_download_worker_posts_objects_beside_the_arrays() -> None:
    stub = Stub()
    play(stub, QUEUE, [step("set"), step("download_zip_start", alone=True)], a_minute)

    assert stub.actions == [["download_zip_start"], ["set"]]
    single, array = stub.requests
    assert not single.is_array
    assert array.is_array
    assert "timestamp" not in single.events[0]
    assert "timestamp" in array.events[0]


def test_a_queue_keeps_the_newest_200() -> None:
    """With a server that is away, the oldest go; nothing that is kept is out of order."""
    stub = Stub()
    stub.answer = lambda _: Answer(503)
    names = [f"action_{number}" for number in range(250)]

    async def scene(bench: Bench) -> None:
        await bench.until(40.0)
        stub.answer = lambda _: Answer()
        await bench.until(60.0)

    bench = play(stub, QUEUE, [step(name) for name in names], scene)
    assert stub.actions[-1] == names[-200:]
    assert Counter(bench.fates().values()) == {R: 50, A: 200}


def test_a_queue_has_one_post_under_way_and_batches_have_many() -> None:
    for version, under_way in ((QUEUE, 1), (BATCHES, 3)):
        stub = Stub(*[Lost(10.0)] * 4)

        async def scene(bench: Bench, expected: int = under_way, stub: Stub = stub) -> None:
            await bench.until(10.0, answered=False)
            await stub.has(expected)
            await asyncio.sleep(TIMEOUT / 3)
            assert len(stub.requests) == expected

        play(stub, version, [step("set", after=2.0) for _ in range(3)], scene)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(429, OK, b"Retry-After: 7\r\n"), 7),
        (Answer(429, OK), 1),
        (Answer(429, OK, b"Retry-After: Wed, 25 Nov 2026 03:00:00 GMT\r\n"), 1),
        (Answer(429, b'{"moreInfo":{"retryAfterSeconds":5}}'), 5),
        (Answer(429, b'{"rateLimitResetAt":1800000009000}'), 8),
        (Answer(503, OK, b"Retry-After: 7\r\n"), 1),
    ],
)
def test_retry_after_of_a_429_is_honoured(answer: Answer, seconds: float) -> None:
    """As a number, else as the body's hint; that of a 503 is not looked at."""
    stub = Stub(answer)

    async def scene(bench: Bench) -> None:
        def posts() -> int:
            return sum("set" in actions for actions in stub.actions)

        await bench.until(1.2)
        assert posts() == 1
        await bench.until(1.0 + seconds - 0.1)
        assert posts() == 1
        await bench.until(1.0 + seconds + 0.3)
        assert posts() == 2

    play(stub, QUEUE, [step("set")], scene)


@pytest.mark.parametrize(("version", "silenced"), [("8.4.3", True), (BATCHES, True), (SINGLES, False)])
def test_a_429_silences_a_plugin_without_a_queue_until_its_next_launch(version: str, silenced: bool) -> None:
    """It says so once; the oldest know of no limit."""
    stub = Stub(Answer(429, b"{}"))
    story: list[Moment] = [step("set"), step("delete", after=5.0), Exit(5.0, killed=False), Launch(5.0), step("reset")]
    bench = play(stub, version, story, a_minute)

    expected = [["set"], ["rate_limit_reached"], ["reset"]] if silenced else [["set"], ["delete"], ["reset"]]
    assert stub.actions == expected
    assert bench.fates()["delete"] is (Fate.UNSENT if silenced else A)


def test_a_killed_app_sends_again_what_was_under_way() -> None:
    """At its next launch: the server has it twice, and the account once."""
    stub = Stub(Answer(after=TIMEOUT / 2))
    story: list[Moment] = [step("set"), Exit(0.15, killed=True), Launch(20.0)]

    async def scene(bench: Bench) -> None:
        await bench.until(0.2501, answered=False)  # The app goes at 0.25 s, and is killed within milliseconds.
        await stub.has(1)
        await bench.until(60.0)

    bench = play(stub, QUEUE, story, scene)
    assert stub.actions == [["set"], ["set"]]
    assert bench.account.totals() == {"sent": 1, "acknowledged": 1, "unacknowledged": 0, "refused": 0, "unsent": 0}


def test_what_is_sent_again_comes_before_what_happened_since() -> None:
    stub = Stub(Answer(503, after=TIMEOUT / 3))

    async def scene(bench: Bench) -> None:
        await bench.until(1.2, answered=False)
        await stub.has(1)
        await bench.until(1.6, answered=False)
        await bench.until(60.0)

    play(stub, QUEUE, [step("set"), step("delete", after=1.4)], scene)
    assert stub.actions == [["set"], ["set", "delete"]]


def test_a_hold_outlasts_the_end_of_the_app() -> None:
    """An app that goes posts what it has, but not while it was told to wait."""
    stub = Stub(Answer(429, OK, b"Retry-After: 30\r\n"))

    async def scene(bench: Bench) -> None:
        await bench.until(25.0)
        assert stub.actions == [["set"], ["rate_limit_reached"]]
        await bench.until(60.0)
        assert stub.actions[2:] == [["set", "delete"]]

    story: list[Moment] = [step("set"), step("delete", after=2.0), Exit(0.1, killed=False), Launch(10.0)]
    play(stub, QUEUE, story, scene)


@pytest.mark.parametrize(("platform", "posts"), [("ios", 2), ("android", 1)])
def test_ios_takes_an_empty_reply_for_a_failure(platform: Platform, posts: int) -> None:
    stub = Stub(Answer(200, b""))
    play(stub, QUEUE, [step("set")], a_minute, platform)
    assert len(stub.requests) == posts


def test_an_event_refused_by_its_result_is_refused() -> None:
    """The plugin never looks, but the account does."""
    body = b'{"status":"ok","results":[{"status":"ok","index":0},{"status":"error","error":"x","index":1}]}'
    bench = play(Stub(Answer(200, body)), QUEUE, [step("set"), step("delete")], a_minute)
    assert bench.fates() == {"set": A, "delete": R}


def test_a_post_that_is_cut_while_it_waits_for_a_connection_was_never_sent() -> None:
    """One that is over stays as it was."""
    stub = Stub(Answer(after=TIMEOUT / 3))
    ends: list[Outcome] = []

    async def perform() -> None:
        client = Client(URL, 1, TIMEOUT)
        first, second = (client.post(b"", b"{}", ends.append) for _ in range(2))
        await stub.has(1)
        second.cut()
        assert (ends, client.outstanding) == ([Silence.UNSENT], 1)
        while client.outstanding:
            await asyncio.sleep(0.001)
        first.cut()
        client.close()

    run_alone(perform(), stub.serve)
    assert len(stub.requests) == 1
    assert [type(end) for end in ends] == [Silence, Reply]


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n2\r\n67\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1234567", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n1234567", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n1234567", False),
    ],
)
def test_a_reply_is_read_when_it_is_whole(raw: bytes, kept: bool) -> None:
    """Not a byte sooner, and what breaks off before is no reply."""
    reply = read_reply(raw, closed=False)
    assert reply is not None
    assert (reply.status, reply.body, reply.keep_alive) == (200, b"1234567", kept)
    for end in range(len(raw)):
        assert read_reply(raw[:end], closed=False) is None
        with pytest.raises(BadReplyError):
            read_reply(raw[:end], closed=True)


def test_a_reply_without_a_length_ends_with_its_connection() -> None:
    raw = b"HTTP/1.1 200 OK\r\n\r\n1234567"
    assert read_reply(raw, closed=False) is None
    reply = read_reply(raw, closed=True)
    assert reply is not None
    assert (reply.body, reply.keep_alive) == (b"1234567", False)


def test_what_is_not_http_is_no_reply() -> None:
    with pytest.raises(BadReplyError):
        read_reply(b"SSH-2.0-OpenSSH_9.2", closed=False)
