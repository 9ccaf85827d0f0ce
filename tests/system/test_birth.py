"""A scraper sees every series at 0 before it sees it rise, and never sees it fall: `increase()` misses nothing."""

from __future__ import annotations

import random
import time

import pytest

from tests.support.bodies import event, events
from tests.support.harness import Exporter, Labels, Scrape, request, wait_until
from tests.system.conftest import Launch
from tests.system.test_metrics import assert_sums_hold

EVENTS = "capgo_events_total"
HOLD = 1.0


def of_state(exporter: Exporter, state: str) -> float:
    return exporter.scrape().value("capgo_exporter_ledger_events", state=state)


def test_a_new_series_is_held_at_0_and_then_shown(launch: Launch) -> None:
    """At 0 for the hold and for two scrapes at least; meanwhile the ledger says that events are held."""
    exporter = launch(zero_hold=f"{HOLD:g}s")
    assert exporter.post(events(3)).status == 200

    began = time.monotonic()
    values: list[float] = []
    while not values or values[-1] == 0:
        scrape = exporter.scrape()
        values.append(scrape.total(EVENTS))
        assert scrape.series(EVENTS), "a series that is not shown can't be seen at 0"
        held = scrape.value("capgo_exporter_ledger_events", state="held")
        assert held == 3 - values[-1], "the ledger and the series disagree"

    assert time.monotonic() - began >= HOLD
    assert values[:2] == [0, 0]
    assert values[-1] == 3


def test_a_series_is_not_released_before_two_scrapes_saw_it(launch: Launch) -> None:
    """However long the hold is over: a scraper that comes rarely sees 0 too."""
    exporter = launch(zero_hold="50ms")
    assert exporter.post(event()).status == 200
    assert exporter.scrape().total(EVENTS) == 0

    time.sleep(0.2)  # Nothing to wait for: the hold passes unseen.

    assert [exporter.scrape().total(EVENTS) for _ in range(3)] == [0, 1, 1]


def test_no_hold_shows_true_values_at_once(launch: Launch) -> None:
    """`--zero-hold 0s`."""
    exporter = launch(zero_hold="0s")
    assert exporter.post(events(3)).status == 200

    assert exporter.scrape().total(EVENTS) == 3


def test_a_persons_look_does_not_start_the_hold(launch: Launch) -> None:
    """Prometheus marks its scrapes; curl may ask as often as it likes."""
    exporter = launch(zero_hold="50ms")
    exporter.scrape()
    assert exporter.post(event()).status == 200

    for _ in range(10):
        assert Scrape.parse(exporter.private("/metrics").body.decode()).total(EVENTS) == 0
        time.sleep(0.03)

    assert [exporter.scrape().total(EVENTS) for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(
    "collector",
    [{"User-Agent": "Telegraf/1.30.0 Go/1.22.0"}, {"Accept": "application/openmetrics-text; version=1.0.0"}],
    ids=["by its name", "by its format"],
)
def test_another_collector_takes_the_place_of_prometheus_at_once(launch: Launch, collector: dict[str, str]) -> None:
    """It does not send the mark, and its new series move all the same."""
    exporter = launch(zero_hold="50ms")
    for _ in range(2):
        exporter.scrape()
    assert exporter.post(event(version_name="9.9.9")).status == 200

    def shows_it() -> bool:
        text = exporter.private("/metrics", collector).body.decode()
        return 'version="9.9.9"} 1.0\n' in text

    wait_until(shows_it, "the collector sees the event")


def test_without_a_prometheus_any_look_counts_as_a_scrape(launch: Launch) -> None:
    """An agent that sends no mark sees its series rise, too."""
    exporter = launch(zero_hold="50ms")
    assert exporter.post(event()).status == 200

    wait_until(
        lambda: Scrape.parse(exporter.private("/metrics").body.decode()).total(EVENTS) == 1, "the event is shown"
    )


def test_an_uptime_checker_starts_no_hold(launch: Launch) -> None:
    """It asks for the head alone, and so has seen no series at 0; also where no Prometheus has come yet."""
    exporter = launch(zero_hold="50ms")
    assert exporter.post(event()).status == 200
    for _ in range(5):
        assert request(exporter.metrics_port, "HEAD", "/metrics").status == 200
        time.sleep(0.03)

    assert [exporter.scrape().total(EVENTS) for _ in range(2)] == [0, 0]


def test_a_held_series_rises_by_no_event_before_its_release(launch: Launch) -> None:
    """Events of the hold are shown with the others at its end, and none is lost."""
    exporter = launch(zero_hold="300ms")
    seen = []
    posted = 0

    def shows_all() -> bool:
        nonlocal posted
        if posted < 50:
            assert exporter.post(events(2, version_name=f"{posted % 3}.0.0")).status == 200
            posted += 2
        scrape = exporter.scrape()
        assert_sums_hold(scrape)
        seen.append(scrape.total(EVENTS))
        return posted >= 50 and seen[-1] == posted

    wait_until(shows_all, "all events are shown")
    assert seen[0] == 0
    assert seen == sorted(seen)


def test_a_released_series_stays_released(launch: Launch) -> None:
    """Over a crash, and over a restart with a longer hold: the latch knows neither clock nor setting."""
    exporter = launch(zero_hold="50ms")
    assert exporter.post(events(3)).status == 200
    wait_until(lambda: exporter.scrape().total(EVENTS) == 3, "they are shown")

    exporter.kill()
    exporter.restart(zero_hold="1h")

    assert exporter.scrape().total(EVENTS) == 3
    assert exporter.post(events(2)).status == 200
    assert exporter.scrape().total(EVENTS) == 5


def test_a_version_that_left_comes_back_where_it_was(launch: Launch) -> None:
    """Unseen for its time to live it leaves the scrape and waits in the ledger; its next event is one more."""
    exporter = launch()
    assert exporter.post(events(3)).status == 200
    assert exporter.scrape().total(EVENTS) == 3

    exporter.terminate()
    exporter.restart(version_ttl="1s")
    wait_until(lambda: not exporter.scrape().series(EVENTS), "the version leaves")
    assert of_state(exporter, "dormant") == 3
    assert of_state(exporter, "shown") == 0
    exporter.kill()
    exporter.restart(version_ttl="30d")
    assert not exporter.scrape().series(EVENTS)
    assert exporter.post(event()).status == 200

    assert exporter.scrape().total(EVENTS) == 4
    assert of_state(exporter, "dormant") == 0


def test_a_version_that_comes_back_is_held_at_its_last_value(launch: Launch) -> None:
    """A rise that nobody saw from its foot would be lost to `increase()`."""
    exporter = launch(zero_hold="50ms")
    assert exporter.post(events(3)).status == 200
    wait_until(lambda: exporter.scrape().total(EVENTS) == 3, "they are shown")
    exporter.kill()
    exporter.restart(version_ttl="1s")
    wait_until(lambda: not exporter.scrape().series(EVENTS), "the version leaves")
    exporter.kill()
    exporter.restart(version_ttl="30d")
    assert exporter.post(event()).status == 200

    assert exporter.scrape().total(EVENTS) == 3
    wait_until(lambda: exporter.scrape().total(EVENTS) == 4, "it is released")


def test_no_scraper_ever_sees_a_series_fall_or_begin_above_0(launch: Launch) -> None:
    """Over a random walk of posts, scrapes, crashes and orderly restarts."""
    exporter, chance = launch(zero_hold="100ms"), random.Random(3)
    last: dict[Labels, float] = {}
    posted = 0

    def scrape() -> None:
        taken = exporter.scrape()
        assert_sums_hold(taken)
        now = taken.series(EVENTS)
        assert not set(last) - set(now), "a series vanished"
        for labels, value in now.items():
            assert value >= last.get(labels, 0)
            assert labels in last or value == 0, f"{dict(labels)} was born at {value}"
        last.update(now)

    for step in range(100):
        batch = [event(version_name=f"{chance.randint(0, step // 10)}.0.0") for _ in range(chance.randint(1, 5))]
        assert exporter.post(batch).status == 200
        posted += len(batch)
        if chance.random() < 0.7:
            scrape()
        if step % 30 == 29:
            exporter.kill() if chance.random() < 0.5 else exporter.terminate()
            exporter.restart()

    def all_is_shown() -> bool:
        scrape()
        return sum(last.values()) == posted

    wait_until(all_is_shown, "all is shown")
