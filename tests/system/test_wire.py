"""Below Falcon: what the server itself refuses, and what it must understand, on the public port."""

from __future__ import annotations

import json

import pytest

from tests.support.bodies import event, events
from tests.support.contract import OK, assert_json, assert_refused
from tests.support.harness import Exporter, wait_until
from tests.system.conftest import Launch
from tests.system.wire import Wire, chunked, post

COUNTED = "capgo_exporter_events_counted_total"
LIMIT = 4 * 2**20
GOOD_HEAD = b"POST /stats HTTP/1.1\r\nHost: stats.example.com\r\n"


def body() -> bytes:
    return json.dumps(event()).encode()


MALFORMED: dict[str, bytes] = {
    "a line of nonsense": b"GARBAGE\r\n\r\n",
    "no method": b" /stats HTTP/1.1\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
    "a path with a blank": b"POST /st ats HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "a version of no kind": b"POST /stats HTTP/x\r\nContent-Length: 0\r\n\r\n",
    "a header without a colon": GOOD_HEAD + b"Nonsense\r\n\r\n",
    "a header name with a blank": GOOD_HEAD + b"Content-Length : 2\r\n\r\n{}",
    "a bare line feed in a header": GOOD_HEAD + b"X-A: a\nX-B: b\r\n\r\n",
    "a bare carriage return in a header": GOOD_HEAD + b"X-A: a\rX-B: b\r\n\r\n",
    "a length of letters": GOOD_HEAD + b"Content-Length: abc\r\n\r\n",
    "a negative length": GOOD_HEAD + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": GOOD_HEAD + b"Content-Length: +2\r\n\r\n{}",
    "a length with an underscore": GOOD_HEAD + b"Content-Length: 1_0\r\n\r\n",
    "two lengths": GOOD_HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a chunk of nonsense": GOOD_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than announced": GOOD_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_refused_in_the_one_form(exporter: Exporter, case: str) -> None:
    """400 as JSON, though the request never reaches the application; the connection, out of step now, is closed."""
    with Wire(exporter.port) as wire:
        wire.send(MALFORMED[case])
        assert_refused(wire.reply(), 400)
        assert wire.has_ended()


def test_an_unknown_transfer_encoding_is_refused(exporter: Exporter) -> None:
    """501 by the protocol, in the one form."""
    with Wire(exporter.port) as wire:
        wire.send(GOOD_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n")
        assert_refused(wire.reply(), 501)


def test_headers_beyond_every_need_are_refused(exporter: Exporter) -> None:
    """431 in the one form."""
    with Wire(exporter.port) as wire:
        wire.send(GOOD_HEAD + b"X-Long: " + b"x" * 300_000 + b"\r\n\r\n")
        assert_refused(wire.reply(), 431)
        assert wire.has_ended()


def test_headers_without_an_end_are_refused(exporter: Exporter) -> None:
    """They are not read for ever."""
    with Wire(exporter.port) as wire:
        wire.send(GOOD_HEAD + b"X: y\r\n" * 60_000)
        assert_refused(wire.reply(), 431)


def test_a_chunked_post_is_counted(exporter: Exporter) -> None:
    """A proxy may send one, though no client does."""
    before = exporter.scrape().value(COUNTED)
    whole = json.dumps(events(3)).encode()

    with Wire(exporter.port) as wire:
        wire.send(chunked(whole[:7], whole[7:100], whole[100:]))
        assert wire.reply().status == 200

    assert before + 3 == exporter.scrape().value(COUNTED)


def test_a_post_of_two_lengths_and_chunks_is_one_request_at_most(exporter: Exporter) -> None:
    """With both, a proxy may see the request end elsewhere than we do: nothing behind it is read as another."""
    hidden = post(body(), path="/smuggled")

    with Wire(exporter.port) as wire:
        wire.send(GOOD_HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden)
        assert_refused(wire.reply(), 400)
        assert wire.has_ended()


def test_a_body_announced_too_large_is_refused_before_it_is_sent(exporter: Exporter) -> None:
    """413 on the headers alone."""
    with Wire(exporter.port) as wire:
        wire.send(GOOD_HEAD + b"Content-Length: %d\r\n\r\n" % (50 * 2**30))
        assert_refused(wire.reply(), 413, "body_too_large")
        assert wire.has_ended()


def test_a_chunked_body_too_large_is_refused_once_it_shows(exporter: Exporter) -> None:
    """413 at the limit, however much more the client means to send."""
    with Wire(exporter.port) as wire:
        wire.send(GOOD_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (LIMIT + 2**20))
        wire.send(b" " * (LIMIT + 1024))
        assert_refused(wire.reply(), 413, "body_too_large")


def test_a_too_large_body_sent_at_once_is_refused(exporter: Exporter) -> None:
    """The reply is not lost to a reset while the client still sends."""
    with Wire(exporter.port) as wire:
        wire.send(post(b" " * (LIMIT + 2**20)))
        assert_refused(wire.reply(), 413, "body_too_large")


def test_a_refusal_by_the_server_is_counted_too(exporter: Exporter) -> None:
    """The reply's code and the reason, as for those of the application."""
    before = exporter.scrape()

    with Wire(exporter.port) as wire:
        wire.send(GOOD_HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1))
        reason = wire.reply().json["error"]

    after, refused = exporter.scrape(), "capgo_exporter_requests_refused_total"
    assert before.value(refused, reason=reason) + 1 == after.value(refused, reason=reason)
    assert before.total("capgo_exporter_requests_total", code="413") + 1 == after.total(
        "capgo_exporter_requests_total", code="413"
    )


def test_a_client_that_waits_for_a_continue_gets_one(exporter: Exporter) -> None:
    """curl waits for it before a body of more than a megabyte."""
    with Wire(exporter.port) as wire:
        whole = post(body(), "Expect: 100-continue")
        head, _, rest = whole.partition(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        assert wire.line().startswith(b"HTTP/1.1 100 ")
        while wire.line() != b"\r\n":
            pass
        wire.send(rest)
        assert wire.reply().body == OK


def test_pipelined_posts_are_answered_in_their_order(exporter: Exporter) -> None:
    """Two in one packet, two replies."""
    with Wire(exporter.port) as wire:
        wire.send(post(body()) + post(b"[]"))
        assert wire.reply().body == OK
        assert wire.reply().json == {"status": "ok", "results": []}


def test_a_refused_post_leaves_the_connection_in_step(exporter: Exporter) -> None:
    """After a 400, a 404, a 405 and a 415 with bodies of their own the next post on the connection is understood."""
    with Wire(exporter.port) as wire:
        wire.send(post(b"no json"))
        assert_refused(wire.reply(), 400)
        wire.send(post(body(), path="/nothing"))
        assert_refused(wire.reply(), 404)
        wire.send(post(body()).replace(b"POST", b"PUT", 1))
        assert_refused(wire.reply(), 405)
        wire.send(post(body(), "Content-Encoding: gzip"))
        assert_refused(wire.reply(), 415)
        wire.send(post(body()))
        assert wire.reply().body == OK


def test_a_head_request_leaves_the_connection_in_step(exporter: Exporter) -> None:
    """Its reply has no body, whatever length it announces."""
    with Wire(exporter.port) as wire:
        for path, status in (("/stats", 200), ("/nothing", 404)):
            wire.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert wire.reply(has_body=False).status == status
        wire.send(post(body()))
        assert wire.reply().body == OK


def test_a_path_in_absolute_form_is_understood(exporter: Exporter) -> None:
    """A client behind a proxy sends the whole address."""
    with Wire(exporter.port) as wire:
        wire.send(post(body(), path="http://stats.example.com/stats"))
        assert wire.reply().body == OK


def test_an_old_client_is_answered_and_its_connection_closed(exporter: Exporter) -> None:
    """HTTP/1.0, also where it would keep it (`ab -k`): it waits for the end of what is not said to be kept."""
    for headers in ([], ["Connection: keep-alive"]):
        with Wire(exporter.port) as wire:
            wire.send(post(body(), *headers, version="1.0"))
            reply = wire.reply()
            assert (reply.body, reply.headers["connection"]) == (OK, "close")
            assert wire.has_ended()


def test_a_line_of_the_oldest_protocol_is_answered_in_a_form_of_ours(exporter: Exporter) -> None:
    """`GET /stats` without a version, as a person types it."""
    with Wire(exporter.port) as wire:
        wire.send(b"GET /stats\r\n\r\n")
        assert_json(wire.reply())
        assert wire.has_ended()


@pytest.mark.parametrize(("trusted", "shown"), [("127.0.0.1", "203.0.113.9"), ("192.0.2.1", "127.0.0.1")])
def test_a_refusal_is_logged_with_the_address_that_a_trusted_proxy_names(
    launch: Launch, trusted: str, shown: str
) -> None:
    """And with the connection's own, if somebody else claims to be a proxy."""
    exporter = launch(trusted_proxy=trusted)

    assert exporter.post(b"{", {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}).status == 400

    wait_until(lambda: "invalid_json_parse_body" in exporter.logs(), "the refusal is logged")
    (line,) = [line for line in exporter.logs().splitlines() if "invalid_json_parse_body" in line]
    assert json.loads(line)["newest_from"] == shown
