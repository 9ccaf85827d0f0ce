"""Nothing ends but for what enters in its place, no budget is exceeded, and what is refused changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.counting.budgets import ENTRY_EVENTS, RESERVED_SERIES
from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.census import BIRTHS_PER_HOUR, OVERFLOW, RESERVED_VERSIONS, Census
from exporter.counting.changes import Changes, Sighting
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.wire.actions import OUTCOMES
from exporter.wire.labels import UNKNOWN_VERSION, Series, Version
from tests.support.entries import Entry, columns

APP = "com.acme.notes"
HOUR = 3600.0
WHOLE = len(OUTCOMES) + 1
"""The series of a version with one action that is no outcome."""


def make(
    max_apps: int = 3, max_versions: int = 100, max_series: int = 100_000, apps: Sequence[str] = (), hold: float = 0.0
) -> Ledger:
    return Ledger(Limits(1e9, hold, 1000, 1000, BudgetLimits(max_apps, max_versions, max_series, frozenset(apps))))


def series(version: str, app_id: str = APP, platform: str = "ios", action: str = "get") -> Series:
    return Series(Version(app_id, platform, version, False), action)


def post(ledger: Ledger, events: Sequence[Series], at: float) -> tuple[list[Series], Changes]:
    """Post events of as many devices; the series they were counted in, and what changed."""
    draft = Draft(ledger, at)
    counted = draft.add(columns([Entry(event, device=hash((at, number))) for number, event in enumerate(events)]))
    ledger.apply(draft.changes)
    ledger.apply(ledger.exposure(at + 1))
    assert None not in counted
    return [one for one in counted if one is not None], draft.changes


def insist(event: Series) -> list[Series]:
    """Enough events to show that a version, or an app, is real."""
    return [event] * ENTRY_EVENTS


def labels(ledger: Ledger, app_id: str = APP) -> set[str]:
    """The versions that an app has."""
    return {version.version for version in ledger.counted() if version.app_id == app_id}


def test_what_is_folded_makes_no_room_for_an_app() -> None:
    """Its end would free nothing, and the apps would exceed their budget, one after the other."""
    ledger = make(max_apps=2)
    for number, app in enumerate("abcdefgh"):
        event, at = series("1.0", f"com.acme.{app}"), 10 * number * HOUR
        post(ledger, insist(event)[1:], at)
        post(ledger, [event] * 100, at + 5 * HOUR)  # what its first ones were folded to is idle by now

    apps = {version.app_id for version in ledger.counted()}
    assert len(apps) == 3
    assert {"com.acme.h", OVERFLOW} < apps


def crowd(ledger: Ledger, versions: int, action: str) -> list[str]:
    """So many versions that are idle at the end of the second hour."""
    names = [f"0.{number}" for number in range(versions)]
    for number, name in enumerate(names):
        post(ledger, [series(name, action=action)], HOUR * (number - versions))
    return names


def test_a_version_whose_series_do_not_fit_ends_no_other() -> None:
    """However often it asks: one post of 40 events ended 40 versions, and let none in."""
    ledger = make(max_versions=40, max_series=2 * RESERVED_SERIES + 40 * len(OUTCOMES))
    names = crowd(ledger, 40, "set")

    counted, changes = post(ledger, [series("9.0")] * 40, 3 * HOUR)

    assert {*counted} == {series(OVERFLOW)}
    assert changes.ended == []
    assert labels(ledger) == {*names, OVERFLOW}


def test_a_version_takes_the_series_of_the_one_it_replaces() -> None:
    """Where both budgets are full, the place is as large as what left it."""
    ledger = make(max_versions=40, max_series=2 * RESERVED_SERIES + 40 * WHOLE)
    names = crowd(ledger, 40, "get")
    post(ledger, [series("0.0")], 0)  # used twice as much as the others, and not the one to go

    _, changes = post(ledger, [series("9.0")] * 40, 3 * HOUR)

    assert len(changes.ended) == 1
    assert labels(ledger) == {*names, OVERFLOW, "9.0"} - {changes.ended[0].version}
    assert "0.0" in labels(ledger)


@pytest.mark.parametrize(
    "known",
    [series("1.0", platform="android"), Series(Version(APP, "ios", "1.0", True), "get"), series(UNKNOWN_VERSION)],
    ids=["on another platform", "on test devices", "without a version"],
)
@pytest.mark.parametrize(("limit", "there"), [(2, 1), (100, BIRTHS_PER_HOUR - 1)], ids=["room", "births"])
def test_what_is_no_new_version_takes_no_versions_place(known: Series, limit: int, there: int) -> None:
    """A label that is in on another platform, or none, costs neither room nor a birth."""
    ledger = make(max_versions=limit)
    post(ledger, [series(f"1.{number}") for number in range(there)], 0)

    counted, _ = post(ledger, [known, series("2.0")], HOUR / 2)

    assert counted == [known, series("2.0")]


def test_a_version_that_made_room_does_not_return_on_another_platform_in_the_same_draft() -> None:
    """It would be one more than there may be."""
    ledger = make(max_versions=1)
    post(ledger, [series("1.0")], 0)

    counted, _ = post(ledger, [*insist(series("2.0")), series("1.0", platform="android")], 2 * HOUR)

    assert counted[-2:] == [series("2.0"), series(OVERFLOW, platform="android")]
    assert labels(ledger) == {"2.0", OVERFLOW}


def test_an_app_that_made_room_does_not_return_folded_in_the_same_draft() -> None:
    """Nor under any version: it is out as a whole."""
    ledger = make(max_apps=1)
    post(ledger, [series("1.0")], 0)

    counted, _ = post(ledger, [*insist(series("1.0", "com.acme.a")), series("1.0"), series("1.1")], 2 * HOUR)

    assert counted[-3:] == [series("1.0", "com.acme.a"), series(OVERFLOW, OVERFLOW), series(OVERFLOW, OVERFLOW)]


def test_apps_that_are_named_are_a_budget_of_their_own() -> None:
    """However few apps there may be else, and whichever are in from before they were named."""
    named = [f"com.acme.app{number}" for number in range(25)]
    ledger = make(max_apps=5, apps=named)
    for stranger in ("com.junk.a", "com.junk.b", "com.junk.c", "com.junk.d", "com.junk.e"):
        ledger.census.add(Version(stranger, "ios", "1.0", False), 0)

    counted, _ = post(ledger, [series("1.0", app) for app in named], 1)

    assert counted == [series("1.0", app) for app in named]
    assert ledger.view().budgets["app_id"] == (25, 25, 0)


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
def test_the_allowance_is_the_same_after_a_restart(order: int) -> None:
    """The disk hands the versions over in another order than that of their births."""
    births = [0.0] * BIRTHS_PER_HOUR + [2 * HOUR] * BIRTHS_PER_HOUR
    rows = Changes(0.0)
    for number, first in [*enumerate(births)][::order]:
        born = series(f"1.{number}")
        rows.totals[born] = 1
        rows.sightings[born.version] = Sighting(first, first)
    ledger = make()
    ledger.apply(rows)

    counted, _ = post(ledger, [series("2.0")], 2.5 * HOUR)

    assert counted == [series(OVERFLOW)]


APPS = ["com.a.a", "com.a.b", "com.a.c"]
NAMES = ["1.0", "1.1", "1.2", "1.3", UNKNOWN_VERSION]
EVENTS = [
    Series(Version(app, platform, name, test), action)
    for app, platform, name, test, action in product(APPS, ("ios", "android"), NAMES, (False, True), ("set", "get"))
]
POSTS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(1, 4), st.integers(1, 12)), max_size=12),
        st.sampled_from([0.0, 60.0, 4000.0]),
        st.booleans(),
    ),
    max_size=25,
)


def ended_groups(before: Census, after: Census) -> tuple[set[str], set[tuple[str, str]]]:
    """The apps that were in and are not, and the versions of the others."""
    apps = before.apps.keys() - after.apps.keys()
    return apps, {
        (app, label)
        for app, entry in before.apps.items()
        if app not in apps
        for label in entry.labels
        if not after.has(app, label)
    }


@given(POSTS, st.integers(1, 2), st.integers(1, 3), st.integers(6, 60))
@settings(deadline=None, max_examples=200)
def test_nothing_ends_but_for_what_enters_and_no_budget_is_exceeded(
    posts: list[tuple[list[tuple[Series, int, int]], float, bool]], apps: int, versions: int, room: int
) -> None:
    """Whatever is posted together, by whom, and when."""
    limit = 2 * RESERVED_SERIES + room
    ledger, now = make(apps, versions, limit), 0.0
    for events, seconds, scraped in posts:
        now += seconds
        before, counted = ledger.census.fork(), sum(ledger.counted().values())
        draft = Draft(ledger, now)
        for event, device, times in events:
            draft.add(columns([Entry(event, device=device)] * times))
        ledger.apply(draft.changes)
        if scraped:
            ledger.apply(ledger.exposure(now + 1))

        census = ledger.census
        assert census.real_apps <= apps
        assert all(census.versions(app) <= versions for app in census.apps)
        assert ledger.lines <= limit
        gone_apps, gone_versions = ended_groups(before, census)
        new_apps, new_versions = ended_groups(census, before)
        assert len(gone_apps) <= len(new_apps - {OVERFLOW})
        assert OVERFLOW not in gone_apps
        for app in APPS:
            entered = [label for of, label in new_versions if of == app and label not in RESERVED_VERSIONS]
            assert sum(of == app for of, _ in gone_versions) <= len(entered)
        assert {*draft.changes.ended}.isdisjoint(draft.changes.sightings)
        assert sum(ledger.view().events.values()) >= counted + sum(times for *_, times in events)


class Evidence:
    """That all which ask are real, or that none is."""

    def __init__(self, real: bool) -> None:
        self.real = real

    def ask(self, _key: tuple[str, ...], _device: int) -> bool:
        return self.real


@given(
    POSTS,
    st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(1, 30)), max_size=12),
    st.integers(6, 60),
    st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_a_decision_does_not_depend_on_how_often_it_is_asked_for(
    posts: list[tuple[list[tuple[Series, int, int]], float, bool]],
    asked: list[tuple[Series, int]],
    room: int,
    real: bool,
) -> None:
    """Of those that have shown that they are real, and of those that never do."""
    ledger, now = make(2, 3, 2 * RESERVED_SERIES + room), 0.0
    for events, seconds, _ in posts:
        now += seconds
        post(ledger, [event for event, *_ in events], now)
    ledger.budgets._candidates = Evidence(real)  # type: ignore[assignment]  # noqa: SLF001 - to hold it still

    once, often = Draft(deepcopy(ledger), now + HOUR), Draft(deepcopy(ledger), now + HOUR)
    first = once.add(columns([Entry(event, device=1) for event, _ in asked]))
    for (event, times), expected in zip(asked, first, strict=True):
        assert {*often.add(columns([Entry(event, device=1)] * times))} == {expected}

    assert once.changes.ended == often.changes.ended
    assert once.changes.sightings == often.changes.sightings
    assert once.changes.shows == often.changes.shows
