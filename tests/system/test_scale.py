"""Three exporters behind HAProxy, as one: over crashes, restarts, one that joins and one that leaves.

The short form is part of every test run; `make scale` (`SOAK=1`) makes it a hundred kills and a hundred restarts.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.balancer import HAProxy
from tests.support.bodies import event
from tests.support.crowd import Crowd
from tests.support.fleet import EXACT_APP, Fleet, Phones
from tests.support.harness import LOCALHOST, Exporter, request, wait_until
from tests.support.monitoring import PROMETHEUS_2, PROMETHEUS_3, Prometheus, Queried, VictoriaMetrics
from tests.system.test_metrics import assert_sums_hold

SOAK = bool(os.environ.get("SOAK"))
KILLS = 100 if SOAK else 4
RESTARTS = 100 if SOAK else 3
FLEET_SECONDS = 2 * KILLS
ADDRESSES = ["127.1.1.1", "127.44.0.9", "::1", None]
HOLD = 10
"""Seconds for which a new series is held: time for both Prometheus servers to see it, though we are often away."""
EVENTS = "capgo_events_total"
LEDGER = "capgo_exporter_ledger_events"
FLEETS_APP = "com.example.shop"
LABELS = ("app_id", "action", "platform", "version")
pytestmark = pytest.mark.timeout(300 + 30 * KILLS)

Key = tuple[str, ...]


class Stand(NamedTuple):
    """Exporters behind HAProxy, two Prometheus servers of which neither knows of the other, and where both write to."""

    exporters: Sequence[Exporter]
    haproxy: HAProxy
    scrapers: Sequence[Prometheus]
    store: VictoriaMetrics

    def wait_up(self, number: int) -> None:
        """Return when HAProxy sends posts to so many of them."""
        wait_until(lambda: len(self.haproxy.up()) == number, f"{number} exporters are up")

    def counted(self, app_id: str) -> Counter[Key]:
        """What all exporters together have counted of an app."""
        total = Counter[Key]()
        for exporter in self.exporters:
            for labels, value in exporter.scrape().series(EVENTS, app_id=app_id).items():
                total[key(dict(labels))] += int(value)
        return +total

    def ledgers(self) -> int:
        """All that the ledgers have ever counted."""
        return sum(int(exporter.scrape().total(LEDGER)) for exporter in self.exporters)

    def wait_released(self) -> None:
        """Return when no series is held any longer: all that was counted is shown."""
        for exporter in self.exporters:
            wait_until(lambda: exporter.scrape().value(LEDGER, state="held") == 0, "all is released")  # noqa: B023
            assert_sums_hold(exporter.scrape())


def key(labels: dict[str, str]) -> Key:
    return tuple(labels[name] for name in LABELS)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("scale")
    with ExitStack() as stack:
        exporters = [
            stack.enter_context(Exporter(directory / str(number), trusted_proxy=LOCALHOST, zero_hold=f"{HOLD}s"))
            for number in range(3)
        ]
        jobs = {"capgo": [exporter.metrics_address for exporter in exporters]}
        store = stack.enter_context(VictoriaMetrics(directory / "store", dedup="1s"))
        scrapers = [
            stack.enter_context(
                Prometheus(directory / name, jobs, binary=binary, interval=interval, remote_write=store.write_url)
            )
            for name, binary, interval in (("one", PROMETHEUS_2, "500ms"), ("other", PROMETHEUS_3, "1s"))
        ]
        stand = Stand(exporters, stack.enter_context(HAProxy(directory / "haproxy", exporters)), scrapers, store)
        stand.wait_up(3)
        yield stand


@dataclass
class Storm:
    """What phones and fleets were acknowledged while exporters were killed, and what nobody knows of."""

    exact: Counter[Key]
    unanswered: Counter[Key]
    acknowledged: Counter[Key]
    began: float


@pytest.fixture(scope="module")
def storm(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Storm:
    """Kill one exporter after the other at full load, each comes back a moment later."""
    chance, began = random.Random(17), time.time()
    options = {"devices": "200", "rate": "150", "duration": f"{FLEET_SECONDS}s"}
    with (
        Fleet(tmp_path_factory.mktemp("fleet"), stand.haproxy.port, **options) as fleet,
        Phones(stand.haproxy.port, seed=3, count=12, addresses=ADDRESSES) as phones,
    ):
        for number in range(KILLS):
            exporter = stand.exporters[number % 3]
            time.sleep(chance.random())
            exporter.kill()
            time.sleep(chance.random())
            exporter.start()
            stand.wait_up(3)
        rows = fleet.account()
    stand.wait_released()
    acknowledged = Counter({key(row): row["acknowledged"] for row in rows if not row["test"] and row["acknowledged"]})
    return Storm(_of_phones(phones.sent), _of_phones(phones.unanswered), acknowledged, began)


def _of_phones(numbers: Counter[tuple[str, str]]) -> Counter[Key]:
    return Counter({(EXACT_APP, action, "android", version): count for (action, version), count in numbers.items()})


def test_no_acknowledged_event_is_missing_after_kills(stand: Stand, storm: Storm) -> None:
    """Neither of the phones' nor of the fleet's, in any series; what is too much was in flight when one was killed."""
    phones = stand.counted(EXACT_APP)
    fleet = stand.counted(FLEETS_APP)

    assert storm.exact - phones == Counter()
    assert storm.acknowledged - fleet == Counter()
    twice = phones - storm.exact
    print(f"\n{KILLS} kills: of {storm.exact.total()} events of phones that never give up 0 are missing")
    print(f"and {twice.total()} were counted twice, of {storm.unanswered.total()} whose post was cut by a kill;")
    print(f"of {storm.acknowledged.total()} that a fleet was acknowledged 0 are missing")
    assert twice - storm.unanswered == Counter()
    assert storm.exact.total() > 50 * KILLS
    assert min(exporter.scrape().total(EVENTS) for exporter in stand.exporters) > 0


SPAN = "max_over_time({window}) - min_over_time({window})"


def seen(server: Queried, storm: Storm, asked: str) -> Counter[Key]:
    """What a server makes of all that it has of the storm, by series and over all exporters."""
    window = f'{EVENTS}{{job="capgo"}}[{int(time.time() - storm.began) + 60}s]'
    samples = server.query(f"sum by ({', '.join(LABELS)}) ({asked.format(window=window)})")
    return +Counter({key(each.labels): round(each.value) for each in samples})


def test_both_prometheus_servers_see_the_exporters_sum(stand: Stand, storm: Storm) -> None:
    """From the birth of each series on each exporter: what they add up is what was counted, kills and all."""
    counted = stand.counted(EXACT_APP) + stand.counted(FLEETS_APP)
    for prometheus in stand.scrapers:
        prometheus.wait_scraped("capgo")
        assert seen(prometheus, storm, SPAN) == counted
        assert seen(prometheus, storm, "resets({window})") == Counter()


def test_a_store_to_which_both_write_counts_nothing_twice(stand: Stand, storm: Storm) -> None:
    """VictoriaMetrics keeps one of two samples; its `increase`, which guesses nothing, is the number itself."""
    counted = stand.counted(EXACT_APP) + stand.counted(FLEETS_APP)
    wait_until(lambda: seen(stand.store, storm, SPAN) == counted, "all is written there")
    assert seen(stand.store, storm, "increase({window})") == counted
    assert seen(stand.store, storm, "resets({window})") == Counter()


def single(app_id: str) -> bytes:
    """A post without a timestamp, of a device that nobody else is: its plugin never sends it again."""
    return json.dumps(event(app_id=app_id, device_id=str(uuid.uuid4()), timestamp=None)).encode()


def test_restarts_cost_no_plugin_an_event_that_never_sends_again(stand: Stand) -> None:
    """SIGTERM to one exporter after the other: each post is answered with 200, and counted once."""
    app_id, before = "com.example.rolling", stand.ledgers()
    with Crowd(stand.haproxy.port, 12, pause=0.01, app_id=app_id, body=single) as crowd:
        for number in range(RESTARTS):
            exporter = stand.exporters[number % 3]
            stand.wait_up(3)
            assert exporter.terminate() == 0
            exporter.start()

    print(f"\n{RESTARTS} restarts: {len(crowd.answers)} posts, replies {crowd.statuses}")
    assert crowd.statuses.keys() == {200}
    assert stand.ledgers() - before == len(crowd.answers)
    assert len(crowd.answers) > 100 * RESTARTS


def post_all(haproxy: HAProxy, posts: Sequence[bytes], sources: Sequence[str | None] = (None,)) -> None:
    for body, source in zip(posts, itertools.cycle(sources), strict=False):
        assert request(haproxy.port, "POST", "/stats", body, source=source).status == 200


def of_devices(number: int, app_id: str, action: str) -> list[bytes]:
    """A post of each device."""
    ids = [str(uuid.UUID(int=index * 2**95 + 11)) for index in range(number)]
    return [json.dumps([event(app_id=app_id, device_id=one, action=action)]).encode() for one in ids]


def active(exporters: Sequence[Exporter], app_id: str) -> int:
    """Devices heard from within a day, as all exporters together show them."""
    return sum(int(each.scrape().total("capgo_devices", app_id=app_id, window="1d")) for each in exporters)


def test_each_device_counts_once_over_all_exporters(stand: Stand) -> None:
    """From whatever address it posts, and over the crash of an exporter; Prometheus adds up the same number."""
    app_id, number = "com.example.devices", 150
    stand.wait_up(3)
    for action in ("set", "app_moved_to_foreground"):
        post_all(stand.haproxy, of_devices(number, app_id, action), ADDRESSES)
    assert active(stand.exporters, app_id) == number
    stand.exporters[1].kill()
    stand.exporters[1].start()
    stand.wait_up(3)
    post_all(stand.haproxy, of_devices(number, app_id, "app_moved_to_background"), ADDRESSES[::-1])
    assert active(stand.exporters, app_id) == number
    for server in (*stand.scrapers, stand.store):
        wait_until(partial(_shows, server, app_id, number), "it is scraped")


def _shows(server: Queried, app_id: str, number: int) -> bool:
    samples = server.query(f'sum(capgo_devices{{app_id="{app_id}",window="1d"}})')
    return [sample.value for sample in samples] == [number]


def owned(exporters: Sequence[Exporter]) -> list[int]:
    """Events that each has counted."""
    return [int(each.scrape().total(EVENTS)) for each in exporters]


def test_one_that_joins_or_leaves_moves_its_own_part_and_no_other(tmp_path: Path) -> None:
    """A fourth exporter takes a quarter of the devices, some of each; when it leaves they are where they were.

    What that costs: a retry that falls into the change meets an exporter that does not know its first try.
    """
    posts = [json.dumps(event(device_id=str(uuid.UUID(int=number * 2**95 + 7)))).encode() for number in range(400)]
    with ExitStack() as stack:
        three = [stack.enter_context(Exporter(tmp_path / str(number))) for number in range(3)]
        fourth = Exporter(tmp_path / "fourth")
        haproxy = stack.enter_context(HAProxy(tmp_path / "haproxy", [*three, fourth]))
        wait_until(lambda: len(haproxy.up()) == 3, "three are up")
        post_all(haproxy, posts)
        before = owned(three)

        stack.enter_context(fourth)
        wait_until(lambda: len(haproxy.up()) == 4, "the fourth is up")
        post_all(haproxy, posts)
        [moved] = owned([fourth])
        print(f"\na fourth exporter takes {moved} of {len(posts)} devices")
        assert owned(three) == before, "what did not move is recognised"
        counted = active([*three, fourth], "com.example.shop")
        assert counted == len(posts) + moved, "who moves is in both memories until the window has passed"
        assert 0.15 * len(posts) < moved < 0.35 * len(posts)

        assert fourth.terminate() == 0
        wait_until(lambda: len(haproxy.up()) == 3, "three are up again")
        post_all(haproxy, posts)
        assert owned(three) == before, "those that are back are recognised as well"


def test_one_that_is_away_leaves_the_others_alone(tmp_path: Path) -> None:
    """Its devices go to all others, each to the same one every time; the others keep theirs."""
    posts = [json.dumps(event(device_id=str(uuid.UUID(int=number * 2**95 + 9)))).encode() for number in range(300)]
    with ExitStack() as stack:
        exporters = [stack.enter_context(Exporter(tmp_path / str(number))) for number in range(3)]
        haproxy = stack.enter_context(HAProxy(tmp_path / "haproxy", exporters))
        post_all(haproxy, posts)
        before = owned(exporters)
        assert exporters[0].terminate() == 0
        wait_until(lambda: len(haproxy.up()) == 2, "two are up")
        for _ in range(2):
            post_all(haproxy, posts)
            more = [after - first for after, first in zip(owned(exporters[1:]), before[1:], strict=True)]
            assert sum(more) == before[0]
            assert min(more) > before[0] / 4
