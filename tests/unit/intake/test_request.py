"""Bytes as they arrive become requests, however they are cut; and what can't be one is refused when enough has come."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterable
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.intake.body_memory import BodyMemory
from exporter.intake.request import HEADER_LIMIT, TOGETHER, Arriving, Request

MAX_BODY = 1000
HEAD = b"POST /stats HTTP/1.1\r\nHost: stats.example.com\r\nUser-Agent: Test/1\r\n"


def arriving() -> Arriving:
    return Arriving(MAX_BODY, BodyMemory(10**6))


def fed(pieces: Iterable[bytes]) -> tuple[list[Request], Arriving]:
    """The requests in some pieces, as a connection takes them."""
    taker, requests = arriving(), []
    for piece in pieces:
        if taker.ended:
            break
        requests += taker.feed(memoryview(piece))
    return requests, taker


def post(body: bytes, *lines: bytes, path: bytes = b"/stats") -> bytes:
    head = HEAD.replace(b"/stats", path, 1) + b"".join(line + b"\r\n" for line in lines)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, size: int, trailer: bytes = b"") -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n" + trailer + b"\r\n"


bodies = st.binary(max_size=MAX_BODY)
one = st.one_of(
    bodies.map(post),
    st.builds(chunked, bodies, st.integers(1, 200), st.sampled_from((b"", b"X-Trailer: 1\r\nUser-Agent: other\r\n"))),
    st.sampled_from((b"GET /stats?a=b HTTP/1.1\r\n\r\n", b"\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n")),
)


@given(st.lists(one, max_size=5), st.randoms(use_true_random=False))
def test_a_stream_cut_anywhere_is_the_same_requests(stream: list[bytes], chance: random.Random) -> None:
    """Bytes split at random, several requests in a packet."""
    whole = b"".join(stream)
    cuts = sorted(chance.randint(0, len(whole)) for _ in range(chance.randint(0, 30)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    at_once, _ = fed([whole])
    in_pieces, taker = fed(pieces)

    assert len(stream) == len(at_once)
    assert at_once == in_pieces
    assert taker.refusal is None
    assert not taker.under_way


@given(bodies, st.integers(1, 300))
def test_a_body_arrives_as_it_was_sent(body: bytes, size: int) -> None:
    """With its length, or in chunks."""
    for sent in (post(body), chunked(body, size)):
        ((request,), _) = fed([sent])
        assert request.body == body
        assert request.method == b"POST"
        assert request.path_and_query() == (b"/stats", b"")
        assert request.field(b"user-agent") == "Test/1"


@given(st.lists(st.one_of(st.binary(max_size=300), one), max_size=6))
def test_whatever_arrives_is_a_request_or_is_refused(pieces: list[bytes]) -> None:
    """Garbage, garbage after a request, a request after garbage: never an exception."""
    _, taker = fed(pieces)

    assert taker.refusal is None or taker.refusal.status in {400, 405, 413, 431, 501}


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/stats", b"/stats", b""),
        (b"/stats?x=/a?b", b"/stats", b"x=/a?b"),
        (b"http://stats.example.com/stats?x", b"/stats", b"x"),
        (b"https://stats.example.com", b"/", b""),
        (b"HTTP://[::1]:8080/stats/", b"/stats/", b""),
    ],
)
def test_a_target_in_either_form_is_a_path_and_a_query(target: bytes, path: bytes, query: bytes) -> None:
    """A client that believes in a proxy sends the whole address."""
    ((request,), _) = fed([post(b"{}", path=target)])

    assert request.path_and_query() == (path, query)


def test_a_trailer_changes_no_header() -> None:
    """It comes after the body, when everything is decided."""
    trailer = b"User-Agent: forged\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\n"

    ((request,), taker) = fed([chunked(b"{}", 1, trailer)])

    assert request.field(b"user-agent") == "Test/1"
    assert request.field(b"content-encoding") == ""
    assert taker.refusal is None


ENDLESS = {
    "a first line": b"POST /" + b"x" * HEADER_LIMIT,
    "a header": HEAD + b"X: " + b"x" * HEADER_LIMIT,
    "headers": HEAD + b"X: y\r\n" * (HEADER_LIMIT // 6 + 1),
    "a chunk's extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 10 * HEADER_LIMIT,
    "a trailer": chunked(b"{}", 2)[:-2] + b"X: " + b"x" * 10 * HEADER_LIMIT,
    "trailers": chunked(b"{}", 2)[:-2] + b"X: y\r\n" * 2 * HEADER_LIMIT,
}


@pytest.mark.parametrize("size", [1000, 64 * 1024])
@pytest.mark.parametrize("what", ENDLESS)
def test_what_brings_nothing_of_a_body_is_bounded(what: str, size: int) -> None:
    """Wherever it stands."""
    sent = ENDLESS[what]

    requests, taker = fed(sent[start : start + size] for start in range(0, len(sent), size))

    assert not requests
    assert taker.refusal is not None
    assert taker.refusal.status in {400, 431}


def test_a_large_header_that_comes_with_its_end_is_refused_too() -> None:
    """In one packet."""
    _, taker = fed([post(b"{}", b"X: " + b"x" * HEADER_LIMIT)])

    assert taker.refusal is not None
    assert taker.refusal.status == 431


def test_many_requests_of_one_packet_are_bounded() -> None:
    """The rest is not read; a client sends again what was not answered."""
    requests, taker = fed([b"GET / HTTP/1.1\r\n\r\n" * 3000])

    assert len(requests) == TOGETHER
    assert taker.ended
    assert taker.refusal is None


def test_nothing_is_read_after_a_last_request() -> None:
    """One that asks to close, or for a tunnel."""
    for first in (post(b"{}", b"Connection: close"), b"CONNECT stats.example.com:443 HTTP/1.1\r\n\r\n"):
        requests, taker = fed([first + post(b"{}"), post(b"{}")])
        assert len(requests) == 1
        assert taker.ended
        assert taker.refusal is None


UPGRADES = {
    "to HTTP/2": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    "to WebSocket": b"Upgrade: websocket\r\nConnection: Upgrade",
    "in small letters": b"upgrade: h2c\r\nconnection: upgrade",
}


@pytest.mark.parametrize("size", [1, 50, 10_000])
@pytest.mark.parametrize("lines", UPGRADES.values(), ids=UPGRADES.keys())
def test_an_offer_to_upgrade_is_declined(lines: bytes, size: int) -> None:
    """Java's HttpClient and `curl --http2` make it with their first request, which has a body like any other."""
    in_chunks = chunked(b"[7, 8]", 2).replace(b"Host", lines + b"\r\nHost", 1)
    stream = post(b"[1]") + post(b"[2, 3]", lines) + post(b"[4]", lines) + in_chunks + post(b"[9]")
    requests, taker = fed(stream[start : start + size] for start in range(0, len(stream), size))

    assert [request.body for request in requests] == [b"[1]", b"[2, 3]", b"[4]", b"[7, 8]", b"[9]"]
    assert {(request.method, request.target, request.field(b"host")) for request in requests} == {
        (b"POST", b"/stats", "stats.example.com")
    }
    assert (taker.ended, taker.refusal) == (False, None)


def test_what_is_wrong_behind_an_offer_to_upgrade_is_refused_as_ever() -> None:
    """Its own limits hold, and those of what follows."""
    offer = UPGRADES["to HTTP/2"]
    for wrong, status in (
        (post(b" " * (MAX_BODY + 1), offer), 413),
        (HEAD + offer + b"\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (post(b"{}", offer) + b"GET / FTP/1.1\r\n\r\n", 400),
        (HEAD + offer + b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ):
        _, taker = fed([wrong])
        assert taker.refusal is not None
        assert taker.refusal.status == status
    requests, taker = fed([(b"GET / HTTP/1.1\r\n" + offer + b"\r\n\r\n") * 300])
    assert (len(requests), taker.ended) == (TOGETHER, True)


CODED = {
    "two codings": (b"1.1", b"Transfer-Encoding: gzip, chunked", 501),
    "two codings in two lines": (b"1.1", b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
    "none, then chunks": (b"1.1", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", 501),
    "chunks in chunks": (b"1.1", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
    "another than chunks": (b"1.1", b"Transfer-Encoding: identity", 501),
    "in HTTP/1.0": (b"1.0", b"Transfer-Encoding: chunked", 400),
    "in HTTP/1.0, kept": (b"1.0", b"Connection: keep-alive\r\nTransfer-Encoding: chunked", 400),
}


@pytest.mark.parametrize(("version", "lines", "status"), CODED.values(), ids=CODED.keys())
def test_a_body_whose_end_others_may_see_elsewhere_is_refused(version: bytes, lines: bytes, status: int) -> None:
    """Whatever else is in the packet: it would be a request to us, and a part of this one to a proxy."""
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/" + version)
    requests, taker = fed([head + lines + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + post(b"[]")])
    assert requests == []
    assert taker.refusal is not None
    assert taker.refusal.status == status


@pytest.mark.parametrize(("version", "awaits"), [(b"1.1", True), (b"1.0", False)])
def test_only_clients_of_http_1_1_wait_to_be_told_that_their_body_is_welcome(version: bytes, awaits: bool) -> None:
    """An older one would take that for its reply."""
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/" + version)
    _, taker = fed([head + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"])
    assert taker.awaits_continue is awaits


def test_bodies_take_memory_as_they_come_and_give_it_back() -> None:
    """What is announced takes none; what was taken is the request's to give back, or given back when it is dropped."""
    memory = BodyMemory(100_000)
    takers = [Arriving(10**6, memory) for _ in range(10)]
    for taker in takers:
        taker.feed(memoryview(HEAD + b"Content-Length: 900000\r\n\r\n" + b"x" * 20_000))
    assert [taker.refusal for taker in takers] == [None] * 10

    takers[0].feed(memoryview(b"x" * 100_000))
    assert takers[0].refusal is not None
    assert takers[0].refusal.status == 503

    for taker in takers:
        taker.drop()
    ((request,), _) = [Arriving(10**6, memory).feed(memoryview(post(b"x" * 110_000))), None]
    assert request.memory > 0
    memory.give_back(request.memory)
    assert memory.grow(0, 100_000 + 16 * 1024) is not None


@pytest.mark.parametrize("size", [10, MAX_BODY], ids=["in one piece", "in many"])
def test_nothing_of_a_request_is_kept_once_it_has_arrived(size: int) -> None:
    """Phones keep their connections open, and say nothing for a long while."""
    taker, whole = arriving(), post(bytes(size), b"Accept: a/b", path=b"/stats?" + b"q" * 90)
    (request,) = (found for at in range(0, len(whole), 500) for found in taker.feed(memoryview(whole[at : at + 500])))

    held = (request, request.body, request.target, request.headers, request.fields)
    assert not [found for found in reached(taker) if any(found is each for each in held)]


def reached(thing: object) -> list[object]:
    """What an object leads to, within a few steps."""
    found, layer = [], [thing]
    for _ in range(4):
        layer = [each for one in layer for each in gc.get_referents(one) if not isinstance(each, type | ModuleType)]
        found += layer
    return found
