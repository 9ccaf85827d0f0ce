"""What a client is told, row by row."""

from __future__ import annotations

import json

import pytest

from tests.support.bodies import Event, event, events
from tests.support.contract import OK, assert_json, assert_refused, results, results_of
from tests.support.harness import Exporter, Reply
from tests.system.conftest import Launch

COUNTED = "capgo_exporter_events_counted_total"
RECEIVED = "capgo_exporter_events_received_total"
REFUSED = "capgo_exporter_requests_refused_total"

BAD_EVENTS: dict[str, object] = {
    "missing_app_id": event(app_id=None),
    "invalid_app_id": event(app_id="no-dot"),
    "missing_action": event(action=None),
    "invalid_action": event(action=7),
}
"""One event a reason; those of which two are possible stand in the tests below."""


def sets_of(exporter: Exporter, version: str) -> float:
    """How many `set` of that version are counted."""
    return exporter.scrape().total("capgo_events_total", action="set", version=version)


def test_a_good_event_is_answered_with_a_status_alone(exporter: Exporter) -> None:
    """One object: 200 and exactly this body."""
    reply = exporter.post(event())

    assert reply.status == 200
    assert reply.body == OK
    assert_json(reply)


def test_an_array_is_answered_with_one_result_an_event(exporter: Exporter) -> None:
    """Each result names the index of its event."""
    assert results("ok", "ok", "ok") == results_of(exporter.post(events(3)))


def test_an_array_of_one_is_still_an_array(exporter: Exporter) -> None:
    """Current clients send an array even for a single event."""
    assert results("ok") == results_of(exporter.post(events(1)))


def test_an_empty_array_is_fine(exporter: Exporter) -> None:
    """There is nothing to count and nothing to complain of."""
    assert results_of(exporter.post([])) == []


def test_a_bad_event_does_not_cost_its_neighbours(exporter: Exporter) -> None:
    """A 4xx would make the plugin drop the whole array for good."""
    good = [event(version_name="9.0.1"), event(version_name="9.0.1")]

    reply = exporter.post([good[0], *BAD_EVENTS.values(), 7, good[1]])

    assert results("ok", *BAD_EVENTS, "not_an_object", "ok") == results_of(reply)
    assert sets_of(exporter, "9.0.1") == 2


def test_an_array_of_bad_events_is_answered_200(exporter: Exporter) -> None:
    """Even with nothing good in it, sending it again would help nobody."""
    assert results("not_an_object", "missing_action") == results_of(exporter.post(["set", event(action=None)]))


@pytest.mark.parametrize("reason", BAD_EVENTS)
def test_a_single_bad_event_is_refused_by_its_reason(exporter: Exporter, reason: str) -> None:
    """400, and the word is the label of the counter."""
    before = exporter.scrape().value("capgo_exporter_events_rejected_total", reason=reason)

    assert_refused(exporter.post(BAD_EVENTS[reason]), 400, reason)

    assert before + 1 == exporter.scrape().value("capgo_exporter_events_rejected_total", reason=reason)


@pytest.mark.parametrize(
    "app_id",
    [
        "",
        "shop",
        ".com.shop",
        "com.",
        "com..shop",
        "com.shop ",
        "com.shop\n",
        "com.café",
        "[com.shop]",
        "co+m.shop",
        "com." + "a" * 125,
    ],
)
def test_an_app_id_must_have_the_vendors_form(exporter: Exporter, app_id: str) -> None:
    """The whole string, ASCII only, at most 128 characters."""
    assert (reply := exporter.post(event(app_id=app_id))).status == 400
    assert reply.json["error"] in {"invalid_app_id", "missing_app_id"}


@pytest.mark.parametrize("app_id", ["com.Example_1.my-app", "a.b", "COM.SHOP", "com." + "a" * 124])
def test_an_app_id_in_the_vendors_form_is_taken(exporter: Exporter, app_id: str) -> None:
    """Any case, underscores and hyphens behind the first dot."""
    assert exporter.post(event(app_id=app_id)).body == OK


@pytest.mark.parametrize("wrong", [7, True, ["com.example.shop"], {"id": "com.example.shop"}])
@pytest.mark.parametrize("field", ["app_id", "action"])
def test_the_two_needed_fields_must_be_strings(exporter: Exporter, field: str, wrong: object) -> None:
    """Whether a wrong type is called missing or invalid, the event is refused by a reason about that field."""
    reply = exporter.post(event(**{field: wrong}))

    assert_refused(reply, 400)
    assert reply.json["error"] in {f"missing_{field}", f"invalid_{field}"}


@pytest.mark.parametrize("wrong", [None, 7, -1.5, True, ["x"], {"x": "y"}])
def test_any_other_field_of_a_wrong_type_counts_as_absent(exporter: Exporter, wrong: object) -> None:
    """Only `app_id` and `action` are needed."""
    needed = {"app_id": "com.example.wrong", "action": "delete"}
    others = {name: wrong for name in event() if name not in needed}
    family = "capgo_test_events_total" if wrong is True else "capgo_events_total"

    def counted() -> float:
        return exporter.scrape().total(family, **needed, platform="other", version="unknown")

    before = counted()
    assert exporter.post(others | needed).body == OK
    assert before + 1 == counted()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"set",
        b"{",
        b'{"action":"set"',
        b"[1,",
        b'"set"',
        b"7",
        b"null",
        b"true",
        b"{} {}",
        b"\xff\xfe",
        b"\0",
    ],
)
def test_what_is_no_object_and_no_array_is_refused(exporter: Exporter, body: bytes) -> None:
    """The whole body is refused, and no event is counted as received."""
    before = exporter.scrape().value(RECEIVED)

    assert_refused(exporter.post(body), 400, "invalid_json_parse_body")

    assert before == exporter.scrape().value(RECEIVED)


ODDITIES: dict[str, bytes] = {
    "a wrong type": b'{"app_id":7,"action":"set"}',
    "a null": b"null",
    "a lone surrogate": b'{"app_id":"com.example.shop","action":"set","version_name":"\\ud800"}',
    "a lone surrogate in the app": b'{"app_id":"com.ex\\udfffample","action":"set"}',
    "invalid UTF-8": b'{"app_id":"com.example.shop","action":"set","version_name":"\xff"}',
    "a nested array": b'[[{"app_id":"com.example.shop","action":"set"}]]',
    "deep nesting": b'{"app_id":"com.example.shop","action":"set","metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of 5,000 digits": b'{"app_id":"com.example.shop","action":"set","timestamp":' + b"9" * 5_000 + b"}",
    "a number beyond every float": b'{"app_id":"com.example.shop","action":"set","timestamp":1e400}',
    "a key twice": b'{"app_id":"com.example.shop","app_id":"x","action":"set"}',
    "a long version": json.dumps(event(version_name="9" * 100_000)).encode(),
    "a version to break the text": json.dumps(event(version_name='1"} 7\n\\n# HELP')).encode(),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_odd_event_does_not_cost_its_neighbours(exporter: Exporter, oddity: str) -> None:
    """Both neighbours are counted, and `/metrics` is as readable as before."""
    neighbours = [json.dumps(event(app_id="com.example.odd")).encode() for _ in range(2)]
    before = exporter.scrape().total("capgo_events_total", app_id="com.example.odd")

    reply = exporter.post(b"[" + neighbours[0] + b"," + ODDITIES[oddity] + b"," + neighbours[1] + b"]")

    outcomes = results_of(reply)
    assert results("ok") == outcomes[:1]
    assert outcomes[2] == {"status": "ok", "index": 2}
    assert before + 2 == exporter.scrape().total("capgo_events_total", app_id="com.example.odd")


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_odd_event_alone_is_answered_from_the_table(exporter: Exporter, oddity: str) -> None:
    """200 or 400, whatever it holds."""
    reply = exporter.post(ODDITIES[oddity])

    assert reply.status in {200, 400}, reply.body
    assert_json(reply)
    exporter.scrape()


def test_a_retry_is_answered_as_if_it_were_new(exporter: Exporter) -> None:
    """Alone or in an array, and counted once."""
    once = event(version_name="9.0.2")

    replies = [exporter.post(once), exporter.post(once)]
    again = exporter.post([once, event(version_name="9.0.2")])

    assert [reply.body for reply in replies] == [OK, OK]
    assert results("ok", "ok") == results_of(again)
    assert sets_of(exporter, "9.0.2") == 2


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", "image/png", "nonsense", ""])
def test_any_content_type_is_taken(exporter: Exporter, content_type: str) -> None:
    """Clients differ in it, and a form's must not be parsed as one."""
    assert exporter.post(event(), {"Content-Type": content_type}).body == OK


def test_a_form_is_read_as_json_too(exporter: Exporter) -> None:
    """curl --data announces a form."""
    assert exporter.post(event(), {"Content-Type": "application/x-www-form-urlencoded"}).body == OK


def test_the_root_takes_posts_as_well(exporter: Exporter) -> None:
    """A `statsUrl` may have no path."""
    assert exporter.post(event(version_name="9.0.3"), path="/").body == OK
    assert sets_of(exporter, "9.0.3") == 1


def test_a_query_string_changes_nothing(exporter: Exporter) -> None:
    """A `statsUrl` may have one."""
    assert exporter.post(event(), path="/stats?from=app").body == OK


def test_a_get_says_ok(exporter: Exporter) -> None:
    """So that whoever set `statsUrl` can try it in a browser."""
    reply = exporter.public("GET", "/stats")

    assert (reply.status, reply.body) == (200, OK)
    assert_json(reply)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/stats", "/"])
def test_other_methods_are_refused(exporter: Exporter, method: str, path: str) -> None:
    """405 in the one form."""
    assert_refused(exporter.public(method, path), 405)


def test_a_head_is_answered_as_a_get_without_its_body(exporter: Exporter) -> None:
    """Uptime checks send it."""
    reply = exporter.public("HEAD", "/stats")

    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize("path", ["/nothing", "/stats/more", "/favicon.ico", "/stats%00", "/%ff", "/STATS"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_paths_are_not_found(exporter: Exporter, method: str, path: str) -> None:
    """404 in the one form, never a redirect."""
    assert_refused(exporter.public(method, path), 404)


@pytest.mark.parametrize("query", ["", "?from=app"])
def test_a_slash_too_many_is_the_same_path(exporter: Exporter, query: str) -> None:
    """Never redirected, which would turn a post into a GET; nor refused, which costs a batch for good."""
    assert exporter.post(event(), path="/stats/" + query).body == OK
    assert exporter.public("GET", "/stats/" + query).body == OK
    assert exporter.private("/metrics/" + query).status == 200


@pytest.mark.parametrize("encoding", ["", "identity", "Identity", "UTF-8", "utf8", "charset=utf-8"])
def test_what_is_no_compression_costs_no_event(exporter: Exporter, encoding: str) -> None:
    """Some senders write there what the body is written in."""
    assert exporter.post(event(), {"Content-Encoding": encoding}).body == OK


@pytest.mark.parametrize("body", [event(), [event()]], ids=["an object", "an array"])
def test_a_byte_order_mark_costs_no_event(exporter: Exporter, body: object) -> None:
    """Some encoders write it before UTF-8, unasked."""
    assert exporter.post(b"\xef\xbb\xbf" + json.dumps(body).encode()).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x"])
def test_an_encoded_body_is_refused(exporter: Exporter, encoding: str) -> None:
    """No client encodes its body, and a bomb hides in one."""
    assert_refused(exporter.post(event(), {"Content-Encoding": encoding}), 415, "unsupported_encoding")


def padded(size: int) -> bytes:
    """An event of exactly that many bytes."""
    short = json.dumps(event(message="")).encode()
    return json.dumps(event(message="x" * (size - len(short)))).encode()


def test_the_largest_body_is_taken_and_one_byte_more_is_not(exporter: Exporter) -> None:
    """4 MiB by default."""
    limit = 4 * 2**20

    assert exporter.post(padded(limit)).body == OK
    assert_refused(exporter.post(padded(limit + 1)), 413, "body_too_large")


def test_the_largest_array_is_taken_and_one_event_more_is_not(exporter: Exporter) -> None:
    """1,000 events by default; of a larger array nothing is counted."""
    before = exporter.scrape().value(COUNTED)

    assert exporter.post(events(1000)).status == 200
    assert before + 1000 == exporter.scrape().value(COUNTED)

    assert_refused(exporter.post(events(1001)), 413, "too_many_events")
    assert before + 1000 == exporter.scrape().value(COUNTED)


def test_the_limits_are_settings(launch: Launch) -> None:
    """`--max-body` and `--max-batch`."""
    small = launch(max_body="2000", max_batch="2")

    assert small.post(events(2)).status == 200
    assert_refused(small.post(events(3)), 413, "too_many_events")
    assert_refused(small.post(padded(2001)), 413, "body_too_large")


def test_an_app_that_is_not_on_the_list_is_refused(launch: Launch) -> None:
    """403 for its single event, an error of its own in an array; the listed apps are counted."""
    listed = launch(apps="com.example.shop,com.example.bank")

    assert listed.post(event(app_id="com.example.bank")).body == OK
    assert_refused(listed.post(event(app_id="com.example.stranger")), 403, "app_not_allowed")
    mixed: list[Event] = [event(), event(app_id="com.example.stranger"), event()]
    assert results("ok", "app_not_allowed", "ok") == results_of(listed.post(mixed))
    assert set() == set(listed.scrape().series("capgo_events_total", app_id="com.example.stranger"))


def test_a_request_refused_as_a_whole_is_counted_by_its_reason(exporter: Exporter) -> None:
    """It adds nothing to the events, one to the refused requests and one to the replies of its code."""
    before = exporter.scrape()

    replies: list[Reply] = [
        exporter.post(b"no json"),
        exporter.post(events(1001)),
        exporter.post(event(), {"Content-Encoding": "gzip"}),
    ]

    after = exporter.scrape()
    assert before.value(RECEIVED) == after.value(RECEIVED)
    for reply in replies:
        reason = reply.json["error"]
        assert before.value(REFUSED, reason=reason) + 1 == after.value(REFUSED, reason=reason)
    for code in (400, 413, 415):
        name, label = "capgo_exporter_requests_total", str(code)
        assert before.total(name, code=label) + 1 == after.total(name, code=label)


def test_the_largest_ordinary_post_is_taken(exporter: Exporter) -> None:
    """200 events after an outage, each with a long message."""
    assert results_of(exporter.post(events(200, metadata={"message": "x" * 2000}))) == results(*["ok"] * 200)
