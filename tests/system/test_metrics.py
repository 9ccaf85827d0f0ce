"""What a scrape says: the formats, the families, and sums that hold at every moment."""

from __future__ import annotations

import gzip
import itertools
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event as Flag

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support import health
from tests.support.bodies import Event, event, events
from tests.support.contract import EVENT_REASONS, OUTCOMES
from tests.support.harness import Exporter, Scrape
from tests.support.monitoring import installed

FAMILIES = {
    "capgo_events": "counter",
    "capgo_test_events": "counter",
    "capgo_visits": "counter",
    "capgo_test_visits": "counter",
    "capgo_launch_seconds": "histogram",
    "capgo_test_launch_seconds": "histogram",
    "capgo_page_load_seconds": "histogram",
    "capgo_test_page_load_seconds": "histogram",
    "capgo_devices": "gauge",
    "capgo_rollout_devices": "gauge",
    "capgo_device_stages": "counter",
    "capgo_version_first_seen_timestamp_seconds": "gauge",
    "capgo_exporter_durations_dropped": "counter",
    "capgo_exporter_events_received": "counter",
    "capgo_exporter_events_counted": "counter",
    "capgo_exporter_events_rejected": "counter",
    "capgo_exporter_events_ignored": "counter",
    "capgo_exporter_events_duplicate": "counter",
    "capgo_exporter_requests": "counter",
    "capgo_exporter_requests_refused": "counter",
    "capgo_exporter_events_folded": "counter",
    "capgo_exporter_commit_errors": "counter",
    "capgo_exporter_event_log_dropped": "counter",
    "capgo_exporter_event_store_events": "counter",
    "capgo_exporter_event_store_batches": "counter",
    "capgo_exporter_event_store_dropped": "counter",
    "capgo_exporter_event_store_buffered_bytes": "gauge",
    "capgo_exporter_ledger_events": "gauge",
    "capgo_exporter_batch_events": "histogram",
    "capgo_exporter_request_seconds": "histogram",
    "capgo_exporter_commit_seconds": "histogram",
    "capgo_exporter_label_values": "gauge",
    "capgo_exporter_label_limit": "gauge",
    "capgo_exporter_label_demand": "gauge",
    "capgo_exporter_series": "gauge",
    "capgo_exporter_series_limit": "gauge",
    "capgo_exporter_devices": "gauge",
    "capgo_exporter_devices_limit": "gauge",
    "capgo_exporter_devices_dropped": "counter",
    "capgo_exporter_ready": "gauge",
    "capgo_exporter_ledger_bytes": "gauge",
    "capgo_exporter_dedup_span_seconds": "gauge",
    "capgo_exporter_last_event_timestamp_seconds": "gauge",
    "capgo_exporter_zero_hold_seconds": "gauge",
    "capgo_exporter_last_backup_timestamp_seconds": "gauge",
    "capgo_exporter_ledger_opened": "gauge",
    "capgo_exporter_build_info": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_cpu_seconds": "counter",
    "process_start_time_seconds": "gauge",
    "python_info": "gauge",
}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROMTOOL = Path("/usr/bin/promtool")


@pytest.fixture(scope="module", autouse=True)
def posted(exporter: Exporter) -> None:
    """Something of every kind has been posted."""
    bodies = [event(), event(is_prod=False), "bad", event(action="download_fail")]
    assert exporter.post([*bodies, *of_health(), *of_health(is_emulator=True)]).status == 200


def of_health(**fields: object) -> list[Event]:
    """A visit, and a launch and a page load that took some time, of all that there are."""
    visit = event(action="app_moved_to_foreground", **fields)
    timed = [
        event(action=action, metadata={"duration_ms": taken}, **fields)
        for action in ("app_launch_ready", "webview_page_loaded")
        for taken in ("90", "812.5", "7000", "599000", "0", "NaN", "7264000")
    ]
    return [visit, event(action="app_moved_to_foreground", plugin_version="7.18.14", **fields), *timed]


def text(exporter: Exporter, accept: str) -> str:
    reply = exporter.private("/metrics", {"Accept": accept})
    assert reply.status == 200
    return reply.body.decode()


def parse_openmetrics(text: str) -> dict[str, Metric]:
    """Its families by name; ValueError where a strict reader stumbles."""
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # the library's parser has no annotations
    return {family.name: family for family in families}


def test_a_plain_request_gets_the_text_format(exporter: Exporter) -> None:
    """curl and a browser, too."""
    for accept in ("*/*", "text/plain", "text/html"):
        reply = exporter.private("/metrics", {"Accept": accept})
        assert reply.headers["content-type"].startswith("text/plain; version=")
        assert b"# EOF" not in reply.body


def test_prometheus_gets_openmetrics_when_it_asks(exporter: Exporter) -> None:
    """The strict parser reads it to its end."""
    reply = exporter.private("/metrics", {"Accept": f"{OPENMETRICS};q=0.5, text/plain;version=0.0.4;q=0.3"})

    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.body.endswith(b"# EOF\n")
    assert "capgo_events" in parse_openmetrics(reply.body.decode())


def test_both_formats_hold_the_same_event_counts(exporter: Exporter) -> None:
    """No format hides a series of the other."""
    openmetrics = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_openmetrics(text(exporter, OPENMETRICS)).values()
        for sample in family.samples
        if sample.name.startswith("capgo_events")
    }

    plain = Scrape.parse(text(exporter, "text/plain")).samples
    assert openmetrics == {key: value for key, value in plain.items() if key[0].startswith("capgo_events")}


def test_the_reply_is_compressed_when_asked(exporter: Exporter) -> None:
    """As Prometheus does."""
    reply = exporter.private("/metrics", {"Accept-Encoding": "gzip"})

    assert reply.headers["content-encoding"] == "gzip"
    assert b"capgo_events_total{" in gzip.decompress(reply.body)
    assert "content-encoding" not in exporter.private("/metrics", {"Accept-Encoding": "identity"}).headers


def test_all_families_are_there_with_type_and_help(exporter: Exporter) -> None:
    """The names that dashboards rely on, each with a sentence that explains it."""
    found = parse_openmetrics(text(exporter, OPENMETRICS))

    assert {name: kind for name, kind in FAMILIES.items() if name not in found or found[name].type != kind} == {}
    assert set() == {name for name in found if name.startswith("capgo") and name not in FAMILIES}
    assert [name for name, family in found.items() if len(family.documentation.split()) < 3] == []


def test_promtool_finds_nothing_to_complain_of(exporter: Exporter) -> None:
    """Prometheus' own lint of names, types and help texts."""
    done = subprocess.run(
        [installed(PROMTOOL), "check", "metrics"],
        input=text(exporter, "text/plain").encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )

    complaints = [line for line in done.stderr.decode().splitlines() if line.startswith("capgo")]
    assert complaints == []


def test_no_created_samples_double_the_series(exporter: Exporter) -> None:
    """In either format."""
    for accept in (OPENMETRICS, "text/plain"):
        assert re.findall(r"^\w+_created\b.*", text(exporter, accept), re.MULTILINE) == []


def test_every_reason_is_there_from_the_start(exporter: Exporter) -> None:
    """So that the first refusal is an increase."""
    rejected = exporter.scrape().series("capgo_exporter_events_rejected_total")
    refused = exporter.scrape().series("capgo_exporter_requests_refused_total")

    assert {dict(labels)["reason"] for labels in rejected} == EVENT_REASONS
    assert {dict(labels)["reason"] for labels in refused} >= {
        "invalid_json_parse_body",
        "body_too_large",
        "too_many_events",
        "unsupported_encoding",
        "storage_unavailable",
    }


def test_a_new_version_shows_its_outcomes_at_once(exporter: Exporter) -> None:
    """At 0, so that a first failure is an increase."""
    exporter.post(event(version_name="4.0.0", action="get"))

    shown = exporter.scrape().series("capgo_events_total", version="4.0.0", platform="android")
    assert dict.fromkeys(OUTCOMES, 0) | {"get": 1} == {dict(labels)["action"]: value for labels, value in shown.items()}


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        ({"version_name": "5.0.1:assets/x.js"}, {"version": "5.0.1"}),
        ({"version_name": "builtin", "version_build": "5.0.2"}, {"version": "5.0.2"}),
        ({"version_name": "builtin", "version_build": None}, {"version": "builtin"}),
        ({"version_name": None}, {"version": "unknown"}),
        ({"version_name": ""}, {"version": "unknown"}),
        ({"version_name": "5" * 65}, {"version": "__invalid__"}),
        ({"version_name": "5" * 64}, {"version": "5" * 64}),
        ({"version_name": "5.0\n3"}, {"version": "__invalid__"}),
        ({"version_name": "\ud800"}, {"version": "__invalid__"}),
        ({"version_name": "__overflow__"}, {"version": "__invalid__"}),
        ({"version_name": '5"\\{}'}, {"version": '5"\\{}'}),
        ({"version_name": "5.ü.4"}, {"version": "5.ü.4"}),
        ({"platform": "ios"}, {"platform": "ios"}),
        ({"platform": "electron"}, {"platform": "electron"}),
        ({"platform": "web"}, {"platform": "web"}),
        ({"install_source": "react-native"}, {"platform": "react-native"}),
        ({"platform": "amiga"}, {"platform": "other"}),
        ({"platform": None}, {"platform": "other"}),
        ({"action": "download_10"}, {"action": "download_10"}),
        ({"action": "app_crash"}, {"action": "app_crash"}),
        ({"action": "no_such_action"}, {"action": "other"}),
        ({"action": "download_17"}, {"action": "other"}),
        ({"app_id": "Com.Example.Shop"}, {"app_id": "Com.Example.Shop"}),
    ],
)
def test_labels_follow_their_rules(exporter: Exporter, fields: dict[str, str], labels: dict[str, str]) -> None:
    """Whatever a client sends, the label is from a closed set or in a safe form."""
    app = {"app_id": "com.example.labels"}

    def counted() -> float:
        return exporter.scrape().total("capgo_events_total", **(app | labels))

    before = counted()
    assert exporter.post(event(**(app | fields))).status == 200
    assert before + 1 == counted()


@pytest.mark.parametrize("test_device", [{"is_emulator": True}, {"is_prod": False}])
def test_a_developers_own_device_counts_apart(exporter: Exporter, test_device: dict[str, bool]) -> None:
    """Its failures spoil no rate."""
    app = {"app_id": "com.example.dev"}
    before = exporter.scrape().total("capgo_test_events_total", **app)

    exporter.post(event(**app, **test_device))

    after = exporter.scrape()
    assert before + 1 == after.total("capgo_test_events_total", **app)
    assert after.total("capgo_events_total", **app) == 0


@pytest.mark.parametrize(
    ("platform", "plugin_version", "counted"),
    [("android", version, False) for version in ("3.3.20", "5.9.5", "6.14.24", "7.16.9", "9.0.0", "10.0.0", "x", "")]
    + [("ios", "7.16.9", False), ("electron", "0.0.1", True)]
    + [("android", version, True) for version in ("5.43.3", "6.14.25", "7.17.0", "8.51.23", "9.0.1", "10.1.0")],
)
def test_a_download_fail_that_meant_no_update_is_ignored(
    exporter: Exporter, platform: str, plugin_version: str, counted: bool
) -> None:
    """Old plugins sent it at every launch without an update; Electron numbers its versions anew."""
    before = exporter.scrape()
    failure = event(action="download_fail", platform=platform, plugin_version=plugin_version)

    assert exporter.post(failure).status == 200

    after, ignored = exporter.scrape(), "capgo_exporter_events_ignored_total"
    difference = [
        after.total(name, **labels) - before.total(name, **labels)
        for name, labels in ((ignored, {}), ("capgo_events_total", {"action": "download_fail"}))
    ]
    assert difference == ([0, 1] if counted else [1, 0])


def test_a_launch_counts_in_each_bucket_above_its_duration(exporter: Exporter) -> None:
    """And in number and sum, exactly; what is no duration is told by its reason, and its event counts all the same."""
    app, before = {"app_id": "com.example.timed"}, exporter.scrape()

    assert exporter.post(of_health(**app)).status == 200

    after = exporter.scrape()
    by_le = {dict(have)["le"]: n for have, n in after.series("capgo_launch_seconds_bucket", **app).items()}
    assert by_le == {"0.5": 1, **dict.fromkeys(["1.0", "1.5", "2.0", "3.0", "5.0"], 2), "10.0": 3, "30.0": 3, "+Inf": 4}
    labels = {"platform": "android", "version": "1.2.3", **app}
    assert after.value("capgo_launch_seconds_sum", **labels) == 606.903
    assert after.total("capgo_events_total", action="app_launch_ready", **app) == 7
    dropped = "capgo_exporter_durations_dropped_total"
    assert {
        reason: after.value(dropped, reason=reason) - before.value(dropped, reason=reason)
        for reason in ("malformed", "zero", "too_long")
    } == {"malformed": 2, "zero": 1, "too_long": 2}


def test_visits_count_by_what_their_senders_can_report(exporter: Exporter) -> None:
    """All three are there with the first of them, so that a rate of none is none and not nothing."""
    app = {"app_id": "com.example.visits"}

    assert exporter.post(of_health(**app)).status == 200

    visits = exporter.scrape().series("capgo_visits_total", **app)
    assert {dict(have)["reports"]: value for have, value in visits.items()} == {"crashes": 1, "errors": 0, "nothing": 1}


def test_a_retry_drops_no_duration_twice(exporter: Exporter) -> None:
    """As nothing else of it is counted again."""
    launch = event(action="app_launch_ready", metadata={"duration_ms": "NaN"})
    dropped = "capgo_exporter_durations_dropped_total"
    before = exporter.scrape().total(dropped)

    for _ in range(3):
        assert exporter.post([launch]).status == 200

    assert exporter.scrape().total(dropped) == before + 1


def test_an_old_exit_counts_under_no_version(exporter: Exporter) -> None:
    """Android tells of exits from before the plugin's upgrade; one since the version was seen counts under it."""
    app = {"app_id": "com.example.exits"}
    exporter.post(event(**app))
    moments = {"yesterday": time.time() - 86_400, "in a moment": time.time() + 1}  # whole milliseconds are told
    exits = [
        event(action="app_anr", metadata={"exit_timestamp": str(int(moment * 1000))}, **app)
        for moment in moments.values()
    ]

    assert exporter.post(exits).status == 200

    shown = exporter.scrape().series("capgo_events_total", action="app_anr", **app)
    assert {dict(have)["version"]: value for have, value in shown.items()} == {"unknown": 1, "1.2.3": 1}


def assert_sums_hold(scrape: Scrape) -> None:
    """Every event received has one fate, and the event families add up to what the ledger says it shows."""
    fates = ("counted", "rejected", "ignored", "duplicate")
    received = scrape.value("capgo_exporter_events_received_total")
    assert received == sum(scrape.total(f"capgo_exporter_events_{fate}_total") for fate in fates)
    shown = scrape.total("capgo_events_total") + scrape.total("capgo_test_events_total")
    assert shown == scrape.value("capgo_exporter_ledger_events", state="shown")
    families = ("capgo_events_total", "capgo_test_events_total", "capgo_device_stages_total")
    counters = (*families, *health.METRICS, *health.TEST_METRICS)
    assert scrape.value("capgo_exporter_series") == sum(len(scrape.series(name)) for name in counters)
    health.assert_whole(scrape)


def post_a_mix(exporter: Exporter, version: str) -> int:
    """Post one event of each fate and another good one; how many there were."""
    repeated = event(version_name=version)
    mix = [repeated, "bad", event(action="download_fail", plugin_version="5.0.0"), repeated, event(is_prod=False)]
    mix += of_health(version_name=version)
    assert exporter.deliver(mix).status == 200
    return len(mix)


def test_the_sums_hold_in_every_scrape_under_load(exporter: Exporter) -> None:
    """Four clients post good, bad, ignored and repeated events as fast as they can, while a fifth scrapes."""
    enough, before = Flag(), exporter.scrape()

    def client(number: int) -> int:
        turns = itertools.takewhile(lambda _: not enough.is_set(), itertools.count())
        return sum(post_a_mix(exporter, f"6.{number}.{turn % 20}") for turn in turns)

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(client, number) for number in range(4)]
        try:
            scrapes = [exporter.scrape() for _ in range(60)]
        finally:
            enough.set()

    for scrape in scrapes:
        assert_sums_hold(scrape)
    received = [scrape.value("capgo_exporter_events_received_total") for scrape in [before, *scrapes]]
    assert received == sorted(received)
    assert len(set(received)) > 5, "hardly a scrape saw the load"
    posted = sum(done.result() for done in clients)
    assert received[0] + posted == exporter.scrape().value("capgo_exporter_events_received_total")


def test_batches_are_measured(exporter: Exporter) -> None:
    """Each request with events is one observation of its number of events."""
    before = exporter.scrape()
    exporter.post(events(7))
    after = exporter.scrape()

    assert before.value("capgo_exporter_batch_events_count") + 1 == after.value("capgo_exporter_batch_events_count")
    assert before.value("capgo_exporter_batch_events_sum") + 7 == after.value("capgo_exporter_batch_events_sum")
