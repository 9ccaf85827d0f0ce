"""The exporters' own metrics of a history: a quiet machine with a few of every kind of trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.dashboards.history import History

_Value = Callable[[float], float]
"""The value of a metric, `hours` after the start of the history."""

_JOB = "capgo-exporter"
_STEP = 60
_RELEASE = "0.1.0"


def _counter(rate: float) -> _Value:
    return lambda hours: rate * hours


def _gauge(value: float) -> _Value:
    return lambda hours: value


def _histogram(rate: float, shares: dict[str, float], mean: float) -> Iterator[tuple[str, str, _Value]]:
    """`shares`: upper bound → share of the observations that is at most so large."""
    for bound, part in shares.items():
        yield "_bucket", f'le="{bound}"', _counter(rate * part)
    yield "_count", "", _counter(rate)
    yield "_sum", "", lambda hours: rate * hours * mean


_LATENCIES = {"0.001": 0.4, "0.0025": 0.8, "0.005": 0.93, "0.01": 0.985, "0.025": 0.998, "0.1": 1.0, "+Inf": 1.0}
_BATCHES = {"1": 0.2, "2": 0.4, "5": 0.7, "10": 0.9, "20": 0.97, "50": 1.0, "+Inf": 1.0}

_COUNTERS: dict[str, dict[str, float]] = {
    "events_received": {"": 3103},
    "events_counted": {"": 3000},
    "events_duplicate": {"": 90},
    "events_rejected": {'reason="missing_app_id"': 2, 'reason="invalid_app_id"': 1, 'reason="missing_action"': 0},
    "events_ignored": {'reason="legacy_download_fail"': 10},
    "events_folded": {'label="version"': 4, 'label="app_id"': 0},
    "requests": {'code="200"': 700, 'code="400"': 3, 'code="429"': 2},
    "requests_refused": {'reason="overloaded"': 2, 'reason="invalid_json_parse_body"': 3, 'reason="body_too_large"': 0},
    "commit_errors": {"": 0},
    "event_log_dropped": {"": 0},
    "event_store_events": {'result="sent"': 60, 'result="dropped"': 0},
    "event_store_batches": {'code="204"': 50, 'code="503"': 1},
    "event_store_dropped": {'reason="buffer_full"': 0, 'reason="refused"': 0, 'reason="given_up"': 0},
}
_GAUGES: dict[str, dict[str, float]] = {
    "ready": {"": 1},
    "build_info": {f'version="{_RELEASE}"': 1},
    "series": {"": 420},
    "series_limit": {"": 100000},
    "label_values": {'label="app_id"': 2, 'label="version"': 7},
    "label_limit": {'label="app_id"': 20, 'label="version"': 100},
    "label_demand": {'label="app_id"': 2, 'label="version"': 8},
    "ledger_events": {'state="shown"': 151000, 'state="held"': 12, 'state="dormant"': 800, 'state="forgotten"': 0},
    "dedup_span_seconds": {"": 86400},
    "event_store_buffered_bytes": {"": 21000},
}
_HISTOGRAMS = {
    "batch_events": (_BATCHES, 4.4),
    "request_seconds": (_LATENCIES, 0.002),
    "commit_seconds": (_LATENCIES, 0.001),
}
_PROCESS = {
    "process_resident_memory_bytes": 95e6,
    "process_open_fds": 64,
    "process_max_fds": 4096,
    "up": 1,
    "scrape_duration_seconds": 0.012,
}


_STRANGER = 'job="node",instance="database:9100"'
"""A target of the same Prometheus that is no exporter of ours."""


def openmetrics(history: History) -> Iterator[str]:
    for kind, name, series in _families(history):
        yield f"# TYPE {name} {kind}"
        for suffix, labels, value in series:
            yield from _samples(history, name + suffix, labels, value)
    yield from _first_seen(history)


_Family = tuple[str, str, list[tuple[str, str, _Value]]]
"""Kind, name, and its series: suffix of the name, labels, value."""


def _families(history: History) -> Iterator[_Family]:
    for name, rates in _COUNTERS.items():
        yield (
            "counter",
            f"capgo_exporter_{name}",
            [("_total", labels, _counter(rate)) for labels, rate in rates.items()],
        )
    for name, values in _GAUGES.items():
        yield "gauge", f"capgo_exporter_{name}", [("", labels, _gauge(value)) for labels, value in values.items()]
    for name, (shares, mean) in _HISTOGRAMS.items():
        yield "histogram", f"capgo_exporter_{name}", list(_histogram(700, shares, mean))
    yield "gauge", "capgo_exporter_ledger_bytes", [("", "", lambda hours: 4e6 + 1e5 * hours)]

    def last_event(hours: float) -> float:
        return history.start + hours * 3600 - 20

    apps: list[tuple[str, str, _Value]] = [
        ("", f'app_id="{app_id}"', last_event) for app_id in sorted({key.app_id for key in history.counts})
    ]
    yield "gauge", "capgo_exporter_last_event_timestamp_seconds", apps
    yield "counter", "process_cpu_seconds", [("_total", "", _counter(140))]
    yield "gauge", "process_start_time_seconds", [("", "", _gauge(history.start - 7200))]
    for name, value in _PROCESS.items():
        yield "gauge", name, [("", "", _gauge(value))]


def _samples(history: History, name: str, labels: str, value: _Value) -> Iterator[str]:
    for instance in sorted({key.instance for key in history.counts}):
        given = ",".join(part for part in (f'job="{_JOB}",instance="{instance}"', labels) if part)
        yield from _line(history, f"{name}{{{given}}}", value)
    if not name.startswith("capgo_"):
        yield from _line(history, f"{name}{{{_STRANGER}}}", value)


def _line(history: History, series: str, value: _Value) -> Iterator[str]:
    for at in range(history.start, history.end + 1, _STEP):
        yield f"{series} {value((at - history.start) / 3600):.10g} {at}"


def _first_seen(history: History) -> Iterator[str]:
    yield "# TYPE capgo_version_first_seen_timestamp_seconds gauge"
    firsts: dict[tuple[str, str, str, str], int] = {}
    for key, changes in history.counts.items():
        if key.family == "capgo_events_total":
            born = key.app_id, key.platform, key.version, key.instance
            firsts[born] = min(firsts.get(born, history.end), changes[0][0])
    for (app_id, platform, version, instance), first in sorted(firsts.items()):
        labels = f'job="{_JOB}",instance="{instance}",app_id="{app_id}",platform="{platform}",version="{version}"'
        for at in range(first, history.end + 1, _STEP):
            yield f"capgo_version_first_seen_timestamp_seconds{{{labels}}} {first} {at}"
