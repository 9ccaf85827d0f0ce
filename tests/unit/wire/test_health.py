"""What the metadata of health events tell: never more than is sure, whatever a client puts there."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.events import Event
from exporter.wire.families import LAUNCHES, PAGE_LOADS, VISITS
from exporter.wire.health import DROPPED_REASONS, EXITS, LONGEST, Heard, duration, hear
from exporter.wire.labels import Series, policy

ANY_TEXT = st.text(st.characters(), max_size=40)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1", 1),
        ("1550", 1550),
        ("0001550", 1550),
        ("812.4", 812),
        ("812.499999", 812),
        ("812.5", 813),
        ("0.5", 1),
        ("600000", 600_000),
        ("600000.4", 600_000),
    ],
)
def test_a_duration_counts_in_whole_milliseconds(text: str, milliseconds: int) -> None:
    """So that sums are exact."""
    assert duration(text, zero=False) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "NaN", "Infinity", "-1", "-0", "+5", "1e3", "1,5", "1.", ".5", "1.5.2", "0x10", "1 550", " 1550"),
        *("1550\n", "1550ms", "١٥٥٠", "1234567890", "1.1234567", "9" * 5000, "true", "null", "\ud800"),
    ],
)
def test_what_is_no_duration_is_malformed(text: str) -> None:
    """A page may put any text there."""
    assert duration(text, zero=True) == "malformed"


def test_a_duration_of_0_is_none_for_a_launch_and_one_for_a_page() -> None:
    """Clients make it of a clock that was set back; a page measures on another one."""
    for text in ("0", "0.0", "0.4", "000"):
        assert duration(text, zero=False) == "zero"
        assert duration(text, zero=True) == 0


@pytest.mark.parametrize("text", ["600001", "600000.5", "999999999"])
def test_nobody_waits_for_more_than_ten_minutes(text: str) -> None:
    """The app was suspended meanwhile."""
    assert duration(text, zero=True) == "too_long"


@settings(deadline=None)
@given(ANY_TEXT | st.floats(0, 1e6).map(str) | st.integers(0, 10**9).map(str), st.booleans())
def test_a_duration_is_within_bounds_or_dropped_by_a_fixed_reason(text: str, zero: bool) -> None:
    """Whatever the text is."""
    taken = duration(text, zero)

    assert taken in DROPPED_REASONS if isinstance(taken, str) else (not zero) <= taken <= LONGEST
    if isinstance(taken, int):
        assert abs(taken - float(text)) <= 0.5


def heard(*events: dict[str, Any]) -> Heard:
    """What a post of these tells."""
    items = [Event(**{"app_id": "com.acme.notes", "platform": "android"} | fields) for fields in events]
    outcomes = [policy(())(event)[event.action].outcome for event in items]
    return hear([series for series in outcomes if isinstance(series, Series)], [event.metadata for event in items])


def test_a_launch_and_a_page_load_count_by_their_durations() -> None:
    """Others that have one do not: no decision hangs on them."""
    taken = {"metadata": {"duration_ms": "1550"}}
    events = [
        {"action": "app_launch_ready"} | taken,
        {"action": "webview_page_loaded"} | taken,
        {"action": "webview_dom_content_loaded"} | taken,
        {"action": "app_launch_timeout"} | taken,
    ]

    series, durations, dropped, exits = heard(*events)

    assert [each.name for each in series] == [
        "launch:2.0",
        "page_load:2.0",
        "webview_dom_content_loaded",
        "app_launch_timeout",
    ]
    assert (durations, dropped, exits) == ({0: 1550, 1: 1550}, {}, {})


@pytest.mark.parametrize(
    ("metadata", "dropped"),
    [
        (None, {}),
        ({}, {}),
        ({"source": "plugin_load"}, {}),
        ({"duration_ms": ""}, {0: "malformed"}),
        ({"duration_ms": "NaN"}, {0: "malformed"}),
        ({"duration_ms": "5" * 10_000}, {0: "malformed"}),
        ({"duration_ms": "0"}, {0: "zero"}),
        ({"duration_ms": "600001"}, {0: "too_long"}),
    ],
)
def test_an_event_whose_duration_is_not_taken_counts_without_it(
    metadata: dict[str, str] | None, dropped: dict[int, str]
) -> None:
    """And it is told why; what is not there is not dropped."""
    series, *told = heard({"action": "app_launch_ready", "metadata": metadata})

    assert [each.name for each in series] == ["app_launch_ready"]
    assert told == [{}, dropped, {}]


@pytest.mark.parametrize("action", sorted(EXITS))
def test_the_moment_of_an_exit_is_androids(action: str) -> None:
    """iOS finds out at the next launch, and knows no moment; what is no number is none."""
    at = {"exit_timestamp": "1795262300000"}
    series, durations, dropped, exits = heard(
        {"action": action, "metadata": at},
        {"action": action, "metadata": at, "platform": "ios"},
        {"action": action, "metadata": {"exit_timestamp": "yesterday"}},
        {"action": action},
    )

    assert (durations, dropped, exits) == ({}, {}, {0: 1795262300000})
    assert {each.name for each in series} == {action}


metadata = st.dictionaries(st.sampled_from(["duration_ms", "exit_timestamp", "source"]), ANY_TEXT, max_size=3)
texts = ANY_TEXT | st.sampled_from(["8.51.23", "7.18.14", "16", "10"])


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"action": st.sampled_from(sorted({*CATALOGUE} - {"download_fail"})) | ANY_TEXT.filter(bool)},
            optional={
                "platform": st.sampled_from(["android", "ios", "electron"]) | ANY_TEXT,
                "plugin_version": texts,
                "version_os": texts,
                "metadata": metadata,
            },
        ),
        max_size=10,
    )
)
def test_each_event_counts_in_its_action_or_in_a_part_of_it(events: list[dict[str, Any]]) -> None:
    """Whatever clients send; a duration that is there is taken or dropped."""
    counters, durations, dropped, _ = heard(*events)

    for index, (event, series) in enumerate(zip(events, counters, strict=True)):
        action = event["action"] if event["action"] in CATALOGUE else OTHER
        assert series.action == action
        assert (series.name != action) == (action == VISITS.action or index in durations)
        timed = action in {LAUNCHES.action, PAGE_LOADS.action} and "duration_ms" in event.get("metadata", {})
        assert (index in durations) + (index in dropped) == timed
    assert all(counters[at].name in LAUNCHES.parts + PAGE_LOADS.parts for at in durations)


def test_no_text_of_a_client_is_kept() -> None:
    """Each of these durations is another one, and megabytes long."""
    sizes = []
    tracemalloc.start()
    try:
        for number in range(60):
            text = f"{number:02}" * 2**19
            heard({"action": "app_launch_ready", "metadata": {"duration_ms": text, "exit_timestamp": text}})
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert sizes[-1] - sizes[0] < 2**19
