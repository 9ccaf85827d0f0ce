"""What is remembered of devices, and shown of them, after any sequence of posts, hours, scrapes and restarts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from exporter.counting import records
from exporter.counting.attempts import Stage, Standing, hear
from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.census import OVERFLOW
from exporter.counting.changes import Changes
from exporter.counting.devices import AT_A_TIME, FORGOTTEN, Devices
from exporter.counting.draft import Draft
from exporter.counting.hearing import Hearing
from exporter.counting.here import WINDOWS, Here, by_stage, by_version
from exporter.counting.ledger import Ledger, Limits
from exporter.counting.view import View
from exporter.wire.actions import OUTCOMES
from exporter.wire.families import STAGES, key_of, member_of
from exporter.wire.labels import UNKNOWN_VERSION, Series, Version
from exporter.wire.words import Word
from tests.support.entries import Entry, columns
from tests.support.ledgers import OnFile, post, scrape

HOUR = 3600.0
DAY = 24 * HOUR
NOW = 20_000 * DAY
BUDGETS = BudgetLimits(max_apps=5, max_versions=20, max_series=100_000)
VERSIONS = [Version("com.acme.notes", "android", name, test=False) for name in ("1.0", "1.1", "1.2")]
VERSION = VERSIONS[0]
NUMBERED = [VERSION._replace(version="none"), VERSION._replace(version=UNKNOWN_VERSION), *VERSIONS]
"""By the numbers that the notebook gives them."""

Said = Sequence[tuple[Word, Version]]
SAID = st.lists(st.tuples(st.sampled_from(Word), st.sampled_from(VERSIONS)), min_size=1, max_size=4)


def event(device: int, word: Word = Word.NOTHING, version: Version = VERSION) -> Entry:
    return Entry(Series(version, "ping"), device=device, word=word)


class Page(NamedTuple):
    """A device as one would write it down."""

    standing: Standing
    hour: int


class Notebook(OnFile):
    """A ledger on a real file, and beside it a notebook that is kept by hand, with a page for each device."""

    limits = Limits(1e12, 0, 1000, 1000, BUDGETS, devices=100)
    window = DAY

    def __init__(self) -> None:
        super().__init__(NOW)
        self.pages: dict[int, Page] = {}

    @property
    def hour(self) -> int:
        return int(self.now // HOUR)

    @rule(posts=st.lists(st.tuples(st.integers(1, 8), SAID), max_size=4))
    def devices_post(self, posts: list[tuple[int, Said]]) -> None:
        self.post(*([event(device, word, version) for word, version in said] for device, said in posts))
        for device, said in posts:
            self.write_down(device, said)

    def write_down(self, device: int, said: Said) -> None:
        page = self.pages.get(device)
        standing = page.standing if page and self.hour - page.hour <= FORGOTTEN else Standing(1)
        for word, version in said:
            standing = hear(standing, word, NUMBERED.index(version))
        self.pages[device] = Page(standing, self.hour)

    @rule(said=SAID)
    def some_devices_are_nobodys(self, said: Said) -> None:
        """They have no id, or are a developer's own."""
        entries = [event(0, word, version) for word, version in said]
        entries += [event(9, word, version._replace(test=True)) for word, version in said]
        self.post(entries)

    @rule(hours=st.sampled_from([0.2, 1.0, 3.0, 23.0, 24.0, 25.0, 167.0, 400.0, 720.0, 721.0, -2.0, -30.0]))
    def time_passes(self, hours: float) -> None:
        self.now += hours * HOUR

    def scrape(self) -> Here:
        self.commit(self.ledger.exposure(self.now))
        self.pages = {device: page for device, page in self.pages.items() if self.hour - page.hour <= FORGOTTEN}
        return self.ledger.view().devices

    @rule()
    def a_scrape_sees_each_device_once_where_it_is(self) -> None:
        here = self.scrape()
        heard = {window: self.heard_within(hours) for window, hours in WINDOWS.items()}
        running = {window: Counter(NUMBERED[page.standing.runs] for page in pages) for window, pages in heard.items()}
        tried = [page.standing for page in heard["30d"] if page.standing.tried]
        trying = Counter((NUMBERED[standing.tried], standing.stage) for standing in tried)
        assert here == Here(running, trying, len(heard["30d"]), 100)

    def heard_within(self, hours: int) -> list[Page]:
        return [page for page in self.pages.values() if self.hour - page.hour <= hours]

    @rule()
    def a_restart_finds_the_devices_as_they_were(self) -> None:
        before = self.scrape()
        self.restart()
        assert self.scrape() == before

    @invariant()
    def no_more_is_remembered_than_was_heard(self) -> None:
        assert len(self.ledger.devices) <= len(self.pages)


Notebook.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestNotebook = Notebook.TestCase


# When there is no room.


class Crowd:
    """Devices that post one after the other, each in a commit of its own."""

    def __init__(self, limit: int) -> None:
        self.devices = Devices(limit)
        self.now = NOW
        self.dropped = 0

    def post(self, *keys: int, days: float = 0.0) -> None:
        """Some post, so many days later."""
        self.now += days * DAY
        for key in keys:
            changes = Changes(self.now)
            hearing = Hearing(self.devices, changes)
            hearing.hear(key, [Word.SETS], [Series(VERSION, "set")])
            self.devices.apply(changes)
            self.dropped += hearing.dropped

    def scrape(self, days: float = 0.0) -> Here:
        """What is shown, so many days later."""
        self.now += days * DAY
        changes = Changes(self.now, scraped=True)
        self.devices.due(changes)
        self.devices.apply(changes)
        return self.devices.view(lambda _: True)

    def __contains__(self, key: int) -> bool:
        return key in self.devices


def among(crowd: Crowd, keys: Sequence[int]) -> list[int]:
    return [key for key in keys if key in crowd]


def test_the_longest_unheard_gives_its_place_to_a_new_one() -> None:
    """Heard means heard again as well."""
    crowd = Crowd(3)
    crowd.post(1, 2, 3)
    crowd.post(1, days=1 / 24)
    crowd.post(4, days=1 / 24)

    assert among(crowd, [1, 2, 3, 4]) == [1, 3, 4]
    assert (crowd.dropped, len(crowd.devices)) == (1, 3)


def test_devices_that_came_back_another_day_are_not_pushed_out() -> None:
    """Whoever makes up devices pushes out those of one day, and then their own."""
    crowd = Crowd(10)
    crowd.post(1, 2, 3)
    crowd.post(1, 2, days=1)
    crowd.post(4, 5)
    for flood in range(100, 600):
        crowd.post(flood)
        assert len(crowd.devices) <= 10

    assert among(crowd, [1, 2, 3, 4, 5]) == [1, 2]
    assert crowd.scrape().running["30d"] == {VERSION: 10}


def test_where_all_have_come_back_a_new_one_is_not_taken_in() -> None:
    """It is the first to leave: it was heard on one day only. It is counted as dropped at each of its posts."""
    crowd = Crowd(2)
    crowd.post(1, 2)
    crowd.post(1, 2, days=1)
    crowd.post(3, 3)

    assert among(crowd, [1, 2, 3]) == [1, 2]
    assert crowd.dropped == 2
    crowd.scrape(days=31)
    crowd.post(3)
    assert 3 in crowd


def test_a_device_that_comes_back_after_thirty_days_is_a_new_one() -> None:
    """Whether it was forgotten by then or not: the place that it has is its own."""
    crowd = Crowd(1)
    crowd.post(1)
    crowd.post(1, days=1)
    crowd.now += 31 * DAY
    changes = Changes(crowd.now)
    hearing = Hearing(crowd.devices, changes)
    (stage,) = hearing.hear(1, [Word.SETS], [Series(VERSION, "set")])
    crowd.devices.apply(changes)

    assert stage == (VERSION, Stage.INSTALLED)
    assert (len(crowd.devices), crowd.dropped) == (1, 0)


def test_a_smaller_limit_lets_those_of_one_day_go_first() -> None:
    """And of these, and then of the others, the longest unheard."""
    crowd = Crowd(10)
    crowd.post(1, 2)
    crowd.post(1, days=1)
    crowd.post(2, days=1)
    crowd.post(3, days=1)
    crowd.post(4, days=1)
    for limit, left in ((3, [1, 2, 4]), (2, [1, 2]), (1, [2]), (0, [])):
        smaller = Devices(limit)
        smaller.apply(Changes(0.0, numbers={2: VERSION}))
        smaller.apply(Changes(0.0, devices={key: crowd.devices.get(key, 0) for key in (4, 3, 2, 1)}))
        trim(smaller, crowd.now)
        assert [key for key in (1, 2, 3, 4) if key in smaller] == left


def trim(devices: Devices, now: float) -> None:
    for changes in devices.trimmed(now):
        devices.apply(changes)


@pytest.mark.parametrize("limit", [0, 1, AT_A_TIME, 4 * AT_A_TIME + 7, 6 * AT_A_TIME])
def test_a_much_smaller_limit_is_kept_to_at_once(limit: int) -> None:
    """However many have to leave, and where many were heard again since they stand in the queue."""
    heard = records.said(Standing(2))
    first = {key: records.heard_now(0, heard, 24 + key % 5) for key in range(1, 6 * AT_A_TIME)}
    again = {key: records.heard_now(first[key], heard, 30 + key % 30) for key in first if key % 3}
    devices = Devices(limit)
    for some in (first, again):
        devices.apply(Changes(0.0, devices=some))
    trim(devices, NOW)

    left = [key for key in first if key in devices]
    assert len(left) == len(devices) == min(limit, len(first))
    ranks = {key: (records.is_returning(packed), records.heard(packed)) for key, packed in (first | again).items()}
    assert min((ranks[key] for key in left), default=(True, 99)) >= max(
        (ranks[key] for key in first if key not in devices), default=(False, 0)
    )


def test_those_that_left_are_in_nobodys_way() -> None:
    """After a smaller limit a new device finds the one whose place it takes, within a post or two."""
    first = {key: records.heard_now(0, records.said(Standing(2)), 24) for key in range(1, 5 * AT_A_TIME)}
    crowd = Crowd(100)
    crowd.devices.apply(Changes(0.0, devices=first))
    trim(crowd.devices, crowd.now)
    crowd.post(10**6)

    assert 10**6 in crowd
    assert len(crowd.devices) == 100


def test_without_room_for_any_none_is_kept() -> None:
    """`--max-devices 0`: that is no lack of room."""
    ledger = Ledger(Limits(1e12, 0, 1000, 1000, BUDGETS, devices=0))
    draft = Draft(ledger, NOW)
    draft.add(columns([event(1, Word.SETS), event(2, Word.SETS)]))
    ledger.apply(draft.changes)

    assert ledger.view().devices == Here({window: {} for window in WINDOWS}, {}, 0, 0)
    assert {series.name for series in draft.changes.totals} == {"ping", *OUTCOMES}
    assert draft.hearing.dropped == 0


def test_what_is_not_heard_ends_nobodys_turn() -> None:
    """An event without a device, of a test device or that was counted before, in the midst of a device's others."""
    ledger = Ledger(Limits(1e12, 0, 1000, 1000, BUDGETS, devices=1))
    draft = Draft(ledger, NOW)
    draft.add(columns([event(9, Word.SETS)._replace(fingerprint=1, timestamp=1)]))
    tested = event(2, Word.SETS)._replace(series=Series(VERSION._replace(test=True), "ping"))
    repeated = event(9, Word.SETS)._replace(fingerprint=1, timestamp=1)
    spoken = [event(0, Word.SETS), tested, repeated]
    draft.add(columns([each for between in spoken for each in (event(1, Word.SETS), between)]))

    assert draft.hearing.dropped == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0.0, 0.0, 1 / 24, 0.5, 1.0, 3.0])), max_size=60))
def test_who_leaves_was_of_one_day_and_unheard_for_longest(posts: list[tuple[int, float]]) -> None:
    """In any order of devices and hours; a device that came back leaves only when it is forgotten."""
    crowd = Crowd(4)
    heard: dict[int, list[int]] = {}
    for key, days in posts:
        before = {one for one in heard if one in crowd}
        crowd.post(key, days=days)
        hour = int(crowd.now // HOUR)
        gone = before - {one for one in heard if one in crowd}
        once = {one: heard[one][-1] for one in before if len({at // 24 for at in heard[one]}) == 1}
        assert all(heard[one][-1] == min(once.values()) for one in gone)
        if key in crowd:
            heard[key] = [*(heard.get(key, []) if key in before else []), hour]
        else:
            assert not once


# Versions by their numbers.


def test_a_version_with_two_numbers_is_shown_once() -> None:
    """Where no number is left, all share one with the version that stands for all without a place of their own."""
    shown = {1: VERSION, 5: VERSION}
    stages = {number << 3 | Stage.FAILED: devices for number, devices in ((1, 4), (5, 3))}

    assert by_version(shown, {1: 4, 5: 3}) == {VERSION: 7}
    assert by_stage(shown, stages) == {(VERSION, Stage.FAILED): 7}


def test_numbers_of_versions_that_no_device_names_are_free_again() -> None:
    """Else a year of releases, or a forger's day, would use them up."""
    crowd = Crowd(1000)
    for number in range(200):
        crowd.post(number + 1)
        changes = Changes(crowd.now)
        hearing = Hearing(crowd.devices, changes)
        hearing.hear(7, [Word.SETS], [Series(VERSION._replace(version=f"0.{number}"), "set")])
        crowd.devices.apply(changes)
        crowd.scrape(days=1 / 24)

    assert (
        sum(crowd.devices.numbers.of(VERSION._replace(version=f"0.{number}")) is not None for number in range(200)) <= 2
    )


def kept(devices: Devices) -> Mapping[int, int]:
    return {key: devices.get(key, 0) for key in range(100)}


def test_a_draft_changes_nothing_and_applying_twice_is_applying_once() -> None:
    """A commit may fail, or turn out to have landed."""
    crowd = Crowd(2)
    crowd.post(1, 2)
    before = kept(crowd.devices), crowd.scrape()
    changes = Changes(crowd.now)
    hearing = Hearing(crowd.devices, changes)
    hearing.hear(1, [Word.SETS], [Series(VERSIONS[1], "set")])
    hearing.hear(3, [Word.SETS], [Series(VERSIONS[2], "set")])
    assert (kept(crowd.devices), crowd.scrape()) == before

    crowd.devices.apply(changes)
    once = kept(crowd.devices), crowd.scrape()
    crowd.devices.apply(changes)
    assert (kept(crowd.devices), crowd.scrape()) == once


# On /metrics.


def stages(view: View, version: Version = VERSION) -> dict[str, int]:
    """The counters of a version's stages that are shown."""
    return {
        member_of(series.name): value
        for series, value in view.shown.items()
        if key_of(series.name) == STAGES.key and series.version == version
    }


def test_stages_are_born_at_0_together_and_count_a_device_once() -> None:
    """So a failure rate by devices misses no first failure, and no device counts twice."""
    ledger = Ledger(Limits(1e12, 30.0, 1000, 1000, BUDGETS, devices=10))
    post(ledger, event(1, Word.BEGINS), event(2, Word.FAILS), event(2, Word.FAILS), event(1, Word.BREAKS), at=NOW)

    assert stages(scrape(ledger, NOW)) == dict.fromkeys(["downloading", "downloaded", "installed", "failed"], 0)
    scrape(ledger, NOW + 15)
    assert stages(scrape(ledger, NOW + 31)) == {"downloading": 1, "downloaded": 0, "installed": 0, "failed": 2}


def test_a_version_that_expires_takes_its_devices_along_and_brings_them_back() -> None:
    """They are remembered, and under no version that is gone."""
    ledger = Ledger(Limits(2 * DAY, 0.0, 1000, 1000, BUDGETS, devices=10))
    post(ledger, event(1, Word.SETS), event(2, Word.SETS, VERSIONS[1]), at=NOW)
    scrape(ledger, NOW)
    for day in (1, 2, 3):
        post(ledger, event(2, Word.RUNS, VERSIONS[1]), at=NOW + day * DAY)
        scrape(ledger, NOW + day * DAY)

    view = scrape(ledger, NOW + 3 * DAY)
    assert view.devices.running["30d"] == {VERSIONS[1]: 1}
    assert view.devices.trying == {(VERSIONS[1], Stage.INSTALLED): 1}
    assert (view.devices.remembered, stages(view)) == (2, {})
    post(ledger, event(3, Word.SETS), at=NOW + 4 * DAY)
    view = scrape(ledger, NOW + 4 * DAY)
    assert view.devices.running["30d"] == {VERSIONS[1]: 1, VERSION: 2}
    assert stages(view)["installed"] == 2


def test_a_device_that_never_said_what_it_runs_is_counted_all_the_same() -> None:
    """The sum over versions is the number of active devices; it leaves with its app."""
    ledger = Ledger(Limits(2 * DAY, 0.0, 1000, 1000, BUDGETS, devices=10))
    post(ledger, event(1, Word.BEGINS), at=NOW)

    assert scrape(ledger, NOW).devices.running["1d"] == {VERSION._replace(version=UNKNOWN_VERSION): 1}
    assert scrape(ledger, NOW + 3 * DAY).devices.running["30d"] == {}


def test_devices_of_versions_that_have_no_place_fold_as_events_do() -> None:
    """Whichever of these they run or try."""
    ledger = Ledger(Limits(1e12, 0.0, 1000, 1000, BudgetLimits(1, 1, 100_000), devices=10))
    post(ledger, event(1, Word.SETS), event(2, Word.SETS, VERSIONS[1]), event(3, Word.SETS, VERSIONS[2]), at=NOW)

    folded = VERSION._replace(version=OVERFLOW)
    here = scrape(ledger, NOW).devices
    assert here.running["1d"] == {VERSION: 1, folded: 2}
    assert here.trying == {(VERSION, Stage.INSTALLED): 1, (folded, Stage.INSTALLED): 2}


def test_the_end_of_a_process_that_ran_another_version_says_nothing_of_what_runs() -> None:
    """Android reports it at the next launch, and it counts as of no version where it was before that one was seen."""
    ledger = Ledger(Limits(1e12, 0.0, 1000, 1000, BUDGETS, devices=10))
    post(ledger, event(1, Word.SETS), at=NOW)
    entry = Entry(Series(VERSIONS[1], "app_anr"), device=1, word=Word.RUNS)
    post(ledger, entry._replace(exit=int((NOW - DAY) * 1000)), at=NOW + 1)
    assert scrape(ledger, NOW + 1).devices.running["1d"] == {VERSION: 1}

    post(ledger, entry, at=NOW + 2)
    assert scrape(ledger, NOW + 2).devices.running["1d"] == {VERSIONS[1]: 1}
