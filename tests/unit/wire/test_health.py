"""What events tell beside their action: never more than is sure, whatever a client puts there."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.events import Event
from exporter.wire.families import LAUNCHES, PAGE_LOADS, VISITS
from exporter.wire.health import DROPPED_REASONS, EXITS, LONGEST, Heard, duration, hear, reports
from exporter.wire.labels import Series, policy

ANY_TEXT = st.text(st.characters(), max_size=40)

NOTHING = [
    *("0.0.1", "0.1.0", "3.3.20", "4.61.11", "5.0.0", "5.50.0", "6.0.0", "6.14.26", "6.50.0", "7.0.0", "7.18.14"),
    *("7.50.0", "8.0.0", "8.4.3", "8.45.11", "8.45.99", "9.0.0", "10.0.0"),
]
HEALTH = [
    *("5.50.1", "5.50.2", "5.51.0", "6.50.1", "6.51.16", "7.50.1", "7.51.21", "8.46.0", "8.46.0-beta.2", "8.50.1"),
    *("8.51.23", "8.100.0", "9.0.0-alpha.1", "9.0.1", "9.1.0", "10.0.1", "10.1.0", "11.0.0", "12.3.4"),
]
UNREADABLE = ["", "unknown", "8.51", "v8.51.23", "8,51,23", "٨.٥١.٢٣", "8.51.99999", "-8.51.23", "x" * 1000]


@pytest.mark.parametrize("platform", ["android", "ios"])
@pytest.mark.parametrize("plugin_version", NOTHING + UNREADABLE)
def test_an_older_plugin_reports_nothing(platform: str, plugin_version: str) -> None:
    """Nor do the accidental releases, nor one whose version can't be read."""
    assert reports(platform, plugin_version, "16") == "nothing"


@pytest.mark.parametrize("plugin_version", HEALTH)
def test_a_newer_plugin_reports_crashes(plugin_version: str) -> None:
    """In each major version since another release; later ones of the accidental majors are new."""
    assert reports("ios", plugin_version, "15.8") == "crashes"
    assert reports("android", plugin_version, "11") == "crashes"


@pytest.mark.parametrize("system", ["4.4.4", "5.1", "7", "8.0.0", "9", "10", "10.0"])
def test_android_before_11_reports_errors_of_pages_only(system: str) -> None:
    """It does not remember why a process ended; an iOS of that number is another thing."""
    assert reports("android", "8.51.23", system) == "errors"
    assert reports("android", "8.45.11", system) == "nothing"
    assert reports("ios", "8.51.23", system) == "crashes"


@pytest.mark.parametrize("system", ["11", "12L", "13", "16", "100", "", "Baklava", "99999"])
def test_android_from_11_on_reports_crashes(system: str) -> None:
    """Previews name themselves by a word, and there are none of the old ones any more."""
    assert reports("android", "8.51.23", system) == "crashes"


@pytest.mark.parametrize("platform", ["electron", "web", "other", "react-native"])
def test_other_clients_report_nothing(platform: str) -> None:
    """They number their versions by themselves, and have no such code."""
    assert reports(platform, "8.51.23", "16") == "nothing"


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
    return hear(items, [series for series in policy(())(items) if isinstance(series, Series)])


def names(*events: dict[str, Any]) -> list[str]:
    """Of the counters that these count in."""
    return [series.name for series in heard(*events).series]


def test_a_visit_counts_by_what_its_sender_reports() -> None:
    """In one of three counters; a post may hold visits before and after an upgrade."""
    visit = {"action": "app_moved_to_foreground", "version_os": "16"}
    events = [
        visit | {"plugin_version": "8.51.23"},
        visit | {"plugin_version": "8.51.23"},
        visit | {"plugin_version": "8.51.23", "version_os": "10"},
        visit | {"plugin_version": "8.51.23", "version_os": "10", "platform": "ios"},
        visit | {"plugin_version": "8.45.11"},
        {"action": "app_moved_to_foreground"},
    ]

    expected = ["crashes", "crashes", "errors", "crashes", "nothing", "nothing"]
    assert names(*events) == [f"visits:{reports}" for reports in expected]


def test_visits_of_two_versions_count_in_each_of_them() -> None:
    """Though all else is the same."""
    visit = {"action": "app_moved_to_foreground", "version_os": "16", "plugin_version": "8.51.23"}

    told = heard(visit | {"version_name": "1.0"}, visit | {"version_name": "1.1"})

    assert [(series.version.version, series.name) for series in told.series] == [
        ("1.0", "visits:crashes"),
        ("1.1", "visits:crashes"),
    ]


def test_a_launch_and_a_page_load_count_by_their_durations() -> None:
    """Others that have one do not: no decision hangs on them."""
    taken = {"metadata": {"duration_ms": "1550"}}
    events = [
        {"action": "app_launch_ready"} | taken,
        {"action": "webview_page_loaded"} | taken,
        {"action": "webview_dom_content_loaded"} | taken,
        {"action": "app_launch_timeout"} | taken,
    ]

    told = heard(*events)

    assert [series.name for series in told.series] == [
        "launch:2.0",
        "page_load:2.0",
        "webview_dom_content_loaded",
        "app_launch_timeout",
    ]
    assert told.durations == {0: 1550, 1: 1550}


@pytest.mark.parametrize("metadata", [None, {}, {"source": "plugin_load"}, {"duration": "5"}, {"duration_ms": "NaN"}])
def test_an_event_whose_duration_is_not_taken_counts_without_it(metadata: dict[str, str] | None) -> None:
    """A duration that is missing is malformed, so that those taken and those not add up to the events."""
    told = heard({"action": "app_launch_ready", "metadata": metadata})

    assert [series.name for series in told.series] == ["app_launch_ready"]
    assert (told.durations, told.dropped) == ({}, {0: "malformed"})


@pytest.mark.parametrize("action", sorted(EXITS))
def test_the_moment_of_an_exit_is_androids(action: str) -> None:
    """iOS finds out at the next launch, and knows no moment; what is no number is none."""
    at = {"exit_timestamp": "1795262300000"}
    told = heard(
        {"action": action, "metadata": at},
        {"action": action, "metadata": at, "platform": "ios"},
        {"action": action, "metadata": {"exit_timestamp": "yesterday"}},
        {"action": action},
    )

    assert told.exits == {0: 1795262300000}
    assert {series.name for series in told.series} == {action}


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
    """Whatever clients send; a visit always in a part, a duration always taken or dropped."""
    told = heard(*events)

    for index, (event, series) in enumerate(zip(events, told.series, strict=True)):
        action = event["action"] if event["action"] in CATALOGUE else OTHER
        assert series.action == action
        assert (series.name != action) == (action == VISITS.action or index in told.durations)
        timed = (index in told.durations) + (index in told.dropped)
        assert timed == (action in {LAUNCHES.action, PAGE_LOADS.action})
    assert all(
        series.name in LAUNCHES.parts + PAGE_LOADS.parts for series in (told.series[at] for at in told.durations)
    )
