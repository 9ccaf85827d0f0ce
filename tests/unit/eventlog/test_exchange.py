"""One post and its reply, with a server that does anything at all."""

from __future__ import annotations

import gzip
import io
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPException
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.eventlog.entry import Entry
from exporter.eventlog.exchange import BODY_BYTES, Answer, Connection, retry_after
from exporter.eventlog.otlp import Batch
from exporter.eventlog.severity import Severity
from tests.support import receiver as store
from tests.support.receiver import Receiver

HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
SECONDS = 60.0
"""More than any exchange takes that ends by itself, on a machine that is busy."""
SOON = 0.3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def connection(receiver: Receiver) -> Iterator[Connection]:
    opened = Connection(receiver.url, HEADERS)
    yield opened
    opened.close()


def body(number: int = 1) -> bytes:
    batch = Batch()
    assert batch.add(number, Entry("com.acme.notes", False, Severity.INFO, f"line {number}", {}))
    return gzip.compress(batch.encoded())


def test_posts_share_a_connection(receiver: Receiver, connection: Connection) -> None:
    """One for all of them, whatever the replies' form."""
    receiver.behave = store.in_turn(
        store.answer(204), store.answer(200, b"{}"), store.answer(400, b"x" * BODY_BYTES), store.answer(503)
    )

    answers = [connection.post(body(number), SECONDS) for number in range(1, 6)]

    assert [answer.code for answer in answers] == [204, 200, 400, 503, 503]
    assert answers[1] == Answer(200, None, b"{}")
    assert answers[2].body == b"x" * BODY_BYTES
    assert receiver.connections == 1
    assert receiver.wrong == []


def test_a_connection_that_the_server_has_ended_is_no_failure(receiver: Receiver, connection: Connection) -> None:
    """Stores end idle ones, and restart; the next post opens another."""
    assert connection.post(body(1), SECONDS).code == 204
    receiver.stop()
    receiver.start()

    assert connection.post(body(2), SECONDS).code == 204
    assert receiver.connections == 2


SILENT: dict[str, Callable[[threading.Event], store.Behave]] = {
    "no word": store.hang,
    "a header that drips": lambda never: store.raw(b"HTTP/1.1 200 OK\r\nx: ", endless=b"x", pause=never),
}


@pytest.mark.parametrize("behaviour", SILENT)
def test_an_exchange_ends_when_its_time_is_over(receiver: Receiver, connection: Connection, behaviour: str) -> None:
    """However little the server says at a time; and the next one is none the worse."""
    never = threading.Event()
    receiver.behave = SILENT[behaviour](never)
    try:
        with pytest.raises(TimeoutError):
            connection.post(body(1), SOON)
    finally:
        never.set()

    receiver.behave = store.answer(204)
    assert connection.post(body(2), SECONDS).code == 204


BROKEN: dict[str, store.Behave] = {
    "an end without a word": store.close,
    "no HTTP": store.raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no status": store.raw(b"HTTP/1.1 two hundred\r\n\r\n"),
    "an endless status line": store.raw(b"HTTP/1.1 200 ", endless=b"x" * 4096),
    "endless headers": store.raw(b"HTTP/1.1 200 OK\r\n", endless=b"x: y\r\n" * 400),
    "an endless header": store.raw(b"HTTP/1.1 200 OK\r\nx: ", endless=b"x" * 4096),
    "endless interim replies": store.raw(endless=b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a chunk of no size": store.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
}


@pytest.fixture(params=[2**13, 2**17], ids=["Python 3.13", "Python 3.14"])
def _buffer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much is read at a time as a Python does by default."""
    reader = partial(io.BufferedReader, buffer_size=request.param)
    monkeypatch.setattr("exporter.eventlog.exchange.io", SimpleNamespace(BufferedReader=reader))


@pytest.mark.usefixtures("_buffer")
@pytest.mark.parametrize("behaviour", BROKEN)
def test_what_is_no_reply_ends_at_once(receiver: Receiver, connection: Connection, behaviour: str) -> None:
    """Long before its time is over: what never ends costs no more than its first bytes."""
    receiver.behave = BROKEN[behaviour]
    with pytest.raises((OSError, ValueError, HTTPException)) as failed:
        connection.post(body(1), SECONDS)
    assert not isinstance(failed.value, TimeoutError)

    receiver.behave = store.answer(204)
    assert connection.post(body(2), SECONDS).code == 204


LARGE = b"x" * 2**16
ANSWERED: dict[str, store.Behave] = {
    "a gigabyte": store.raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000000000\r\n\r\n", endless=LARGE),
    "an endless body": store.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", endless=LARGE),
    "endless chunks": store.raw(
        b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n", endless=b"10000\r\n" + LARGE + b"\r\n"
    ),
    "a negative length": store.raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: -1\r\n\r\n", endless=LARGE),
}


@pytest.mark.usefixtures("_buffer")
@pytest.mark.parametrize("behaviour", ANSWERED)
def test_of_a_large_reply_little_is_read(receiver: Receiver, connection: Connection, behaviour: str) -> None:
    """The status tells what is to be known, and memory does not notice the rest."""
    receiver.behave = ANSWERED[behaviour]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = connection.post(body(1), SECONDS)

    assert (answer.code, len(answer.body)) == (400, BODY_BYTES)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB
    receiver.behave = store.answer(204)
    assert connection.post(body(2), SECONDS).code == 204


def test_a_redirect_is_not_followed(receiver: Receiver, connection: Connection) -> None:
    """Headers with a password in them go nowhere else."""
    with Receiver() as elsewhere:
        receiver.behave = store.answer(307, Location=elsewhere.url)

        assert connection.post(body(), SECONDS).code == 307
        assert elsewhere.connections == 0


def test_a_post_can_be_ended_from_another_thread(receiver: Receiver, connection: Connection) -> None:
    """Long before its time is over."""
    begun, never = threading.Event(), threading.Event()

    def behave(handler: store.Handler) -> None:
        begun.set()
        store.hang(never)(handler)

    receiver.behave = behave
    failed: list[BaseException] = []

    def post() -> None:
        try:
            connection.post(body(), 10 * SECONDS)
        except (OSError, HTTPException) as error:
            failed.append(error)

    thread = threading.Thread(target=post)
    thread.start()
    assert begun.wait(SECONDS)
    connection.abort()
    thread.join(SECONDS)
    never.set()

    assert len(failed) == 1


def test_nothing_listens() -> None:
    """An error of the system's, and no other."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            Connection(f"http://127.0.0.1:{bound.getsockname()[1]}/x", HEADERS).post(body(), SECONDS)


NOW = 1_795_512_600.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 30 ", 30),
        ("Tue, 24 Nov 2026 09:30:07 GMT", 7),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("9" * 400, None),
        ("Tue, 99 Nov 2026 99:99:99 GMT", None),
    ],
)
def test_a_server_may_ask_for_patience(text: str | None, seconds: float | None) -> None:
    """In seconds or with a date; anything else asks for nothing."""
    assert retry_after(text, NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ?\S*"))
def test_no_text_of_a_server_does_harm(text: str) -> None:
    """It is a number of seconds, or nothing."""
    seconds = retry_after(text, NOW)
    assert seconds is None or seconds >= 0
