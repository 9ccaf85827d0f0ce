"""The proof of the promise: over crashes, lost replies, cut posts and retries, every event is counted exactly once.

The short form is part of every test run; `SOAK=1` makes it a hundred crashes and more.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support import health
from tests.support.fleet import EXACT_APP, Fleet, Phones
from tests.support.harness import Exporter, Program, Scrape, free_port, request, wait_until
from tests.support.monitoring import PROMETHEUS_2, PROMETHEUS_3, ROOT, Prometheus
from tests.support.proxy import Faults, Proxy
from tests.support.updates import accounted, assert_remembers
from tests.support.updates import key as label_values
from tests.system.test_metrics import assert_sums_hold

CRASHES = 120 if os.environ.get("SOAK") else 12
CRASHES_A_VERSION = max(4, CRASHES // 10)
"""So often a new version is rolled out, whose series are born in the middle of it all; an app may have 20 an hour."""
FAULTS = Faults(lose_reply=0.1, cut_body=0.05, delay=0.05)
INTERVALS = {PROMETHEUS_2: 0.5, PROMETHEUS_3: 1.0}
HOLD = 10
"""Seconds for which a new series is held: time for both Prometheus servers to see it, though we are often away."""
SETTLE_SECONDS = 60.0
pytestmark = [pytest.mark.timeout(30 * CRASHES)]
EVENTS = "capgo_events_total"

Row = dict[str, Any]
Key = tuple[str, str, str, str]
"""app_id, action, platform, version."""


class Naive(Program):
    """What one would write first, with `prometheus_client.Counter`."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        super().__init__([sys.executable, str(ROOT / "tests/system/naive.py"), str(self.port)], directory)

    def is_ready(self) -> bool:
        try:
            return request(self.port, "GET", "/metrics").status == 200
        except OSError:
            return False


@dataclass
class Storm:
    """What was posted while the server crashed again and again."""

    exact: dict[Key, int] = field(default_factory=dict)
    """Acknowledged events of the phones that never give up."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What is to be remembered of these."""
    fleet: list[Row] = field(default_factory=list)
    """The rows of the simulated fleets."""
    exact_health: health.Numbers = field(default_factory=health.Numbers)
    fleet_health: list[Row] = field(default_factory=list)
    """The same of visits and durations."""
    faults: dict[str, int] = field(default_factory=dict)
    began: float = field(default_factory=time.time)


def key(labels: dict[str, str] | Row) -> Key:
    return labels["app_id"], labels["action"], labels["platform"], labels.get("version", "")


def storm(server: Program, port: int, scrapers: list[Prometheus], crashes: int, directory: Path) -> Storm:
    """Kill the server so often at random moments, while fleets and phones post to it through a bad network."""
    result, chance = Storm(), random.Random(42)
    with Proxy(port, FAULTS) as proxy, ExitStack() as stack:
        fleets: list[Fleet] = []
        with Phones(proxy.port, seed=1) as phones:
            for crash in range(crashes):
                if crash % CRASHES_A_VERSION == 0:
                    phones.version = f"2.0.{crash}"
                    seed, version = str(crash + 1), f"1.3.{crash}"
                    options = {
                        "devices": "100",
                        "rate": "50",
                        "seed": seed,
                        "to_version": version,
                        "duration": f"{CRASHES_A_VERSION}s",
                    }
                    fleets.append(stack.enter_context(Fleet(directory / seed, proxy.port, **options)))
                if crash % 2:
                    time.sleep(chance.random())
                else:
                    for prometheus in scrapers:
                        prometheus.wait_scraped("capgo")
                server.kill()
                server.start()
        result.fleet = [row for fleet in fleets for row in fleet.account()]
        result.fleet_health = [row for fleet in fleets for row in fleet.health()]
        result.exact_health = health.told(phones.acknowledged)
        result.exact = {
            (EXACT_APP, action, "android", version): count for (action, version), count in phones.sent.items()
        }
        result.memory = phones.memory
        result.faults = dict(proxy.counts)
    return result


def prometheus_of(directory: Path, address: str, binary: Path) -> Prometheus:
    return Prometheus(directory, {"capgo": address}, binary=binary, interval=f"{INTERVALS[binary] * 1000:g}ms")


class Proof(NamedTuple):
    """An exporter after the storm, all of its series released and seen by both Prometheus servers."""

    storm: Storm
    scrape: Scrape
    counted: dict[Key, float]
    health: health.Numbers
    scrapers: dict[Path, Prometheus]


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """One storm, at which the tests below look from several sides."""
    directory = tmp_path_factory.mktemp("promise")
    with Exporter(directory / "exporter", zero_hold=f"{HOLD}s") as exporter, ExitStack() as stack:
        scrapers = {
            binary: stack.enter_context(prometheus_of(directory / str(interval), exporter.metrics_address, binary))
            for binary, interval in INTERVALS.items()
        }
        result = storm(exporter, exporter.port, list(scrapers.values()), CRASHES, directory)
        wait_until(
            lambda: exporter.scrape().value("capgo_exporter_ledger_events", state="held") == 0,
            "all series are released",
            SETTLE_SECONDS,
        )
        for prometheus in scrapers.values():
            prometheus.wait_scraped("capgo")
        scrape = exporter.scrape()
        assert_sums_hold(scrape)
        health.assert_whole(scrape)
        counted = {key(dict(have)): value for have, value in scrape.series(EVENTS).items()}
        yield Proof(result, scrape, counted, health.shown(scrape), scrapers)


def test_the_storm_was_one(proof: Proof) -> None:
    """Posts went through, and every fault happened."""
    assert proof.storm.faults["passed"] > 20 * CRASHES
    assert {"lose_reply", "cut_body", "delay", "unreachable"} <= set(proof.storm.faults)
    assert sum(proof.storm.exact.values()) > 20 * CRASHES
    print(f"\n{CRASHES} crashes; posts: {proof.storm.faults}")


def test_the_ledger_is_exactly_what_the_phones_sent(proof: Proof) -> None:
    """Phones that resend until they are acknowledged: nothing is missing, nothing is counted twice, in any series."""
    counted = {labels: value for labels, value in proof.counted.items() if labels[0] == EXACT_APP and value}

    assert counted == proof.storm.exact


STAGES = {"downloading", "downloaded", "installed", "failed"}


def test_each_phone_is_remembered_where_it_is(proof: Proof) -> None:
    """Which version it runs, which it tried last and how far that came: as each of them knows of itself."""
    assert_remembers(proof.scrape, [proof.storm.memory], app_id=EXACT_APP)
    assert {stage for *_, stage in accounted([proof.storm.memory], "stages")} == STAGES


def test_the_ledger_agrees_with_the_fleets_account(proof: Proof) -> None:
    """All that was acknowledged is in; what was not may be in or out; nothing else is there."""
    low, high = dict.fromkeys(proof.counted, 0), dict.fromkeys(proof.counted, 0)
    for row in proof.storm.fleet:
        if not row["test"]:
            low[key(row)] = low.get(key(row), 0) + row["acknowledged"]
            high[key(row)] = high.get(key(row), 0) + row["acknowledged"] + row["unacknowledged"]

    wrong = {
        labels: (low[labels], proof.counted.get(labels, 0), high[labels])
        for labels in low
        if labels[0] != EXACT_APP and not low[labels] <= proof.counted.get(labels, 0) <= high[labels]
    }
    assert wrong == {}
    assert sum(low.values()) > 20 * CRASHES


def test_visits_and_durations_are_exactly_what_the_phones_sent(proof: Proof) -> None:
    """Each bucket, number and sum, over retries and kills."""
    counted = {sample: number for sample, number in proof.health.items() if ("app_id", EXACT_APP) in sample[1]}

    assert counted == proof.storm.exact_health
    assert len(counted) > 20


def test_visits_and_durations_agree_with_the_fleets_account(proof: Proof) -> None:
    """As its events do, those of test devices too."""
    low = health.accounted(proof.storm.fleet_health, "acknowledged")
    high = health.accounted(proof.storm.fleet_health, "acknowledged", "unacknowledged")
    counted = +Counter({sample: n for sample, n in proof.health.items() if ("app_id", EXACT_APP) not in sample[1]})

    assert low - counted == Counter()
    assert counted - high == Counter()
    assert low.total() > 20 * CRASHES


@pytest.mark.parametrize("metric", health.METRICS)
@pytest.mark.parametrize("binary", INTERVALS, ids=["2.42", "3"])
def test_prometheus_has_seen_all_visits_and_durations(proof: Proof, binary: Path, metric: str) -> None:
    """From 0 on, and none of their counters ever went back."""
    window = f"{metric}[{int(time.time() - proof.storm.began) + 60}s]"
    found, resets = (
        {health.sample(metric, each.labels): health.whole(metric, each.value) for each in answer}
        for answer in (
            proof.scrapers[binary].query(f"max_over_time({window}) - min_over_time({window})"),
            proof.scrapers[binary].query(f"resets({window})"),
        )
    )

    assert +Counter(found) == Counter({at: number for at, number in proof.health.items() if at[0] == metric})
    assert set(resets.values()) == {0}


def over_the_storm(prometheus: Prometheus, began: float, expression: str) -> dict[Key, float]:
    """An expression of the event counters over all that Prometheus has seen; `{x}` stands for the range vector."""
    window = f"{EVENTS}[{int(time.time() - began) + 60}s]"
    return {key(each.labels): each.value for each in prometheus.query(expression.format(x=window))}


@pytest.mark.parametrize("binary", INTERVALS, ids=["2.42", "3"])
def test_prometheus_has_seen_every_event(proof: Proof, binary: Path) -> None:
    """The highest value minus the lowest is the count, for each series, those of rare failures too."""
    seen = over_the_storm(proof.scrapers[binary], proof.storm.began, "max_over_time({x}) - min_over_time({x})")

    assert seen == proof.counted


@pytest.mark.parametrize("binary", INTERVALS, ids=["2.42", "3"])
def test_prometheus_has_seen_every_device(proof: Proof, binary: Path) -> None:
    """Gauges as they stand, and of each stage from the first device that entered it."""
    prometheus, memory = proof.scrapers[binary], [proof.storm.memory]

    def seen(expression: str) -> Counter[tuple[str, ...]]:
        samples = prometheus.query(expression.format(app=f'app_id="{EXACT_APP}"'))
        return +Counter({label_values(sample.labels): int(sample.value) for sample in samples})

    assert seen('capgo_devices{{{app},window="1d"}}') == accounted(memory, "running")
    assert seen("capgo_rollout_devices{{{app}}}") == accounted(memory, "trying")
    over = f"capgo_device_stages_total{{{{{{app}}}}}}[{int(time.time() - proof.storm.began) + 60}s]"
    assert seen(f"max_over_time({over}) - min_over_time({over})") == accounted(memory, "stages")
    assert not seen(f"resets({over})")


@pytest.mark.parametrize("binary", INTERVALS, ids=["2.42", "3"])
def test_no_counter_ever_went_back(proof: Proof, binary: Path) -> None:
    """Over all the crashes, Prometheus saw no reset."""
    resets = over_the_storm(proof.scrapers[binary], proof.storm.began, "resets({x})")

    assert resets == dict.fromkeys(proof.counted, 0)


@pytest.mark.parametrize("binary", INTERVALS, ids=["2.42", "3"])
def test_increase_is_within_its_bounds(proof: Proof, binary: Path) -> None:
    """Never more than 0.1 % below the truth, and above it by no more than its extrapolation over one scrape gap."""
    prometheus, began = proof.scrapers[binary], proof.storm.began
    increase = over_the_storm(prometheus, began, "increase({x})")
    samples = over_the_storm(prometheus, began, "count_over_time({x})")

    wrong = {
        labels: (truth, increase[labels])
        for labels, truth in proof.counted.items()
        if not 0.999 * truth <= increase[labels] <= truth * (1 + 1.1 / (samples[labels] - 1))
    }
    assert wrong == {}


def test_a_naive_exporter_loses_what_ours_keeps(proof: Proof, tmp_path: Path) -> None:
    """The same storm, shortened, over twenty lines of `Counter.inc()`: nothing there tells the truth."""
    with (
        Naive(tmp_path / "naive") as naive,
        prometheus_of(tmp_path / "prometheus", f"127.0.0.1:{naive.port}", PROMETHEUS_3) as prometheus,
    ):
        result = storm(naive, naive.port, [prometheus], 4, tmp_path)
        prometheus.wait_scraped("capgo")
        increase = over_the_storm(prometheus, result.began, "increase({x})")
        last = over_the_storm(prometheus, result.began, "last_over_time({x})")

    truth = sum(result.exact.values())
    ours = sum(proof.counted[labels] for labels in proof.storm.exact) / sum(proof.storm.exact.values())
    shown = {
        name: sum(values.get(labels, 0) for labels in result.exact)
        for name, values in (("its counters", last), ("increase() in Prometheus", increase))
    }
    print(f"\nof {truth} acknowledged events a naive exporter shows:")
    for name, value in shown.items():
        print(f"  {name:>24}: {value:8.1f} ({value / truth - 1:+.1%}); ours: {ours - 1:+.1%}")
    assert all(abs(value / truth - 1) > 0.01 for value in shown.values())
