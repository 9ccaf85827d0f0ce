"""When a series is hidden, held, released, dormant and forgotten."""

from exporter.counting.changes import State
from exporter.wire.actions import OUTCOMES
from exporter.wire.labels import Series
from tests.support.entries import Entry
from tests.support.ledgers import ONE, TTL, VERSIONS, count, launch, make, post, scrape


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
