"""Phones that update themselves, well or badly, each with what is to be remembered of it."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.support.bodies import Event, event
from tests.support.harness import Scrape

WINDOWS = ("1d", "7d", "30d")

Key = tuple[str, ...]
"""app_id, platform, version; and a stage, where there is one."""


_VISITS = (
    ("app_moved_to_foreground",),
    ("app_crash",),
    ("app_launch_ready", "webview_page_loaded", "app_moved_to_foreground"),
)
"""What a phone tells when it updates nothing."""
_TIMED = {"app_launch_ready", "webview_page_loaded"}


class Step(NamedTuple):
    """One event: its action, the version that it names, and the stage that the version it tries is at after it.

    `None` if it does not tell of that.
    """

    action: str
    version: str | None
    stage: str | None = None


class Updater:
    """A phone: what happens to it is chance, what it tries is the version that it is offered."""

    def __init__(self, app_id: str, device_id: str, chance: random.Random) -> None:
        self._app_id = app_id
        self._device_id = device_id
        self._chance = chance
        self._ahead: deque[Step] = deque()
        self._offered = ""
        self.heard = False
        self.runs = "unknown"
        self.tried = ""
        self.stage = ""
        self._reached: set[str] = set()
        self.entered: Counter[tuple[str, str]] = Counter()
        """How often it entered a stage of a version."""

    def next_event(self, version: str) -> Event:
        """What it tells next; `version` is what it is offered."""
        if not self._ahead:
            self._ahead.extend(self._plan(version))
        step = self._ahead.popleft()
        self._note(step)
        taken = {"duration_ms": str(self._chance.randrange(100, 40_000))} if step.action in _TIMED else None
        return event(
            app_id=self._app_id,
            device_id=self._device_id,
            action=step.action,
            version_name=step.version,
            metadata=taken,
        )

    def _plan(self, version: str) -> Iterable[Step]:
        runs = self.runs if self.runs != "unknown" else "1.0.0"
        if self._chance.random() < 0.3 or runs == version:
            return [Step(action, runs) for action in self._chance.choice(_VISITS)]
        self._offered = version
        begun = [Step("download_zip_start", version, "downloading")]
        downloaded = [*begun, Step("download_complete", version, "downloaded")]
        installed = [*downloaded, Step("set", version, "installed")]
        plans = (
            (70, installed),
            (10, [*installed, Step("update_fail", version, "failed"), Step("set", runs), Step("delete", version)]),
            (10, [*downloaded, Step("set_fail", version, "failed")]),
            (10, [*begun, Step("download_fail", None, "failed")]),
        )
        return self._chance.choices([plan for _, plan in plans], [weight for weight, _ in plans])[0]

    def _note(self, step: Step) -> None:
        self.heard = True
        if step.action == "set" or any(step.action in visit for visit in _VISITS):
            self.runs = str(step.version)
        if step.stage is None or self._keeps(step.stage):
            return
        if self.tried != self._offered:
            self._reached.clear()
        self.tried, self.stage = self._offered, step.stage
        if step.stage not in self._reached:
            self._reached.add(step.stage)
            self.entered[self.tried, step.stage] += 1

    def _keeps(self, stage: str) -> bool:
        """Whether it stays where it is: a second download of a version that is there already takes nothing back."""
        past = {"downloading": ("downloaded", "installed"), "downloaded": ("installed",)}
        return self.tried == self._offered and self.stage in past.get(stage, ())


def remembered(phones: Iterable[Updater], app_id: str) -> dict[str, Any]:
    """What is to be remembered of phones, in the form of the simulator's report."""
    heard = [phone for phone in phones if phone.heard]
    running = Counter(phone.runs for phone in heard)
    trying = Counter((phone.tried, phone.stage) for phone in heard if phone.tried)
    stages = sum((phone.entered for phone in heard), Counter[tuple[str, str]]())
    labels = {"app_id": app_id, "platform": "android"}
    return {
        "running": [{**labels, "version": version, "devices": number} for version, number in running.items()],
        "trying": [{**labels, "version": v, "stage": s, "devices": number} for (v, s), number in trying.items()],
        "stages": [{**labels, "version": v, "stage": s, "devices": number} for (v, s), number in stages.items()],
        "doubtful": 0,
    }


def key(labels: Mapping[str, Any]) -> Key:
    """By which samples and rows are compared."""
    return tuple(labels[name] for name in ("app_id", "platform", "version", "stage") if name in labels)


def shown(scrape: Scrape, name: str, **labels: str) -> Counter[Key]:
    """The samples of a family that are above 0."""
    return +Counter({key(dict(have)): int(value) for have, value in scrape.series(name, **labels).items()})


def accounted(memories: Iterable[dict[str, Any]], table: str) -> Counter[Key]:
    """The sum of a table over several accounts."""
    found: Counter[Key] = Counter()
    for memory in memories:
        for row in memory[table]:
            found[key(row)] += row["devices"]
    return found


def remembers(scrape: Scrape, memories: list[dict[str, Any]]) -> bool:
    """Whether each gauge and counter equals the accounts."""
    try:
        assert_remembers(scrape, memories)
    except AssertionError:
        return False
    return True


def assert_remembers(scrape: Scrape, memories: list[dict[str, Any]], **labels: str) -> None:
    """Each gauge and counter equals the accounts; of an app, or of all."""
    assert [memory["doubtful"] for memory in memories] == [0] * len(memories)
    running = accounted(memories, "running")
    for window in WINDOWS:
        assert shown(scrape, "capgo_devices", window=window, **labels) == running
    assert shown(scrape, "capgo_rollout_devices", **labels) == accounted(memories, "trying")
    assert shown(scrape, "capgo_device_stages_total", **labels) == accounted(memories, "stages")
