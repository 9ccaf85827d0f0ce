"""The exporters' own metrics of a history, made of what each of them counted: a healthy pair.

Nothing here contradicts anything else: received is the sum of its parts, and where no budget is full nothing is folded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tests.dashboards.history import History

_JOB: Final = "capgo-exporter"
_STRANGER: Final = 'job="node",instance="database:9100"'
"""A target of the same Prometheus that is no exporter of ours."""


class Moment(NamedTuple):
    """An exporter at a scrape."""

    at: int
    hours: float
    """Since the history began."""
    counted: int
    number: int
    """Which of the exporters."""


_Value = Callable[[Moment], float]


def _part(share: float) -> _Value:
    """So large a part of what was counted."""
    return lambda moment: int(moment.counted * share)


def _steady(*values: float) -> _Value:
    """Always the same; each exporter has its own."""
    return lambda moment: values[moment.number % len(values)]


_BECAME: Final = {
    "duplicate": {"": 0.03},
    "rejected": {'reason="missing_app_id"': 0.0006, 'reason="invalid_app_id"': 0.0003, 'reason="missing_action"': 0.0},
    "ignored": {'reason="legacy_download_fail"': 0.003},
}
"""What became of the other events, for each that was counted."""
_REQUESTS: Final = {'code="200"': 0.23, 'code="400"': 0.0003, 'code="429"': 0.0001}
_REFUSED: Final = {
    'reason="overloaded"': 0.0001,
    'reason="invalid_json_parse_body"': 0.0003,
    'reason="body_too_large"': 0.0,
}
_COUNTERS: Final[Mapping[str, Mapping[str, float]]] = {
    "events_counted": {"": 1},
    **{f"events_{name}": shares for name, shares in _BECAME.items()},
    "events_folded": {'label="version"': 0, 'label="app_id"': 0},
    "requests": _REQUESTS,
    "requests_refused": _REFUSED,
    "commit_errors": {"": 0},
    "devices_dropped": {"": 0},
    "durations_dropped": {'reason="malformed"': 0.00001, 'reason="zero"': 0.00001, 'reason="too_long"': 0.0005},
    "event_log_dropped": {"": 0},
    "event_store_events": {'result="sent"': 0.02, 'result="dropped"': 0},
    "event_store_batches": {'code="204"': 0.004, 'code="503"': 0.0001},
    "event_store_dropped": {'reason="buffer_full"': 0, 'reason="refused"': 0, 'reason="given_up"': 0},
}
_LATENCIES: Final = {"0.001": 0.4, "0.0025": 0.8, "0.005": 0.93, "0.01": 0.985, "0.025": 0.998, "0.1": 1, "+Inf": 1}
_BATCHES: Final = {"1": 0.2, "2": 0.4, "5": 0.7, "10": 0.9, "20": 0.97, "50": 1, "+Inf": 1}
_HISTOGRAMS: Final = {
    "batch_events": (_BATCHES, 4.4),
    "request_seconds": (_LATENCIES, 0.002),
    "commit_seconds": (_LATENCIES, 0.001),
}
_GAUGES: Final[Mapping[str, Mapping[str, _Value]]] = {
    "ready": {"": _steady(1)},
    "build_info": {'version="0.1.0"': _steady(1)},
    "series": {"": _steady(420, 640)},
    "series_limit": {"": _steady(100_000)},
    "devices": {"": _steady(11_000)},
    "devices_limit": {"": _steady(1_000_000)},
    "label_values": {'label="app_id"': _steady(1, 4), 'label="version"': _steady(4)},
    "label_limit": {'label="app_id"': _steady(20), 'label="version"': _steady(100)},
    "label_demand": {'label="app_id"': _steady(1, 4), 'label="version"': _steady(4, 13)},
    "ledger_events": {
        'state="shown"': lambda moment: 150_000 + moment.counted,
        'state="held"': _steady(0),
        'state="dormant"': _steady(21_300, 18_700),
        'state="forgotten"': _steady(0),
    },
    "dedup_span_seconds": {"": _steady(86_400, 79_200)},
    "event_store_buffered_bytes": {"": _steady(21_000, 34_000)},
    "ledger_bytes": {"": lambda moment: 4e6 + 40 * moment.counted},
}
_PROCESS: Final[Mapping[str, tuple[str, _Value]]] = {
    "process_cpu_seconds_total": ("counter", lambda moment: moment.counted * 0.004 + 60 * moment.hours),
    "process_start_time_seconds": (
        "gauge",
        lambda moment: moment.at - moment.hours * 3600 - 7200 - 600 * moment.number,
    ),
    "process_resident_memory_bytes": ("gauge", _steady(95e6, 102e6)),
    "process_open_fds": ("gauge", _steady(64, 81)),
    "process_max_fds": ("gauge", _steady(4096)),
    "up": ("gauge", _steady(1)),
    "scrape_duration_seconds": ("gauge", _steady(0.012, 0.017)),
}


def openmetrics(history: History) -> Iterator[str]:
    for kind, name, series in _families(history):
        yield f"# TYPE {name.removesuffix('_total')} {kind}"
        for suffix, labels, value in series:
            yield from _samples(history, name + suffix, labels, value)
    yield from _first_seen(history)


_Family = tuple[str, str, list[tuple[str, str, _Value]]]
"""Kind, name, and its series: suffix of the name, labels, value."""


def _families(history: History) -> Iterator[_Family]:
    for name, shares in _COUNTERS.items():
        series = [("_total", labels, _part(share)) for labels, share in shares.items()]
        yield "counter", f"capgo_exporter_{name}", series
    yield "counter", "capgo_exporter_events_received", [("_total", "", _received)]
    for name, (buckets, mean) in _HISTOGRAMS.items():
        yield "histogram", f"capgo_exporter_{name}", list(_histogram(buckets, mean))
    for name, values in _GAUGES.items():
        yield "gauge", f"capgo_exporter_{name}", [("", labels, value) for labels, value in values.items()]
    apps = sorted({key.app_id for key in history.counts})
    newest: list[tuple[str, str, _Value]] = [
        ("", f'app_id="{app_id}"', lambda moment, ago=ago: moment.at - ago)  # type: ignore[misc]
        for ago, app_id in enumerate(apps, start=20)
    ]
    yield "gauge", "capgo_exporter_last_event_timestamp_seconds", newest
    for name, (kind, value) in _PROCESS.items():
        yield kind, name, [("", "", value)]


def _received(moment: Moment) -> float:
    others = (share for shares in _BECAME.values() for share in shares.values())
    return moment.counted + sum(_part(share)(moment) for share in others)


def _histogram(buckets: Mapping[str, float], mean: float) -> Iterator[tuple[str, str, _Value]]:
    """`buckets`: upper bound → share of the observations that is at most so large."""
    posts = _REQUESTS['code="200"']
    for bound, share in buckets.items():
        yield "_bucket", f'le="{bound}"', _part(posts * share)
    yield "_count", "", _part(posts)
    yield "_sum", "", lambda moment: moment.counted * posts * mean


def _samples(history: History, name: str, labels: str, value: _Value) -> Iterator[str]:
    for number, (instance, counted) in enumerate(history.counted.items()):
        given = ",".join(part for part in (f'job="{_JOB}",instance="{instance}"', labels) if part)
        for index, at in enumerate(history.times()):
            moment = Moment(at, (at - history.start) / 3600, counted[index], number)
            yield f"{name}{{{given}}} {value(moment):.12g} {at}"
    if not name.startswith("capgo_"):
        for at in history.times():
            yield f"{name}{{{_STRANGER}}} {value(Moment(at, (at - history.start) / 3600, 0, 0)):.12g} {at}"


def _first_seen(history: History) -> Iterator[str]:
    yield "# TYPE capgo_version_first_seen_timestamp_seconds gauge"
    firsts: dict[tuple[str, str, str, str], int] = {}
    for key, changes in history.counts.items():
        if key.family == "capgo_events_total":
            born = key.app_id, key.platform, key.version, key.instance
            firsts[born] = min(firsts.get(born, history.end), changes[0][0])
    for (app_id, platform, version, instance), first in sorted(firsts.items()):
        labels = f'job="{_JOB}",instance="{instance}",app_id="{app_id}",platform="{platform}",version="{version}"'
        for at in history.times(first):
            yield f"capgo_version_first_seen_timestamp_seconds{{{labels}}} {first} {at}"
