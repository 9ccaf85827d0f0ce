"""What a scraper sees of any sequence of posts, retries, scrapes, crashes and turns of the clock."""

import tempfile
from operator import mul
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.changes import Changes, Show, Sighting, State
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.counting.view import Heard, Newest, View
from exporter.storage.journal import Journal
from exporter.wire.actions import OUTCOMES
from exporter.wire.families import LAUNCHES, PAGE_LOADS, PARTING, SUM_OF, VISITS, Family
from exporter.wire.labels import Series, Version
from tests.support.entries import Entry, columns
from tests.support.library import Library

HOLD = 30.0
TTL = 2000.0
MAX_DORMANT = 8
MEMORY = 6
BUDGETS = BudgetLimits(max_apps=5, max_versions=5, max_series=4000)
WINDOW = 1e9
CLOCKS = [0.0, 1.0, -1.0, 1200.0, -1200.0, 3 * 3600.0, -3 * 3600.0, 6 * 86400.0, -86400.0]
"""Seconds by which devices' clocks are ahead."""


VERSIONS = [
    Version("com.acme.notes", "ios", name, test) for name, test in (("1.0", False), ("1.1", False), ("1.1", True))
]
SERIES = [Series(version, action) for version in VERSIONS for action in ("set", "update_fail", "download_10")]


def launch(version: Version, milliseconds: int, histogram: Family = LAUNCHES) -> Entry:
    """A launch, or a page load, that took so long."""
    return Entry(Series(version, histogram.part(milliseconds)), duration=milliseconds)


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


class Scraper(RuleBasedStateMachine):
    """A ledger on a real file, a clock that the test owns, and what the events' senders know they sent."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1e6
        self.sent: list[Entry] = []
        self.counted = 0
        self.totals: dict[Series, int] = {}
        self.last_shown: dict[Series, int] = {}
        self.visible: set[Series] = set()
        self.forgotten_before = 0
        self.last_order: tuple[int, list[Series]] = (0, [])

    @initialize()
    def start(self) -> None:
        self.journal = Journal(Path(self.folder.name), "process", MEMORY, WINDOW)
        self.ledger = Ledger(Limits(TTL, HOLD, MAX_DORMANT, MEMORY, BUDGETS))
        self.journal.load(self.ledger.apply)

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()

    def commit(self, changes: Changes) -> None:
        if changes.stored:
            self.journal.commit(changes)
        self.ledger.apply(changes)

    def post(self, entries: list[Entry]) -> list[bool]:
        draft = Draft(self.ledger, self.now, self.journal.remembers)
        counted = draft.add(columns(entries))
        self.commit(draft.changes)
        return [series is not None for series in counted]

    @rule(picks=st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(CLOCKS)), max_size=5))
    def new_events_count_once(self, picks: list[tuple[Entry, float]]) -> None:
        first = len(self.sent)
        entries = [
            entry._replace(fingerprint=first + offset, timestamp=int((self.now + ahead) * 1000))
            for offset, (entry, ahead) in enumerate(picks)
        ]
        self.sent += entries
        assert self.post(entries) == [True] * len(entries)
        self.note(entries)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_retry_counts_nothing_and_costs_newer_events_nothing(self, data: st.DataObject) -> None:
        old = data.draw(st.lists(st.sampled_from(self.sent), min_size=1, max_size=5))
        new = Entry(SERIES[0], len(self.sent), int(self.now * 1000))
        self.sent.append(new)
        assert self.post([*old, new]) == [False] * len(old) + [True]
        self.note([new])

    @rule(entry=st.sampled_from(EVENTS))
    def an_event_without_a_moment_counts_each_time(self, entry: Entry) -> None:
        assert self.post([entry]) == [True]
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
        self.journal.close()
        self.start()
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

ONE = Series(VERSIONS[0], "update_fail")


def make(hold: float = HOLD, max_dormant: int = 100) -> Ledger:
    return Ledger(Limits(TTL, hold, max_dormant, 1000, BUDGETS))


def post(ledger: Ledger, *entries: Entry, at: float) -> None:
    draft = Draft(ledger, at)
    draft.add(columns(entries))
    ledger.apply(draft.changes)


def count(ledger: Ledger, *series: Series, at: float = 0.0) -> None:
    post(ledger, *map(Entry, series), at=at)


def scrape(ledger: Ledger, at: float) -> View:
    ledger.apply(ledger.exposure(at))
    return ledger.view()


def test_a_new_version_is_born_with_all_outcomes_at_0() -> None:
    """The first failure of a version must find its series there, seen at 0."""
    ledger = make()
    count(ledger, Series(VERSIONS[0], "download_10"))

    shown = scrape(ledger, 1).shown

    assert shown == dict.fromkeys([Series(VERSIONS[0], action) for action in (*OUTCOMES, "download_10")], 0)


def test_release_needs_the_hold_and_two_scrapes() -> None:
    """Neither time without scrapes nor scrapes without time let a series move."""
    many_scrapes, long_wait = make(), make()
    for ledger in (many_scrapes, long_wait):
        count(ledger, ONE)

    assert {scrape(many_scrapes, at).shown[ONE] for at in (1, 2, 3, 4, 30)} == {0}
    assert scrape(many_scrapes, 31).shown[ONE] == 1

    assert [scrape(long_wait, at).shown[ONE] for at in (1, 1000, 1001)] == [0, 0, 1]


def test_release_is_a_latch() -> None:
    """A clock turned back far behind the birth hides nothing again."""
    ledger = make()
    count(ledger, ONE, at=1000)
    for at in (1000, 1015, 1031):
        scrape(ledger, at)
    count(ledger, ONE, at=10)

    assert scrape(ledger, 10).shown[ONE] == 2


def test_a_clock_turned_back_starts_a_hold_anew_instead_of_holding_for_ever() -> None:
    """A hold that began in a future that never comes would never end."""
    ledger = make()
    count(ledger, ONE, at=1e6)
    scrape(ledger, 1e6)

    assert [scrape(ledger, at).shown[ONE] for at in (10, 25, 41)] == [0, 0, 1]


def test_without_a_hold_values_are_true_at_once() -> None:
    """`--zero-hold 0s`."""
    ledger = make(hold=0)
    count(ledger, ONE)

    assert scrape(ledger, 0).shown[ONE] == 1


def test_a_version_that_returns_is_held_at_its_last_value_and_then_moves() -> None:
    """Prometheus reads the return as an increase from there, and misses nothing."""
    ledger = make()
    count(ledger, ONE, ONE)
    for at in (1, 20, 40):
        scrape(ledger, at)
    assert ONE not in scrape(ledger, TTL + 1).shown
    count(ledger, ONE, at=TTL + 2)

    returned = TTL + 10
    assert [scrape(ledger, returned + after).shown[ONE] for after in (0, 15, 31)] == [2, 2, 3]


def test_a_version_that_no_scrape_has_shown_does_not_end() -> None:
    """As after a month without Prometheus: it is born, held and released first, and what it counted is shown."""
    ledger = make()
    count(ledger, ONE)

    values = [scrape(ledger, 2 * TTL + after).shown.get(ONE) for after in (0, 15, 31, 46)]

    assert values == [0, 0, 1, None]


def test_a_release_that_no_scrape_has_shown_is_shown_before_its_version_ends() -> None:
    """The commit failed, so the scrape was served without it, and yet it had landed."""
    ledger = make()
    count(ledger, ONE)
    for at in (1, 20):
        scrape(ledger, at)
    landed = ledger.exposure(40)
    assert landed.shows[ONE].state is State.RELEASED
    landed.scraped = False
    ledger.apply(landed)

    assert [scrape(ledger, TTL + after).shown.get(ONE) for after in (50, 60)] == [1, None]


def test_a_series_whose_birth_no_scrape_has_shown_is_held_for_two_more() -> None:
    """It was not on /metrics, for a client that was told of a failure."""
    ledger = make()
    count(ledger, ONE)
    landed = ledger.exposure(1)
    landed.scraped = False
    ledger.apply(landed)

    assert [scrape(ledger, at).shown[ONE] for at in (40, 50, 60)] == [0, 0, 1]


def test_an_event_of_a_clock_turned_back_is_shown_before_its_version_ends() -> None:
    """By the clock it came before the last scrape."""
    ledger = make()
    count(ledger, ONE, at=1000)
    for at in (1000, 1015, 1031):
        scrape(ledger, at)
    count(ledger, ONE, at=500)

    assert [scrape(ledger, TTL + 1000 + after).shown.get(ONE) for after in (40, 50)] == [2, None]


def test_the_oldest_dormant_series_are_forgotten_first_and_come_back_at_0() -> None:
    """A ledger that kept all versions for ever would grow for ever."""
    ledger = make(max_dormant=len(OUTCOMES))
    older, newer = Series(VERSIONS[0], "set"), Series(VERSIONS[1], "set")
    count(ledger, older)
    for at in (1, 20, 40):
        scrape(ledger, at)
    count(ledger, newer, at=100)
    for at in (50, 65, 81, 200):
        scrape(ledger, TTL + at)

    view = scrape(ledger, TTL + 201)
    assert (view.events["dormant"], view.events["forgotten"]) == (1, 1)
    count(ledger, older, at=TTL + 300)
    assert scrape(ledger, TTL + 301).shown[older] == 0


def test_a_histogram_is_forgotten_whole() -> None:
    """Were some of its parts forgotten and others not, its buckets would return without their sum."""
    ledger = make(max_dormant=20)
    for at, entry in ((0, launch(VERSIONS[0], 700)), (TTL, Entry(Series(VERSIONS[1], "set")))):
        post(ledger, entry, at=at)
        for after in (1, 20, 40):
            scrape(ledger, at + after)
    scrape(ledger, 2 * TTL + 50)

    scrape(ledger, 2 * TTL + 51)  # 21 are dormant now, one too many

    assert ledger.lines == 0
    assert ledger.view().events == {"shown": 0, "held": 0, "dormant": 1, "forgotten": 1}
    post(ledger, launch(VERSIONS[0], 700), at=2 * TTL + 100)
    assert set(scrape(ledger, 2 * TTL + 101).shown.values()) == {0}


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
