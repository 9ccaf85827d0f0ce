"""Days of live updates as Prometheus would have stored them, with what truly happened.

Two exporters count the phones of `scenarios`, each phone always at the same one. Written in the OpenMetrics form that
`promtool tsdb create-blocks-from openmetrics` reads.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.dashboards import machinery
from tests.dashboards.phones import NATIVE, Event, Phone
from tests.dashboards.scenarios import APPS, FIRING, HOURS, App

STEP = 120
"""Seconds between two scrapes."""
INSTANCES = ("capgo-exporter-1", "capgo-exporter-2")
JOB = "capgo-exporter"
EVENTS, TEST_EVENTS = "capgo_events_total", "capgo_test_events_total"
VISITS = "capgo_visits_total"
REPORTS = ("crashes", "errors", "nothing")
LAUNCHES, PAGE_LOADS = "capgo_launch_seconds", "capgo_page_load_seconds"
STAGES = "capgo_device_stages_total"
DEVICES, ROLLOUT_DEVICES = "capgo_devices", "capgo_rollout_devices"
KINDS = {
    EVENTS: "counter",
    TEST_EVENTS: "counter",
    VISITS: "counter",
    STAGES: "counter",
    **{f"{family}_{part}": "unknown" for family in (LAUNCHES, PAGE_LOADS) for part in ("bucket", "count", "sum")},
    DEVICES: "gauge",
    ROLLOUT_DEVICES: "gauge",
}
OUTCOMES = ("set", "set_fail", "update_fail", "download_complete", "download_fail")
"""Shown at 0 as soon as a version appears."""
WINDOWS = {"1d": 24, "7d": 7 * 24, "30d": 30 * 24}
"""Hours."""
BOUNDS = {
    LAUNCHES: ("0.5", "1.0", "1.5", "2.0", "3.0", "5.0", "10.0", "30.0", "+Inf"),
    PAGE_LOADS: ("0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "+Inf"),
}
_TIMED = {"app_launch_ready": LAUNCHES, "webview_page_loaded": PAGE_LOADS}
VISITS_A_DAY = 6.0
_ORDER = ("failed", "downloading", "downloaded", "installed")
_STAGES = {"set_next": "downloaded", "download_complete": "downloaded", "set": "installed"}
_FAILURES = {"set_fail", "update_fail", "finish_download_fail"}
_OF_A_DOWNLOAD = {"download_fail", "unzip_fail", "checksum_fail"}
"""They name another bundle, or none."""


class Key(NamedTuple):
    """A series of one exporter: `label` is the one beside those that all have."""

    family: str
    app_id: str
    platform: str
    version: str
    label: str
    value: str
    instance: str


@dataclass
class History:
    """What the exporters showed at each scrape, and when each series appeared."""

    start: int
    end: int
    counts: dict[Key, list[tuple[int, float]]] = field(default_factory=dict)
    """(time, value) wherever the value changed."""
    counted: dict[str, list[int]] = field(default_factory=lambda: {instance: [] for instance in INSTANCES})
    """How many events each exporter had counted at each scrape."""

    def times(self, since: int | None = None) -> range:
        """The scrapes, in seconds since the epoch."""
        return range(self.start if since is None else since, self.end + 1, STEP)

    def count(self, since: float, value: str, *, family: str = EVENTS, **labels: str) -> int:
        """How far the counters with `value` (an action, a stage) rose after `since`: the truth for dashboards."""
        return round(
            sum(
                changes[-1][1] - next((known for at, known in reversed(changes) if at <= since), 0)
                for changes in self._of(family, value, labels)
            )
        )

    def now(self, value: str, *, family: str, **labels: str) -> int:
        """What the gauges with `value` (a stage, a window) say at the end."""
        return round(sum(changes[-1][1] for changes in self._of(family, value, labels)))

    def _of(self, family: str, value: str, labels: dict[str, str]) -> Iterator[list[tuple[int, float]]]:
        for key, changes in self.counts.items():
            alike = all(getattr(key, name) == wanted for name, wanted in labels.items())
            if alike and (key.family, key.value) == (family, value):
                yield changes

    def openmetrics(self) -> Iterator[str]:
        for family, kind in KINDS.items():
            yield f"# TYPE {family.removesuffix('_total')} {kind}"
            for key in sorted(key for key in self.counts if key.family == family):
                yield from self._samples(key)
        yield from machinery.openmetrics(self)
        yield "# TYPE ALERTS gauge"
        for alert in FIRING:
            labels = ",".join(f'{name}="{value}"' for name, value in alert.items())
            yield from (f'ALERTS{{alertstate="firing",{labels}}} 1 {at}' for at in self.times(self.end - 2 * 3600))
        yield "# EOF"

    def _samples(self, key: Key) -> Iterator[str]:
        extra = f',{key.label}="{key.value}"' if key.label else ""
        labels = (
            f'job="{JOB}",instance="{key.instance}",app_id="{key.app_id}",platform="{key.platform}",'
            f'version="{key.version}"{extra}'
        )
        changes = dict(self.counts[key])
        value = 0.0
        for at in self.times(min(changes)):
            value = changes.get(at, value)
            yield f"{key.family}{{{labels}}} {value:.10g} {at}"


class _Exporters:
    """What the exporters know after each visit; `seen` at each scrape."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._totals: defaultdict[Key, float] = defaultdict(float)
        self._changed: set[Key] = set()
        self._counted: Counter[str] = Counter()
        self._timed: defaultdict[Key, list[float]] = defaultdict(list)
        self._active: dict[Phone, dict[str, str]] = {}
        """The version under which a phone is counted as heard from, by window."""

    def know(self, phone: Phone, hours_ago: float) -> None:
        """A phone that was heard from before the history begins."""
        phone.heard = -hours_ago
        self._active[phone] = {window: phone.runs for window, hours in WINDOWS.items() if hours_ago < hours}
        for window in self._active[phone]:
            self._add(phone, DEVICES, phone.runs, "window", window)
        self._add(phone, ROLLOUT_DEVICES, phone.tried, "stage", phone.stage)

    def take(self, phone: Phone, events: Iterator[Event], hour: float, chance: random.Random) -> None:
        """Count a visit's events, and remember what the phone's last word was."""
        family = TEST_EVENTS if phone.app.test else EVENTS
        for version, action in events:
            self._add(phone, family, version, "action", action)
            self._counted[phone.instance] += 1
            if not phone.app.test:
                if version != NATIVE:
                    self._stage(phone, version, action)
                if action == "app_moved_to_foreground":
                    for reports in REPORTS:
                        self._add(phone, VISITS, version, "reports", reports, reports == phone.reports)
                elif action in _TIMED:
                    key = _key(phone, _TIMED[action], version, "", "")
                    self._timed[key].append(phone.took(action, chance))
        if not phone.app.test:
            self._hear(phone, hour)

    def age(self, hour: float) -> None:
        """Windows move by the hour."""
        for phone, active in self._active.items():
            for window in [window for window in active if hour - phone.heard > WINDOWS[window]]:
                self._add(phone, DEVICES, active.pop(window), "window", window, -1)

    def seen(self, at: int) -> None:
        """A scrape at a time in seconds."""
        for key, took in self._timed.items():
            self._observe(key, took)
        self._timed.clear()
        for key in self._changed:
            if key not in self._history.counts:
                self._appear(key, at)
            self._history.counts[key].append((at, self._totals[key]))
        self._changed.clear()
        for instance, counted in self._history.counted.items():
            counted.append(self._counted[instance])

    def _add(self, phone: Phone, family: str, version: str, label: str, value: str, number: float = 1) -> None:
        self._rise(_key(phone, family, version, label, value), number)

    def _rise(self, key: Key, number: float) -> None:
        self._totals[key] += number
        self._changed.add(key)

    def _observe(self, key: Key, took: list[float]) -> None:
        for bound in BOUNDS[key.family]:
            bucket = key._replace(family=f"{key.family}_bucket", label="le", value=bound)
            self._rise(bucket, sum(seconds <= float(bound) for seconds in took))
        self._rise(key._replace(family=f"{key.family}_count"), len(took))
        self._rise(key._replace(family=f"{key.family}_sum"), round(sum(took), 3))

    def _hear(self, phone: Phone, hour: float) -> None:
        phone.heard = hour
        active = self._active[phone]
        for window in WINDOWS:
            if active.get(window) != phone.runs:
                if window in active:
                    self._add(phone, DEVICES, active[window], "window", window, -1)
                self._add(phone, DEVICES, phone.runs, "window", window)
                active[window] = phone.runs

    def _stage(self, phone: Phone, version: str, action: str) -> None:
        """A phone's newest attempt: one version, and how far it got; a rollback's `set` is no attempt."""
        if action in _OF_A_DOWNLOAD:
            if phone.stage == "downloading":
                self._move(phone, phone.tried, "failed")
        elif action in _FAILURES:
            self._move(phone, version, "failed")
        elif action in _STAGES or (action.startswith("download_") and not action.endswith("_fail")):
            stage = _STAGES.get(action, "downloading")
            if version != phone.tried:
                if not (action == "set" and phone.stage == "failed"):
                    self._move(phone, version, stage)
            elif _ORDER.index(stage) > _ORDER.index(phone.stage):
                self._move(phone, version, stage)

    def _move(self, phone: Phone, version: str, stage: str) -> None:
        self._add(phone, ROLLOUT_DEVICES, phone.tried, "stage", phone.stage, -1)
        self._add(phone, ROLLOUT_DEVICES, version, "stage", stage)
        if phone.tried != version:
            phone.reached = set()
        phone.tried, phone.stage = version, stage
        if stage not in phone.reached:
            phone.reached.add(stage)
            self._add(phone, STAGES, version, "stage", stage)

    def _appear(self, key: Key, at: int) -> None:
        """A counter is seen at 0 before it counts, and the outcomes of a version come together."""
        before = max(at - 2 * STEP, self._history.start)
        self._history.counts[key] = [] if KINDS[key.family] == "gauge" else [(before, 0)]
        if key.label == "action":
            for action in OUTCOMES:
                self._history.counts.setdefault(key._replace(value=action), [(before, 0)])


def _key(phone: Phone, family: str, version: str, label: str, value: str) -> Key:
    return Key(family, phone.app.app_id, phone.platform, version, label, value, phone.instance)


def write_history(end: int) -> History:
    """The history up to `end` (seconds since the epoch); the same for the same end."""
    end -= end % STEP
    history = History(end - HOURS * 3600, end)
    exporters = _Exporters(history)
    fleets = [(_phones(app, platform, chance), chance) for app, platform, chance in _fleets()]
    for phone, chance in ((phone, chance) for phones, chance in fleets for phone in phones if not phone.app.test):
        exporters.know(phone, chance.expovariate(1 / 16))
    for at in history.times():
        hour = (at - history.start) / 3600
        if (at - history.start) % 3600 == 0:
            exporters.age(hour)
        for phones, chance in fleets:
            for phone in _visitors(phones, hour, chance):
                exporters.take(phone, phone.visit(hour, chance), hour, chance)
        exporters.seen(at)
    return history


def _fleets() -> Iterator[tuple[App, str, random.Random]]:
    """Each has a chance of its own, so that no app changes what happens to another."""
    for app in APPS:
        for platform in app.phones:
            yield app, platform, random.Random(f"{app.app_id} {app.test} {platform}")


def _phones(app: App, platform: str, chance: random.Random) -> list[Phone]:
    """Those of the shop are shared by both exporters, all others have one that is theirs."""
    instances = INSTANCES if app.app_id == APPS[0].app_id else INSTANCES[1:]
    return [Phone(app, platform, chance.choice(instances), chance) for _ in range(app.phones[platform])]


def _visitors(phones: list[Phone], hour: float, chance: random.Random) -> list[Phone]:
    daylight = 1.2 if hour % 24 > 6 else 0.4
    return chance.choices(phones, k=_poisson(len(phones) * VISITS_A_DAY * daylight * STEP / 86400, chance))


def _poisson(mean: float, chance: random.Random) -> int:
    number, left = 0, chance.expovariate(1)
    while left < mean:
        number, left = number + 1, left + chance.expovariate(1)
    return number
