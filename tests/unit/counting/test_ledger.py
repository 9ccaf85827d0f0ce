"""What a scraper sees of any sequence of posts, retries, scrapes, crashes and turns of the clock."""

from operator import mul

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from exporter.counting.changes import Changes, Show, Sighting, State
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.counting.view import Heard, Newest, View
from exporter.wire.actions import OUTCOMES
from exporter.wire.families import LAUNCHES, PAGE_LOADS, PARTING, SUM_OF, VISITS
from exporter.wire.labels import Series, Version
from tests.support.entries import Entry, columns
from tests.support.ledgers import BUDGETS, HOLD, ONE, TTL, VERSIONS, OnFile, count, launch, make, post, scrape
from tests.support.library import Library

CLOCKS = [0.0, 1.0, -1.0, 1200.0, -1200.0, 3 * 3600.0, -3 * 3600.0, 6 * 86400.0, -86400.0]
"""Seconds by which devices' clocks are ahead."""

SERIES = [Series(version, action) for version in VERSIONS for action in ("set", "update_fail", "download_10")]


EVENTS = [
    *map(Entry, SERIES),
    *(Entry(Series(version, part)) for version in VERSIONS for part in VISITS.parts),
    *(Entry(Series(version, LAUNCHES.action)) for version in VERSIONS),  # its duration was not taken
    *(launch(version, milliseconds) for version in VERSIONS for milliseconds in (400, 5000, 99_000)),
    *(launch(version, 0, PAGE_LOADS) for version in VERSIONS),
]


def kept(view: View) -> tuple[View, dict[Series, int]]:
    """What outlives the process: neither who asked, nor who left, nor the order of the series, nor the last hour."""
    first = {version: Sighting(sighting.first, 0.0) for version, sighting in view.sightings.items()}
    return view._replace(series=[], values=[], of_events=[], budgets={}, departures=0, sightings=first), view.shown


class Scraper(OnFile):
    """A ledger on a real file, and what the events' senders know they sent."""

    limits = Limits(TTL, HOLD, max_dormant=8, memory=6, budgets=BUDGETS)
    window = 1e9

    def __init__(self) -> None:
        super().__init__(now=1e6)
        self.sent: list[Entry] = []
        self.counted = 0
        self.totals: dict[Series, int] = {}
        self.last_shown: dict[Series, int] = {}
        self.visible: set[Series] = set()
        self.forgotten_before = 0
        self.last_order: tuple[int, list[Series]] = (0, [])

    @rule(picks=st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(CLOCKS)), max_size=5))
    def new_events_count_once(self, picks: list[tuple[Entry, float]]) -> None:
        first = len(self.sent)
        entries = [
            entry._replace(fingerprint=first + offset, timestamp=int((self.now + ahead) * 1000))
            for offset, (entry, ahead) in enumerate(picks)
        ]
        self.sent += entries
        assert None not in self.post(entries)
        self.note(entries)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_retry_counts_nothing_and_costs_newer_events_nothing(self, data: st.DataObject) -> None:
        old = data.draw(st.lists(st.sampled_from(self.sent), min_size=1, max_size=5))
        new = Entry(SERIES[0], len(self.sent), int(self.now * 1000))
        self.sent.append(new)
        assert self.post([*old, new]) == [None] * len(old) + [new.series]
        self.note([new])

    @rule(entry=st.sampled_from(EVENTS))
    def an_event_without_a_moment_counts_each_time(self, entry: Entry) -> None:
        assert None not in self.post([entry])
        self.note([entry])

    def note(self, entries: list[Entry]) -> None:
        self.counted += len(entries)
        for entry in entries:
            self.totals[entry.series] = self.totals.get(entry.series, 0) + 1
            if entry.duration is not None:
                total_time = entry.series._replace(name=SUM_OF[entry.series.name])
                self.totals[total_time] = self.totals.get(total_time, 0) + entry.duration

    @rule()
    def no_value_goes_down_and_no_series_appears_with_a_jump(self) -> None:
        self.commit(self.ledger.exposure(self.now))
        view = self.ledger.view()
        forgotten = view.events["forgotten"] > self.forgotten_before
        self.forgotten_before = view.events["forgotten"]
        for series, value in view.shown.items():
            before = self.last_shown.get(series, 0)
            if forgotten and value == 0:  # it begins anew; even between two scrapes, where others failed
                pass
            elif series in self.visible:
                assert value >= before
            else:
                assert value in (before, 0)
            self.last_shown[series] = value
        self.visible = set(view.shown)
        departures, order = self.last_order
        if view.departures == departures:
            assert list(view.shown)[: len(order)] == order
        self.last_order = view.departures, list(view.shown)
        assert_families_are_whole(view.shown)

    @rule(landed=st.booleans())
    def a_scrape_whose_commit_failed_shows_what_was_there(self, landed: bool) -> None:
        changes = self.ledger.exposure(self.now)
        if landed and changes.stored:
            self.journal.commit(changes)
            changes.scraped = False  # as it is told when the truth is read back
            self.ledger.apply(changes)

    @rule(seconds=st.sampled_from([1.0, 15.0, 31.0, 500.0, 2001.0, -20.0, -5000.0]))
    def the_clock_moves(self, seconds: float) -> None:
        self.now = max(1e5, self.now + seconds)

    @rule()
    def a_restart_finds_the_ledger_as_it_was(self) -> None:
        before = kept(self.ledger.view())
        self.restart()
        assert kept(self.ledger.view()) == before
        self.last_order = (0, [])

    @invariant()
    def every_event_is_somewhere(self) -> None:
        view = self.ledger.view()
        assert sum(view.events.values()) == self.counted
        of_events = [value for series, value in view.shown.items() if series.name not in SUM_OF.values()]
        assert sum(of_events) == view.events["shown"]

    @invariant()
    def nothing_has_left_that_was_not_shown(self) -> None:
        for series in SERIES:
            if self.ledger.total(series) is not None and self.ledger.show(series).state is State.DORMANT:
                assert self.ledger.total(series) == self.last_shown[series]

    @rule()
    def in_the_end_all_of_a_living_version_is_shown(self) -> None:
        for _ in range(3):
            self.no_value_goes_down_and_no_series_appears_with_a_jump()
            self.now += HOLD
        self.no_value_goes_down_and_no_series_appears_with_a_jump()
        view = self.ledger.view()
        assert view.events["held"] == 0
        if not view.events["forgotten"]:
            assert view.shown == {series: self.totals.get(series, 0) for series in view.shown}


def assert_families_are_whole(shown: dict[Series, int]) -> None:
    """In one scrape, what is born together is there together, and durations add up to no more than there can be."""
    for version in {series.version for series in shown}:
        values = {series.name: value for series, value in shown.items() if series.version == version}
        for family in PARTING:
            assert {name in values for name in (family.action, *family.names)} in ({True}, {False})
        for histogram in (LAUNCHES, PAGE_LOADS):
            counts = [values.get(part, 0) for part in histogram.parts]
            least = sum(map(mul, counts, (0, *histogram.bounds)))
            assert least <= values.get(SUM_OF[histogram.parts[0]], 0) <= sum(counts) * 600_000
            assert (least > 0) <= (sum(counts) > 0)


Scraper.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestScraper = Scraper.TestCase


def test_what_is_born_with_an_action_is_seen_at_0_with_it() -> None:
    """The first slow launch of a version must find its part there, seen at 0."""
    ledger = make()
    post(ledger, Entry(Series(VERSIONS[0], LAUNCHES.action)), at=0)

    first = scrape(ledger, 1).shown
    post(ledger, launch(VERSIONS[0], 7000), at=2)
    *_, last = [scrape(ledger, at).shown for at in (16, 31, 46)]

    assert {series.name: value for series, value in first.items()} == dict.fromkeys(
        [*OUTCOMES, LAUNCHES.action, *LAUNCHES.names], 0
    )
    assert {series.name: value for series, value in last.items() if value} == {
        LAUNCHES.action: 1,
        "launch:10.0": 1,
        "launch:sum": 7000,
    }


def test_a_series_of_an_older_release_gets_its_parts_with_its_next_event() -> None:
    """From 0 on, held as new ones are; what it has counted stays its own, and both add up to the action's number."""
    ledger, version = make(), VERSIONS[0]
    visits = Series(version, VISITS.action)
    old = Changes(0.0, totals={visits: 7}, shows={visits: Show(State.RELEASED, 0, 0.0)})
    old.sightings[version] = Sighting(0.0, 0.0)
    ledger.apply(old)
    post(ledger, *[Entry(Series(version, "visits:errors"))] * 2, at=1)

    first, *_, last = [scrape(ledger, at).shown for at in (1, 16, 31, 46)]

    assert first == {visits: 7} | {Series(version, name): 0 for name in VISITS.names}
    assert last == first | {Series(version, "visits:errors"): 2}


def test_the_lines_of_a_ledger_are_those_that_prometheus_sees() -> None:
    """Budgets are of these; a histogram has one more than it has counters."""
    ledger = make(hold=0)
    post(ledger, launch(VERSIONS[0], 700), Entry(Series(VERSIONS[0], "visits:crashes")), at=0)
    born = ledger.lines

    shown = scrape(ledger, 1)
    samples = [sample for family in Library(shown.shown).collect() for sample in family.samples]

    assert born == ledger.lines == shown.lines == len(samples)
    assert scrape(ledger, 2 * TTL).lines == ledger.lines == 0


@pytest.mark.parametrize(
    ("died", "label"), [(999_999, "unknown"), (1_000_000, VERSIONS[0].version), (2**53, VERSIONS[0].version)]
)
def test_an_exit_before_its_version_was_seen_counts_under_unknown(died: int, label: str) -> None:
    """The first launch after an upgrade of the plugin reports up to eight old ones, of whatever version then ran."""
    ledger = make()
    count(ledger, Series(VERSIONS[0], "set"), at=1000)
    draft = Draft(ledger, 5000)

    (counted,) = draft.add(columns([Entry(Series(VERSIONS[0], "app_anr"), exit=died)]))

    assert counted == Series(VERSIONS[0]._replace(version=label), "app_anr")


def test_a_version_that_shows_up_with_an_exit_did_not_die_of_it() -> None:
    """It is seen now, and the process died before."""
    draft = Draft(make(), 5000)

    counted = draft.add(columns([Entry(Series(VERSIONS[0], "app_anr"), exit=4_999_999), Entry(ONE)]))

    assert counted == [Series(VERSIONS[0]._replace(version="unknown"), "app_anr"), ONE]


def test_beginning_anew_shows_every_series_from_0_on() -> None:
    """An older copy that went on from where it was would read as an increase of all it holds."""
    ledger = make()
    count(ledger, ONE, ONE)
    for at in (1, 20, 40):
        scrape(ledger, at)
    ledger.apply(ledger.begin_anew(50))
    count(ledger, ONE, at=51)

    assert [scrape(ledger, at).shown[ONE] for at in (60, 75, 91)] == [0, 0, 1]
    assert ledger.view().events["forgotten"] == 2


def test_the_newest_event_is_known_of_each_app() -> None:
    """Of all its versions the last; to begin anew is no event."""
    ledger = make()
    other = Series(Version("com.acme.shop", "android", "2.0", False), "set")
    count(ledger, ONE, at=5)
    count(ledger, other, at=7)
    count(ledger, Series(ONE.version._replace(version="9.9"), "set"), at=6)
    ledger.apply(ledger.begin_anew(50))

    assert ledger.view().newest == {ONE.version.app_id: 6, "com.acme.shop": 7}


def test_the_versions_heard_from_last_are_told_first() -> None:
    """With what is counted of each, shown or not, and how many are left out; a duration's sum is no event."""
    ledger = make()
    count(ledger, Series(VERSIONS[0], "set"), Series(VERSIONS[0], "update_fail"), Series(VERSIONS[0], "set_fail"), at=5)
    count(ledger, Series(VERSIONS[1], "download_fail"), at=3)
    post(ledger, launch(VERSIONS[2], 400), Entry(Series(VERSIONS[2], "finish_download_fail")), at=4)

    assert ledger.newest(2) == Newest([Heard(VERSIONS[0], 5, 3, 2), Heard(VERSIONS[2], 4, 2, 0)], 1)
    assert ledger.newest(9).versions[2:] == [Heard(VERSIONS[1], 3, 1, 1)]


def test_asking_changes_nothing() -> None:
    """A draft and `exposure` may be thrown away, as after a failed commit."""
    ledger = make()
    count(ledger, ONE)
    before = ledger.view()

    Draft(ledger, 5).add(columns([Entry(ONE, 1, 5000)]))
    ledger.exposure(1e9)

    assert ledger.view() == before
    assert Draft(ledger, 6).add(columns([Entry(ONE, 1, 5000)])) == [ONE]


def test_applying_twice_is_applying_once() -> None:
    """Changes hold absolute values, so a transaction that was in doubt can be applied when it turns out to be there."""
    ledger = make()
    draft = Draft(ledger, 0)
    draft.add(columns([Entry(ONE, 1), Entry(ONE)]))
    ledger.apply(draft.changes)
    once = ledger.view()

    ledger.apply(draft.changes)

    assert ledger.view() == once


@pytest.mark.parametrize("state", State)
def test_the_states_keep_their_numbers(state: State) -> None:
    """They are stored: a ledger written by an older release must mean the same."""
    assert {"HIDDEN": 0, "HELD": 1, "RELEASED": 2, "DORMANT": 3}[state.name] == state


@given(st.lists(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 9)), max_size=8), max_size=4))
def test_events_count_alike_in_one_post_and_one_by_one(posts: list[list[tuple[Entry, int]]]) -> None:
    """Retries among them, within a post and across posts, and events for which there is no room."""
    limits = Limits(TTL, HOLD, max_dormant=100, memory=1000, budgets=BUDGETS, devices=5)
    together, apart = Draft(Ledger(limits), 1e6), Draft(Ledger(limits), 1e6)
    for picks in posts:
        entries = [
            event._replace(fingerprint=number or None, timestamp=number, device=number) for event, number in picks
        ]
        assert [*together.add(columns(entries))] == [
            series for entry in entries for series in apart.add(columns([entry]))
        ]

    assert together.changes == apart.changes
    assert together.folded == apart.folded
