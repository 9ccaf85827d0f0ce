"""Clients send again what they got no answer to, merged with newer events, days later: each event is counted once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.support.bodies import Event, event, events
from tests.support.contract import OK
from tests.support.harness import Exporter
from tests.system.conftest import Launch

COUNTED = "capgo_exporter_events_counted_total"
DUPLICATE = "capgo_exporter_events_duplicate_total"


def fates(exporter: Exporter, *bodies: object) -> tuple[int, int]:
    """How many events of these posts, one after the other, are counted and how many are duplicates."""
    before = exporter.scrape()
    for body in bodies:
        assert exporter.post(body).status == 200
    after = exporter.scrape()
    counted, duplicate = (int(after.value(name) - before.value(name)) for name in (COUNTED, DUPLICATE))
    return counted, duplicate


def test_fifty_copies_at_once_count_once(exporter: Exporter) -> None:
    """They wait for the same commit, and all of them are answered as if they were new."""
    for body in (event(), events(20)):
        size = len(body) if isinstance(body, list) else 1
        together, before = Barrier(50), exporter.scrape()

        def send(_: int, body: object = body, together: Barrier = together) -> int:
            together.wait()
            return exporter.deliver(body).status

        with ThreadPoolExecutor(50) as pool:
            assert list(pool.map(send, range(50))) == [200] * 50

        after = exporter.scrape()
        assert after.value(COUNTED) - before.value(COUNTED) == size
        assert after.value(DUPLICATE) - before.value(DUPLICATE) == 49 * size


def test_a_retry_merged_with_newer_events_counts_only_those(exporter: Exporter) -> None:
    """A client whose reply was lost sends the old batch with what has happened since."""
    lost = events(5)

    assert fates(exporter, lost) == (5, 0)
    assert fates(exporter, lost + events(3)) == (3, 5)


def test_any_order_and_repetition_gives_the_same_counts(exporter: Exporter) -> None:
    """Batches cut from forty events at random, with overlaps: each of the forty counts once."""
    some = random.Random(7)
    all_of_them = events(40, version_name="3.1.4")
    batches = [some.sample(all_of_them, some.randint(1, 20)) for _ in range(30)] + [all_of_them]
    posted = sum(len(batch) for batch in batches)

    assert fates(exporter, *batches) == (40, posted - 40)
    assert exporter.scrape().total("capgo_events_total", version="3.1.4") == 40


def test_single_posts_and_arrays_know_each_other(exporter: Exporter) -> None:
    """The same event, alone and in an array."""
    one = event()

    assert fates(exporter, one, [one], [event(), one]) == (2, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"app_id": "com.example.bank"},
        {"device_id": "00000000-2f6e-4b47-9a52-0c8f8c2d6e11"},
        {"action": "set_fail"},
        {"version_name": "1.2.3:main.js"},
        {"version_name": None},
        {"version_name": ""},
        {"old_version_name": "1.1.0"},
        {"old_version_name": None},
        {"old_version_name": ""},
        {"timestamp": 1795512600001},
        {"metadata": {"exit_reason": "crash"}},
        {"metadata": {"exit_reason": "anr"}},
    ],
)
def test_events_that_differ_in_what_tells_them_apart_all_count(exporter: Exporter, other: Event) -> None:
    """Absent is not the same as empty, and crash records of one millisecond differ in their metadata alone."""
    device = {"device_id": f"device of {other}", "timestamp": 1795512600000}

    assert fates(exporter, event(**device), event(**(device | other)), event(**(device | other))) == (2, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"custom_id": "someone"},
        {"plugin_version": "8.51.24"},
        {"version_os": "17"},
        {"device_id": "4F6C0B4E-2F6E-4B47-9A52-0C8F8C2D6E11"},
        {"unknown_field": 1},
    ],
)
def test_events_that_differ_elsewhere_are_the_same(exporter: Exporter, other: Event) -> None:
    """The spelling of a device's id changes with a plugin upgrade, between a post and its retry."""
    one = event()

    assert fates(exporter, one, one | other) == (1, 1)


def test_metadata_is_the_same_in_any_order(exporter: Exporter) -> None:
    """iOS sends keys in an arbitrary one."""
    one = event(metadata={"a": "1", "b": "2"})

    assert fates(exporter, one, one | {"metadata": {"b": "2", "a": "1"}}) == (1, 1)


def test_no_two_metadata_look_alike(exporter: Exporter) -> None:
    """However the pairs are cut."""
    one = event(metadata={"a": "b", "c": "d"})

    assert fates(exporter, one, one | {"metadata": {"a": "b,c:d"}}, one | {"metadata": {"ab": "", "cd": ""}}) == (3, 0)


def test_equal_events_within_one_array_are_several(exporter: Exporter) -> None:
    """The same progress step of two files in one millisecond is two events; the array again is none."""
    twice = [event(action="download_10")] * 2

    assert fates(exporter, twice, twice) == (2, 2)


@pytest.mark.parametrize("timestamp", [None, -1, 2**53 + 1, 1.5e300, "1795512600000", True])
def test_events_without_a_usable_moment_count_each_time(exporter: Exporter, timestamp: object) -> None:
    """A repeat of such an event can't be told from one that happened twice."""
    assert fates(exporter, *[event(timestamp=timestamp)] * 2) == (2, 0)


@pytest.mark.parametrize("timestamp", [0, 1, 2**53, 4102444800000])
def test_a_wrong_clock_is_no_hindrance(exporter: Exporter, timestamp: int) -> None:
    """A device in 1970 or in 2100 is counted, and its retry recognised."""
    assert fates(exporter, *[event(timestamp=timestamp)] * 2) == (1, 1)


def test_a_retry_is_recognised_after_a_restart(launch: Launch) -> None:
    """An app killed in the middle of a post sends it again at its next launch: counted once, whatever befell us."""
    exporter = launch()
    old = events(30)
    assert exporter.post(old).status == 200

    exporter.kill()
    exporter.restart()
    assert fates(exporter, old + events(1)) == (1, 30)

    assert exporter.terminate() == 0
    exporter.restart()
    assert fates(exporter, old[:10]) == (0, 10)
    assert exporter.scrape().total("capgo_events_total", action="set") == 31


def test_a_retry_is_recognised_when_memory_has_moved_on(launch: Launch) -> None:
    """With room for 100 in memory the first of 3,000 events are known from the disk, before a restart and after."""
    exporter = launch(dedup_memory="100")
    everything = [events(200) for _ in range(15)]
    for batch in everything:
        assert exporter.post(batch).status == 200

    assert fates(exporter, everything[0], everything[7]) == (0, 400)
    exporter.kill()
    exporter.restart()
    assert fates(exporter, everything[0], everything[7], everything[14]) == (0, 600)


def test_a_noisy_app_does_not_make_us_forget_the_others(launch: Launch) -> None:
    """One app posts many times what memory holds; the retry of another's event is still a duplicate."""
    exporter = launch(dedup_memory="100")
    quiet = event(app_id="com.example.quiet")
    assert exporter.post(quiet).body == OK

    for _ in range(10):
        assert exporter.post(events(200, app_id="com.example.noisy")).status == 200

    assert fates(exporter, quiet) == (0, 1)
