"""Two exporters behind a load balancer that keeps a device on one of them: Prometheus adds them up."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tests.dashboards import grafana
from tests.dashboards.conftest import answer, label_values
from tests.support.bodies import Event, event
from tests.support.harness import Exporter, wait_until
from tests.support.monitoring import ROOT, Prometheus, Sample

JOB = "capgo-exporter"
RULES = ROOT / "dashboards/prometheus/capgo.recording.rules.yml"
AFTER_THOSE_TESTED = "app_platform_version:capgo_updates_failed:surely1h"
LABELS = ("app_id", "action", "platform", "version")
APP, VERSION = "com.example.shop", "1.2.3"
MOST = 1.2
"""`increase` extends a series of some ten seconds by up to a scrape interval; one exporter's part is far below 1."""

Totals = Mapping[tuple[str, ...], float]


class Balancer:
    """Sends all posts of a device to the same exporter, and knows what was acknowledged."""

    def __init__(self, exporters: Sequence[Exporter]) -> None:
        self.exporters = exporters
        self.counted = Counter[tuple[str, ...]]()

    def exporter_of(self, device: str) -> Exporter:
        return self.exporters[zlib.crc32(device.encode()) % len(self.exporters)]

    def post(self, events: Sequence[Event]) -> None:
        """Events of one device that were never acknowledged before."""
        self.post_again(events)
        self.counted.update((each["app_id"], each["action"], each["platform"], each["version_name"]) for each in events)

    def post_again(self, events: Sequence[Event]) -> None:
        """A retry: the device did not hear of the acknowledgement."""
        reply = self.exporter_of(events[0]["device_id"]).post(events)
        assert reply.status == 200, reply.body


class Scaled(NamedTuple):
    """Two exporters that have counted, one of them in two lives."""

    prometheus: Prometheus
    balancer: Balancer
    sent: Sequence[Totals]
    """By label values, before the crash and at the end."""
    found: Sequence[Totals]

    def expected(self, *labels: str, **wanted: str | set[str]) -> dict[tuple[str, ...], float]:
        """Sums of all that was sent, by labels, of those events whose labels are, or are among, the wanted ones."""
        sums = Counter[tuple[str, ...]]()
        for key, number in self.balancer.counted.items():
            have = dict(zip(LABELS, key, strict=True))
            if all(have[name] in ({value} if isinstance(value, str) else value) for name, value in wanted.items()):
                sums[tuple(have[label] for label in labels)] += number
        return dict(sums)


def launches(device: int) -> list[Event]:
    """What one start of an app on a device sends."""
    about = {
        "device_id": f"6b1f0c5e-4f6e-4b47-9a52-{device:012d}",
        "app_id": (APP, "com.example.notes")[device % 2],
        "platform": ("android", "ios")[device % 3 % 2],
        "version_name": (VERSION, "1.2.4")[device % 5 % 2],
    }
    actions = ["app_moved_to_foreground", "download_complete", "set_fail" if device % 4 == 0 else "set"]
    return [event(action=action, **about) for action in actions]


def totals(prometheus: Prometheus) -> Totals:
    """What the whole fleet did, once nothing is held back any longer."""

    def all_shown() -> bool:
        return prometheus.value('sum(capgo_exporter_ledger_events{state="held"})') == 0

    prometheus.wait_scraped(JOB)
    wait_until(all_shown, "every series is released")
    samples = prometheus.query(f"sum by ({', '.join(LABELS)}) (capgo_events_total)")
    return {tuple(each.labels[name] for name in LABELS): each.value for each in samples if each.value}


def wait_evaluated(prometheus: Prometheus) -> None:
    """Return when the rules have seen what has been scraped by now."""
    now = prometheus.value("vector(time())")

    def evaluated() -> bool:
        evaluations = prometheus.query(f"timestamp({AFTER_THOSE_TESTED})")
        return bool(evaluations) and min(each.value for each in evaluations) > now

    wait_until(evaluated, "the recording rules are evaluated")


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaled]:
    directory = tmp_path_factory.mktemp("two")
    with ExitStack() as stack:
        exporters = [stack.enter_context(Exporter(directory / name, zero_hold="1100ms")) for name in ("one", "other")]
        addresses = [exporter.metrics_address for exporter in exporters]
        prometheus = stack.enter_context(
            Prometheus(directory / "prometheus", {JOB: addresses}, interval="500ms", rules=[RULES])
        )
        balancer = Balancer(exporters)
        first = [launches(device) for device in range(120)]
        for events in first:
            balancer.post(events)
        found, sent = [totals(prometheus)], [dict(balancer.counted)]

        exporters[0].kill()
        kept = []
        for events in [launches(device) for device in range(120)]:
            if balancer.exporter_of(events[0]["device_id"]) is exporters[0]:
                kept.append(events)
            else:
                balancer.post(events)
        exporters[0].restart()
        for events in kept:
            balancer.post(events)
        for events in first:
            balancer.post_again(events)
        found, sent = [*found, totals(prometheus)], [*sent, dict(balancer.counted)]
        wait_evaluated(prometheus)
        yield Scaled(prometheus, balancer, sent, found)


def test_each_exporter_counts_a_part_of_the_fleet(scaled: Scaled) -> None:
    """About half, so that what one exporter says is never taken for the whole."""
    parts = scaled.prometheus.query("sum by (instance) (capgo_events_total)")
    whole = sum(scaled.balancer.counted.values())
    assert len(parts) == 2
    assert all(0.3 * whole < part.value < 0.7 * whole for part in parts)


def test_totals_are_right_over_a_crash_and_retries(scaled: Scaled) -> None:
    """Also after one of them was killed; what was acknowledged before is sent again, and none of it counts twice."""
    assert scaled.found == scaled.sent


def assert_all_but_extrapolation(samples: Sequence[Sample], labels: Sequence[str], expected: Totals) -> None:
    """`increase` never says less than what was sent, and not much more."""
    found = {tuple(each.labels[name] for name in labels): each.value for each in samples if each.value}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert value * 0.999 < found[key] < value * MOST, key


@pytest.mark.parametrize(
    ("record", "actions"), [("attempts", {"set", "set_fail"}), ("failures", {"set_fail", "update_fail"})]
)
def test_recording_rules_give_the_number_of_the_whole_fleet(scaled: Scaled, record: str, actions: set[str]) -> None:
    """On which the alert rules rest."""
    labels = ("app_id", "platform", "version")
    samples = scaled.prometheus.query(f"app_platform_version:capgo_update_{record}:increase1h")
    assert_all_but_extrapolation(samples, labels, scaled.expected(*labels, action=actions))


@pytest.mark.parametrize(
    ("dashboard", "panel", "column", "labels", "wanted"),
    [
        ("overview", "Versions", "Attempts", ("app_id", "version", "platform"), {"action": {"set", "set_fail"}}),
        (
            "rollout",
            "What failed, and where",
            "Events",
            ("platform", "action"),
            {"app_id": APP, "version": VERSION, "action": {"set_fail"}},
        ),
    ],
)
def test_dashboards_show_the_whole_fleet(
    scaled: Scaled,
    dashboard: str,
    panel: str,
    column: str,
    labels: tuple[str, ...],
    wanted: dict[str, str | set[str]],
) -> None:
    """Their own queries, as they are shipped, with all instances chosen."""
    prometheus = scaled.prometheus
    end = prometheus.value(f'max(timestamp(up{{job="{JOB}"}}))')

    def values(selector: str, label: str) -> list[str]:
        return label_values(prometheus, selector, label, end - 3600, end)

    chosen = {"app_id": APP, "version": VERSION} if dashboard == "rollout" else {}
    view = grafana.View(grafana.load()[f"live-updates-{dashboard}"], end - 3600, end, values, 1, chosen)
    (shown,) = (each for each in grafana.panels(view.dashboard) if each["title"] == panel)
    names = shown["transformations"][-1]["options"]["renameByName"]
    (target,) = (each for each in shown["targets"] if names[f"Value #{each['refId']}"] == column)
    samples = [each for each in answer(prometheus, view, view.ask(shown, target)) if isinstance(each, Sample)]
    assert_all_but_extrapolation(samples, labels, scaled.expected(*labels, **wanted))
