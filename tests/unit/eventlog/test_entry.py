"""What an event is in a log store: readable, searchable, and small enough for every store, whatever was sent."""

import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.eventlog.entry import ATTRIBUTE_BYTES, BODY_BYTES, VALUE_BYTES, Entry, entry
from exporter.eventlog.severity import FAILURES, Severity, severity
from exporter.wire.actions import CATALOGUE
from exporter.wire.labels import Series, Version

DEVICE = "4f6c0b4e-2f6e-4b47-9a52-0c8f8c2d6e11"
FAILED: Mapping[str, Any] = {
    "app_id": "com.example.shop",
    "device_id": DEVICE.upper(),
    "platform": "ios",
    "action": "webview_javascript_error",
    "version_name": "1.4.2",
    "version_build": "1.2.0",
    "version_os": "18.6",
    "plugin_version": "8.51.23",
    "install_source": "app_store",
    "defaultChannel": "production",
    "old_version_name": "",
    "custom_id": "jane@example.com",
    "is_prod": True,
    "timestamp": 1_753_000_000_250,
    "metadata": {"message": "x is\nundefined", "line": "12", "stack": "Error\n  at a.js"},
}


def of(event: Mapping[str, Any], action: str = "webview_javascript_error", omit: tuple[str, ...] = ()) -> Entry:
    return entry(Series(Version("com.example.shop", "ios", "1.4.2", False), action), event, omit)


def test_an_entry_says_what_happened_where_and_why() -> None:
    """All of it, as dashboards ask for it; a device has one spelling, and what is empty is left out."""
    assert of(FAILED, omit=("custom_id",)) == Entry(
        "com.example.shop",
        False,
        Severity.ERROR,
        f"webview_javascript_error 1.4.2 on ios 18.6, device {DEVICE}: x is undefined",
        {
            "action": "webview_javascript_error",
            "version": "1.4.2",
            "platform": "ios",
            "device_id": DEVICE,
            "version_os": "18.6",
            "version_build": "1.2.0",
            "plugin_version": "8.51.23",
            "install_source": "app_store",
            "channel": "production",
            "device_time": "2025-07-20T08:26:40.250+00:00",
            "reason": "x is undefined",
            "metadata_message": "x is\nundefined",
            "metadata_line": "12",
            "metadata_stack": "Error\n  at a.js",
        },
    )


def test_a_bare_event_has_a_sentence_as_well() -> None:
    """Only what is known stands in it."""
    assert of({"app_id": "com.example.shop", "action": "update_fail"}, "update_fail").body == "update_fail 1.4.2 on ios"


def test_an_action_outside_the_catalogue_is_read_as_it_was_sent_and_asked_for_as_it_was_counted() -> None:
    """The sentence is for people, the attribute agrees with the counters."""
    told = of({"action": "newest_thing"}, "other")

    assert told.body == "newest_thing 1.4.2 on ios"
    assert told.attributes["action"] == "other"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"metadata": {"exit_reason": "c", "exit_description": "b", "message": "a"}, "message": "d"}, "a"),
        ({"metadata": {"exit_reason": "c", "exit_description": "b"}, "message": "d"}, "b"),
        ({"metadata": {"exit_reason": "c", "message": ""}, "message": "d"}, "c"),
        ({"metadata": {"line": "3"}, "message": "d", "version_name": "1.4.2:assets/x.js"}, "d"),
        ({"metadata": None, "version_name": "1.4.2:C:/assets/x.js"}, "C:/assets/x.js"),
        ({"metadata": "message", "message": 7}, ""),
        ({"metadata": {"message": "  \x1b[31m red \u2028 line\x00"}}, "[31m red line"),
    ],
)
def test_the_reason_is_the_most_telling_text_in_one_line(event: dict[str, Any], reason: str) -> None:
    """From the error's message down to the file that failed; no line end, no terminal code."""
    told = of(event)

    assert told.attributes.get("reason", "") == reason
    assert told.body == "webview_javascript_error 1.4.2 on ios" + (f": {reason}" if reason else "")


@pytest.mark.parametrize("field", sorted({*FAILED} - {"app_id", "action", "platform", "is_prod", "old_version_name"}))
def test_an_omitted_field_leaves_no_trace(field: str) -> None:
    """Neither in the sentence nor in an attribute, the reason and the time of the device among them."""
    marked = dict(FAILED) | {
        "version_name": "1.4.2:mark",
        field: {"message": "mark"} if field == "metadata" else 4_000_000_000_000 if field == "timestamp" else "x:mark",
    }
    marked["metadata"] = marked["metadata"] if field == "metadata" else {}
    if field != "version_name":
        marked["version_name"] = "1.4.2"

    assert "mark" in str(of(marked)) or "2096" in str(of(marked))
    without = str(of(marked, omit=(field,)))
    assert "mark" not in without
    assert "2096" not in without


@pytest.mark.parametrize("timestamp", [2**53, -1, True, 1.5, "1753000000250", None, 10**30])
def test_a_time_that_is_none_is_left_out(timestamp: object) -> None:
    """Devices' clocks say anything; the entry is there all the same."""
    assert "device_time" not in of({"timestamp": timestamp}).attributes


def test_strangers_names_can_not_forge_ours() -> None:
    """Query languages have words of their own; each name from outside says that it is one, and is plain."""
    sent = {"__error__": "a", "level": "b", "": "c", "!!!": "d", "app_id": "e", "a.b": "f", "a_b": "g", "k" * 99: "h"}

    names = {name: value for name, value in of({"metadata": sent}).attributes.items() if name.startswith("metadata")}

    assert names == {
        "metadata___error__": "a",
        "metadata_level": "b",
        "metadata_": "c",
        "metadata____": "d",
        "metadata_app_id": "e",
        "metadata_a_b": "g",
        f"metadata_{'k' * 64}": "h",
    }


TEXT = st.text(max_size=50) | st.text(alphabet="€\ud800\U0001f600a", max_size=3000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*FAILED, "message", "reason", "channel"])


@given(st.dictionaries(FIELDS, JSON | st.dictionaries(TEXT, JSON, max_size=40)), st.sampled_from([*CATALOGUE, "other"]))
def test_whatever_was_sent_an_entry_is_small_and_can_be_encoded(event: dict[str, Any], action: str) -> None:
    """No store refuses it, and with it its batch."""
    told = of(event, action)

    assert len(told.body.encode()) <= BODY_BYTES
    assert told.body.isprintable()
    assert sum(len(name.encode()) + len(value.encode()) for name, value in told.attributes.items()) <= ATTRIBUTE_BYTES
    assert all(set(name) <= {*string.ascii_letters, *string.digits, "_"} for name in told.attributes)
    assert all(told.attributes.values())


def test_the_largest_event_keeps_its_first_metadata() -> None:
    """Thirty long values of three-byte characters are too much; what fits is there, cut at a character."""
    told = of({"metadata": {f"key{number}": "€" * 2048 for number in range(40)}})

    kept = [value for name, value in told.attributes.items() if name.startswith("metadata_")]
    assert 25 < len(kept) <= 30
    assert {len(value.encode()) for value in kept} == {VALUE_BYTES - VALUE_BYTES % 3}


def test_what_is_sent_by_default_are_the_actions_that_say_that_something_went_wrong() -> None:
    """Failed outcomes, failures, health and resets; none of what healthy apps send all day."""
    assert {"set_fail", "update_fail", "download_fail", "unzip_fail", "app_crash", "app_anr", "reset"} <= FAILURES
    assert not FAILURES & {"set", "download_complete", "download_50", "get", "app_moved_to_foreground", "other"}
    assert not FAILURES & {"webview_page_loaded", "webview_dom_content_loaded", "webview_unclean_restart"}
    assert {action for action in CATALOGUE if severity(action) is Severity.WARN} == {
        "reset",
        "revert",
        "app_memory_warning",
        "app_killed_low_memory",
    }
    assert severity("other") is Severity.INFO
