"""The names and forms that the exporter promises to everyone outside, written down a second time."""

from __future__ import annotations

import re

from tests.support.harness import Reply

EVENT_REASONS = {
    "not_an_object",
    "missing_app_id",
    "invalid_app_id",
    "app_not_allowed",
    "missing_action",
    "invalid_action",
}
"""Why a single event is refused."""

OUTCOMES = {"set", "set_fail", "update_fail", "download_complete", "download_fail"}
"""The actions that every version shows from its birth."""

OK = b'{"status":"ok"}'


def assert_refused(reply: Reply, status: int, reason: str | None = None) -> None:
    """`reply` is `status` in the one form that all errors have, for `reason` where it is given."""
    assert status == reply.status, reply.body
    assert_json(reply)
    assert {"error", "message"} == set(reply.json)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reply.json["error"]), f"not a fixed reason: {reply.json['error']}"
    assert reply.json["error"] != "too_many_requests", "a word to which the plugin answers with one more post"
    assert reply.json["message"].strip()
    if reason is not None:
        assert reason == reply.json["error"]


def assert_json(reply: Reply) -> None:
    """`reply` has a JSON body of the announced length: after an empty one an iOS client would post it for ever."""
    assert reply.headers["content-type"].partition(";")[0] == "application/json"
    assert str(len(reply.body)) == reply.headers["content-length"]
    assert reply.body
    assert isinstance(reply.json, dict)


def results(*outcomes: str) -> list[dict[str, object]]:
    """`results` of an array's reply without its messages: `ok`, or the reason of an element's refusal."""
    return [
        {"status": "ok", "index": index} if outcome == "ok" else {"status": "error", "error": outcome, "index": index}
        for index, outcome in enumerate(outcomes)
    ]


def results_of(reply: Reply) -> list[dict[str, object]]:
    """The same from a reply, after a look at its form and at each message."""
    assert reply.status == 200, reply.body
    assert_json(reply)
    assert {"status", "results"} == set(reply.json)
    assert reply.json["status"] == "ok"
    for result in reply.json["results"]:
        assert (result["status"] == "ok") != bool(result.get("message", "")), f"a message for errors alone: {result}"
    return [{name: value for name, value in result.items() if name != "message"} for result in reply.json["results"]]
