"""What a connection of the public port is given time for, and what it is not; the test owns the clock."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, cast

import pytest

from exporter.intake.accounts import Accounts
from exporter.intake.answer import Answer
from exporter.intake.connection import LONGEST, ON_ITS_WAY, SLOWEST, Connection
from exporter.intake.paths import StatsPaths
from exporter.intake.port import Port
from exporter.intake.stats import StatsResource
from exporter.metrics.telemetry import Telemetry
from tests.support.loops import TestLoop, eventually

TIMEOUT = 10.0
MAX_BODY = 4 * 2**20
HIGH_WATER = 64 * 1024


class Client(asyncio.Transport):
    """The other side of a connection: what it sends is read where the connection reads, and it reads what it is sent
    while it `listens`.
    """

    def __init__(self, port: Port) -> None:
        super().__init__({"peername": ("192.0.2.1", 40000)})
        self.connection = Connection(port)
        self.received = b""
        self.listens = True
        self.saw_eof = False
        self._unread = b""
        self._on_its_way = b""
        self._reading = True
        self._closing = False
        self._end: str | None = None
        self.connection.connection_made(self)

    def send(self, data: bytes) -> None:
        """Send so much; it may have to wait."""
        self._on_its_way += data
        while self._on_its_way and self._reading and self._end is None:
            buffer = self.connection.get_buffer(-1)
            piece = self._on_its_way[: len(buffer)]
            self._on_its_way = self._on_its_way[len(piece) :]
            buffer[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))

    def end_sending(self) -> None:
        """Say that nothing more comes."""
        if not self.connection.eof_received():
            self.close()

    def listen(self) -> None:
        """Read what has been sent, and go on reading."""
        self.listens = True
        self.received, self._unread = self.received + self._unread, b""
        self.connection.resume_writing()
        if self._closing:
            self._finish("closed")

    def end(self) -> str | None:
        """How the connection ended, if so: "closed", after all was sent, or "aborted"."""
        return self._end

    @property
    def statuses(self) -> list[int]:
        """Of the replies so far."""
        return [int(reply[:3]) for reply in self.received.split(b"HTTP/1.1 ")[1:]]

    @property
    def bodies(self) -> list[Any]:
        """Of the replies so far."""
        return [json.loads(reply.partition(b"\r\n\r\n")[2]) for reply in self.received.split(b"HTTP/1.1 ")[1:]]

    # What the connection calls.

    def write(self, data: bytes | bytearray | memoryview[int]) -> None:
        assert not self.saw_eof, "written after the end"
        if self.listens:
            self.received += data
            return
        before = len(self._unread)
        self._unread += data
        if before <= HIGH_WATER < len(self._unread):
            self.connection.pause_writing()

    def get_write_buffer_size(self) -> int:
        return len(self._unread)

    def write_eof(self) -> None:
        self.saw_eof = True

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        asyncio.get_running_loop().call_soon(self.send, b"")

    def is_closing(self) -> bool:
        return self._closing or self._end is not None

    def close(self) -> None:
        self._closing = True
        if not self._unread:
            self._finish("closed")

    def abort(self) -> None:
        self._finish("aborted")

    def _finish(self, how: str) -> None:
        if self._end is None:
            self._end = how
            self.connection.connection_lost(None)


class Stats:
    """Stands where posts are counted: each is answered with its own body, at once or when the test says so."""

    max_body = MAX_BODY

    def __init__(self) -> None:
        self.at_once = True
        self.waiting: list[tuple[bytes, Callable[[Answer], None]]] = []

    def take(self, body: bytes, _encoding: str, _user_agent: str, answer: Callable[[Answer], None]) -> None:
        self.waiting.append((body, answer))
        if self.at_once:
            self.answer()

    def answer(self, number: int = 0) -> None:
        """Answer one of those that wait."""
        body, answer = self.waiting.pop(number)
        answer(Answer(200, body))


class Bench:
    """A port without a socket, and a clock that stands still."""

    def __init__(self) -> None:
        self.loop = TestLoop()
        self.stats = Stats()
        self.port = self.loop.run_until_complete(self._port())

    async def _port(self) -> Port:
        stats = cast(StatsResource, self.stats)
        return Port(cast(Any, _application), stats, Accounts(Telemetry()), StatsPaths(()), (), TIMEOUT)

    def client(self) -> Client:
        """A connection that has just been made."""
        return Client(self.port)

    async def pass_time(self, seconds: float, each: Callable[[], object] = lambda: None) -> None:
        """Look at all connections once a second, as the listener does, after the client has done something."""
        for _ in range(round(seconds)):
            await self.loop.advance(1.0)
            each()
            for connection in list(self.port.connections):
                connection.check(self.port.now())


async def _application(scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    await send({"type": "http.response.body", "body": json.dumps(scope["path"][1:7]).encode()})


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.loop.close()


Story = Callable[[Bench], Coroutine[Any, Any, None]]


def told(story: Story) -> Callable[[Bench], None]:
    """A test that is a story of its bench."""

    def test(bench: Bench) -> None:
        bench.loop.run_until_complete(story(bench))

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return test


def post(body: bytes, length: int | None = None) -> bytes:
    """A post whose header announces more than `body`, if so."""
    return b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (length or len(body), body)


# Nothing is asked.


@told
async def test_a_connection_that_asks_nothing_is_closed_after_the_timeout(bench: Bench) -> None:
    """Without a word, and not before."""
    client = bench.client()
    await bench.pass_time(TIMEOUT)
    assert client.end() is None

    await bench.pass_time(1)

    assert (client.end(), client.received) == ("closed", b"")


@told
async def test_a_kept_connection_is_closed_that_long_after_its_last_reply(bench: Bench) -> None:
    """Each post begins the time anew."""
    client = bench.client()
    for _ in range(5):
        await bench.pass_time(TIMEOUT - 1)
        client.send(post(b"[]"))
    await bench.pass_time(TIMEOUT)
    assert (client.end(), client.statuses) == (None, [200] * 5)

    await bench.pass_time(1)

    assert client.end() == "closed"


@told
async def test_a_post_that_waits_for_its_disk_is_not_idle(bench: Bench) -> None:
    """However long it takes: what it is answered, and when, is not the connection's to say."""
    bench.stats.at_once = False
    client = bench.client()
    client.send(post(b"[]"))
    await bench.pass_time(5 * LONGEST)
    bench.stats.answer()

    assert (client.end(), client.statuses) == (None, [200])


# A request arrives slowly, or not at all.

STALLED = {
    "in its first line": b"POST /st",
    "in its headers": b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Le",
    "before its body": post(b"", 2),
    "in its body": post(b"[", 2),
    "in its body after the length of a phone's queue": post(b"[" + b" " * 100_000, 200_000),
    "between its chunks": b"POST /stats HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n",
    "behind a post": post(b"[]") + post(b"[", 2),
}


@pytest.mark.parametrize("sent", STALLED.values(), ids=STALLED.keys())
def test_a_request_that_stalls_is_answered_408(bench: Bench, sent: bytes) -> None:
    """After the timeout, and what came much faster at first is given one more; current clients send the batch again."""

    async def story() -> None:
        client = bench.client()
        client.send(sent)
        await bench.pass_time(TIMEOUT)
        assert 408 not in client.statuses
        await bench.pass_time(TIMEOUT + 2)
        assert client.statuses[-1] == 408
        assert client.saw_eof

    bench.loop.run_until_complete(story())


@told
async def test_a_request_may_take_as_long_as_it_goes_on(bench: Bench) -> None:
    """A kilobyte a second is enough, up to two minutes: a phone's queue after an outage, on the slowest uplink."""
    size = round((LONGEST - 1) * SLOWEST)
    client = bench.client()
    client.send(post(b"", size))

    await bench.pass_time(LONGEST - 1, lambda: client.send(b" " * SLOWEST))

    assert client.statuses == [200]


@told
async def test_a_request_that_pauses_may_go_on(bench: Bench) -> None:
    """What counts is what came on average of each timeout."""
    client = bench.client()
    client.send(post(b"", 4 * 20 * SLOWEST))
    for _ in range(4):
        await bench.pass_time(TIMEOUT - 1)
        client.send(b" " * 20 * SLOWEST)
        await bench.pass_time(1)

    assert client.statuses == [200]


@told
async def test_a_request_behind_one_that_waits_has_its_time_after_that(bench: Bench) -> None:
    """Nothing more of it is read until then."""
    bench.stats.at_once = False
    client = bench.client()
    client.send(post(b"[1]") + post(b"[", 2))
    await bench.pass_time(3 * TIMEOUT)
    bench.stats.answer()
    await bench.pass_time(TIMEOUT)
    client.send(b"]")
    bench.stats.answer()

    assert client.bodies == [[1], []]


@told
async def test_a_body_behind_a_request_that_waits_is_welcome_after_that(bench: Bench) -> None:
    """Its client waits to be told, and would wait for ever."""
    bench.stats.at_once = False
    client = bench.client()
    client.send(post(b"[1]") + post(b"", 2).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    assert client.received == b""
    bench.stats.answer()

    assert client.statuses == [200, 100]


@pytest.mark.parametrize(("size", "every"), [(1, 1), (SLOWEST - 200, 1), (2 * SLOWEST, 3)])
def test_a_trickle_is_answered_408(bench: Bench, size: int, every: int) -> None:
    """A byte now and then does not keep it alive, nor does anything below the rate."""

    async def story() -> None:
        client = bench.client()
        client.send(post(b"", MAX_BODY))
        for _ in range(round(2 * TIMEOUT / every)):
            await bench.pass_time(every)
            client.send(b" " * size)
        assert client.statuses == [408]

    bench.loop.run_until_complete(story())


@told
async def test_no_request_takes_longer_than_two_minutes(bench: Bench) -> None:
    """Though it goes on arriving."""
    client = bench.client()
    client.send(post(b"", MAX_BODY))
    await bench.pass_time(LONGEST, lambda: client.send(b" " * 2 * SLOWEST))
    assert client.statuses == []

    await bench.pass_time(TIMEOUT + 1, lambda: client.send(b" " * 2 * SLOWEST))

    assert client.statuses == [408]


@pytest.mark.parametrize("step", [-86400.0, -3600.0, 3600.0, 10**9])
def test_a_step_of_the_wall_clock_changes_nothing(bench: Bench, step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for an idle connection nor for a request that has stalled; back, or ahead."""

    async def story() -> None:
        idle, stalled = bench.client(), bench.client()
        stalled.send(post(b"[", 2))
        await bench.pass_time(2)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + step)
        await bench.pass_time(TIMEOUT - 2)
        assert (idle.end(), stalled.statuses) == (None, [])
        await bench.pass_time(1)
        assert (idle.end(), stalled.statuses) == ("closed", [408])

    bench.loop.run_until_complete(story())


# The client does not read, or goes on sending.


@told
async def test_a_client_that_does_not_read_is_cut_off(bench: Bench) -> None:
    """A few thousand of them would otherwise hold all connections."""
    client = bench.client()
    client.listens = False
    client.send(post(b"[]"))
    await bench.pass_time(TIMEOUT)
    assert client.end() is None

    await bench.pass_time(1)

    assert client.end() == "aborted"


@told
async def test_a_client_that_reads_late_gets_all_of_it(bench: Bench) -> None:
    """And it has its full time for the next one."""
    client = bench.client()
    client.listens = False
    client.send(post(b"[1]") + post(b"[2]"))
    await bench.pass_time(TIMEOUT - 1)
    client.listen()
    await bench.pass_time(1)
    client.send(post(b"[3]"))

    assert (client.end(), client.bodies) == (None, [[1], [2], [3]])


@told
async def test_what_a_client_does_not_read_is_not_made_for_it(bench: Bench) -> None:
    """It is not listened to before it has taken what there is."""
    client = bench.client()
    client.listens = False
    large = post(json.dumps("x" * 30_000).encode())
    for _ in range(100):
        client.send(large)
        await asyncio.sleep(0)
    assert client.get_write_buffer_size() < 4 * HIGH_WATER

    client.listen()
    for _ in range(300):
        await asyncio.sleep(0)

    assert client.statuses == [200] * 100


@told
async def test_after_a_refusal_the_client_may_finish_its_sentence(bench: Bench) -> None:
    """To close while it sends would reset the connection, and it would never read why; but not for ever."""
    client = bench.client()
    client.send(post(b"", MAX_BODY + 1))
    assert client.statuses == [413]
    assert client.saw_eof

    await bench.pass_time(TIMEOUT, lambda: client.send(b" " * 5 * HIGH_WATER))
    assert client.end() is None
    await bench.pass_time(1)

    assert (client.end(), client.statuses) == ("aborted", [413])


@told
async def test_a_refused_client_that_has_read_why_ends_it(bench: Bench) -> None:
    """It waits for nothing then."""
    client = bench.client()
    client.send(b"no HTTP\r\n\r\n")
    client.end_sending()

    assert (client.end(), client.statuses) == ("closed", [400])


@told
async def test_a_client_that_has_said_all_is_not_waited_for_after_a_refusal(bench: Bench) -> None:
    """Also where the refusal waits for an answer before it: nothing that still comes could reset the connection."""
    bench.stats.at_once = False
    client = bench.client()
    client.send(post(b"[1]") + post(b"", MAX_BODY + 1))
    client.end_sending()
    bench.stats.answer()

    assert (client.end(), client.statuses) == ("closed", [200, 413])


def test_a_client_that_has_gone_when_it_is_refused_ends_nothing_else(bench: Bench) -> None:
    """Its system answers the reply with a reset, and the end of sending fails then; others were looked at after it."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
        _, connection = await bench.loop.connect_accepted_socket(lambda: Connection(bench.port), accepted)
        client.sendall(b"POST /stats HTTP/1.1\r\n")
        await eventually(lambda: not connection.at_rest)
        client.close()  # which has no turn of the loop to be seen in

        connection.check(bench.port.now() + TIMEOUT + 1)

        await eventually(lambda: not bench.port.connections)

    bench.loop.run_until_complete(story())


# The order, and the end.


@told
async def test_replies_come_in_the_order_of_their_requests(bench: Bench) -> None:
    """Whichever is decided first, and whoever answers."""
    bench.stats.at_once = False
    client = bench.client()
    client.send(post(b"[1]") + b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"[3]") + post(b"[4]"))
    await bench.loop.advance(0)
    for number in (2, 1):
        bench.stats.answer(number)
        assert client.received == b""

    bench.stats.answer()

    assert client.bodies == [[1], "second", [3], [4]]


@told
async def test_who_says_that_nothing_more_comes_is_still_answered(bench: Bench) -> None:
    """And then the connection ends."""
    bench.stats.at_once = False
    client = bench.client()
    client.send(post(b"[1]") + post(b"[2]"))
    client.end_sending()
    assert client.end() is None
    bench.stats.answer()
    bench.stats.answer()

    assert (client.end(), client.bodies) == ("closed", [[1], [2]])


@told
async def test_a_client_that_leaves_gives_back_what_was_arriving(bench: Bench) -> None:
    """Of the memory that all bodies share."""
    for _ in range(100):
        client = bench.client()
        client.send(post(b" " * 900_000, 1_000_000))
        client.abort()

    assert bench.port.memory.grow(0, 32 * 2**20) is not None
    assert bench.port.connections == set()


@told
async def test_bodies_hold_their_memory_until_they_are_decided_though_their_clients_leave(bench: Bench) -> None:
    """Or whoever posts and leaves could have any number of them wait here, unaccounted for."""
    bench.stats.at_once = False
    for _ in range(100):
        client = bench.client()
        client.send(post(b" " * 1_000_000))
        client.abort()
    waiting = len(bench.stats.waiting)
    assert 30 < waiting < 40

    while bench.stats.waiting:
        bench.stats.answer()

    assert bench.port.memory.grow(0, 32 * 2**20) is not None


@told
async def test_bodies_that_the_application_takes_give_their_memory_back(bench: Bench) -> None:
    """Whether their clients stay or leave."""
    for number in range(100):
        client = bench.client()
        client.send(post(b" " * 900_000).replace(b"POST", b"GET"))
        if number % 2:
            client.abort()
        await bench.loop.advance(0)

    assert bench.port.memory.grow(0, 32 * 2**20) is not None


@told
async def test_a_drain_ends_who_is_at_rest_and_answers_who_is_not(bench: Bench) -> None:
    """A moment is left for what is on its way; what is being read or answered is answered, as the last."""
    bench.stats.at_once = False
    resting, reading, answering = bench.client(), bench.client(), bench.client()
    reading.send(post(b"[", 2))
    answering.send(post(b"[]"))
    bench.port.draining = True

    async def drain(seconds: float) -> None:
        await bench.loop.advance(seconds)
        for connection in list(bench.port.connections):
            connection.drain(bench.port.now())

    await drain(ON_ITS_WAY)
    assert resting.end() is None
    await drain(0.1)
    assert [each.end() for each in (resting, reading, answering)] == ["closed", None, None]

    reading.send(b"]" + post(b"[2]"))
    bench.stats.answer()
    bench.stats.answer()
    await drain(ON_ITS_WAY + 0.1)

    assert [each.end() for each in (reading, answering)] == ["closed", "closed"]
    assert reading.bodies == [[]], "what comes after the last is not answered, so it must not be counted"
    assert b"Connection: close\r\n" in reading.received
    assert answering.statuses == [200]
    assert bench.stats.waiting == []
