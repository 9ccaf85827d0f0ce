"""Whatever is posted, the values stay within their budgets, and junk does not keep real versions out."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.counting.budgets import ENTRY_DEVICES, ENTRY_EVENTS, RESERVED_SERIES, Candidates, Demand
from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.census import BIRTHS_PER_HOUR, OVERFLOW
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.wire.actions import CATALOGUE, OUTCOMES
from exporter.wire.labels import Series, Version
from tests.support.entries import Entry, columns
from tests.support.ledgers import post

APP = "com.acme.notes"
HOUR = 3600.0


def make(max_apps: int = 3, max_versions: int = 100, max_series: int = 100_000) -> Ledger:
    return Ledger(Limits(1e9, 0, 1000, 1000, BudgetLimits(max_apps, max_versions, max_series)))


def series(version: str, app_id: str = APP, action: str = "set", platform: str = "ios") -> Series:
    return Series(Version(app_id, platform, version, False), action)


def count(ledger: Ledger, asked: Series, device: str = "d", at: float = 0.0) -> Series:
    """Post one event; the series it was counted in."""
    (counted,) = post(ledger, Entry(asked, device=hash(device)), at=at)
    assert counted is not None
    return counted


def scrape(ledger: Ledger, at: float) -> set[str]:
    """The versions on /metrics."""
    ledger.apply(ledger.exposure(at))
    return {shown.version.version for shown in ledger.view().shown}


def insist(ledger: Ledger, asked: Series, events: int, at: float = 0.0) -> list[Series]:
    """Events from as many devices as there are events."""
    return [count(ledger, asked, device=f"device-{number}", at=at) for number in range(events)]


def test_within_the_budget_every_version_has_its_series() -> None:
    """The newcomer's single `curl` must show."""
    assert count(make(), series("1.0")) == series("1.0")


def test_beyond_the_allowance_a_version_has_to_show_that_it_is_real() -> None:
    """Its first events count under the overflow; only future ones move."""
    ledger = make()
    for number in range(BIRTHS_PER_HOUR):
        count(ledger, series(f"0.{number}"))

    counted = insist(ledger, series("1.0"), 2 * ENTRY_EVENTS)

    assert counted == [series(OVERFLOW)] * (ENTRY_EVENTS - 1) + [series("1.0")] * (ENTRY_EVENTS + 1)


def test_the_allowance_returns_within_the_hour() -> None:
    """A team that ships often is not throttled for ever."""
    ledger = make()
    for number in range(BIRTHS_PER_HOUR):
        count(ledger, series(f"0.{number}"))

    assert count(ledger, series("1.0"), at=HOUR - 1) == series(OVERFLOW)
    assert count(ledger, series("1.1"), at=HOUR + 1) == series("1.1")


def test_many_events_of_one_device_do_not_make_a_version_real() -> None:
    """A single sender is not a fleet."""
    ledger = make(max_versions=1)
    count(ledger, series("1.0"))
    scrape(ledger, HOUR)

    counted = {count(ledger, series("2.0"), device="one", at=2 * HOUR) for _ in range(10 * ENTRY_EVENTS)}

    assert counted == {series(OVERFLOW)}


def test_a_full_budget_gives_the_place_of_the_least_used_idle_version() -> None:
    """And of that one alone; what it had counted stays as it was, for its return."""
    ledger = make(max_versions=3)
    for version, events in (("0.1", 5), ("0.2", 1), ("0.3", 9)):
        insist(ledger, series(version), events)
    scrape(ledger, 1)

    insist(ledger, series("1.0"), ENTRY_EVENTS, at=2 * HOUR)

    assert scrape(ledger, 2 * HOUR) == {"0.1", "0.3", "1.0", OVERFLOW}
    assert ledger.view().events["dormant"] == 1


def test_a_version_in_use_keeps_its_place() -> None:
    """Known values keep their series, however many ask."""
    ledger = make(max_versions=1)
    count(ledger, series("1.0"), at=0)
    scrape(ledger, 1)
    count(ledger, series("1.0"), at=2 * HOUR - 60)
    scrape(ledger, 2 * HOUR - 30)

    assert insist(ledger, series("2.0"), 50, at=2 * HOUR)[-1] == series(OVERFLOW)
    assert count(ledger, series("1.0"), at=2 * HOUR) == series("1.0")


def test_beyond_the_apps_both_labels_fold() -> None:
    """A stranger's app is counted, but not under a name of its choosing."""
    ledger = make(max_apps=2)
    for app_id in ("com.acme.a", "com.acme.b"):
        count(ledger, series("1.0", app_id))

    assert count(ledger, series("1.0", "com.acme.c")) == series(OVERFLOW, OVERFLOW)


def test_an_app_that_is_real_takes_the_place_of_an_idle_one() -> None:
    """Junk that came first does not keep it out for the whole time to live."""
    ledger = make(max_apps=1)
    count(ledger, series("1.0", "com.junk.one"))
    scrape(ledger, 1)

    assert insist(ledger, series("1.0"), ENTRY_EVENTS, at=2 * HOUR)[-1] == series("1.0")


def test_a_flood_of_forged_versions_costs_a_real_rollout_few_events() -> None:
    """Between any two events of the real version come a thousand forged ones."""
    ledger = make()
    real = []
    for number in range(40):
        draft = Draft(ledger, 0.0)
        draft.add(columns([Entry(series(f"9.{number}.{junk}"), device=junk + 1) for junk in range(1000)]))
        (counted,) = draft.add(columns([Entry(series("1.0"), device=number + 1)]))
        ledger.apply(draft.changes)
        real.append(counted)

    assert real[20:] == [series("1.0")] * 20
    assert ledger.census.versions(APP) <= BIRTHS_PER_HOUR + 1


names = st.sampled_from([f"1.{number}" for number in range(12)])
asked = st.builds(
    series,
    names,
    st.sampled_from(["com.a.a", "com.a.b", "com.a.c"]),
    st.sampled_from(sorted(CATALOGUE)),
    st.just("ios"),
)


@given(
    st.lists(st.tuples(asked, st.sampled_from("abcd"), st.sampled_from([0.0, 60.0, 4000.0])), max_size=150),
    st.integers(1, 3),
    st.integers(1, 5),
)
@settings(deadline=None, max_examples=60)
def test_no_sequence_of_posts_exceeds_a_budget(
    posts: list[tuple[Series, str, float]], apps: int, versions: int
) -> None:
    """And each event is counted in its own series, or in the overflow of its app, or of all."""
    limit = 2 * RESERVED_SERIES + 40
    ledger = make(max_apps=apps, max_versions=versions, max_series=limit)
    now = 0.0
    for wanted, device, seconds in posts:
        now += seconds
        version = wanted.version
        counted = count(ledger, wanted, device, now)
        assert counted in (
            wanted,
            wanted._replace(version=version._replace(version=OVERFLOW)),
            wanted._replace(version=version._replace(version=OVERFLOW, app_id=OVERFLOW)),
        )
        scrape(ledger, now)
        assert ledger.census.real_apps <= apps
        assert all(ledger.census.versions(app) <= versions for app in ledger.census.apps)
        assert ledger.lines == ledger.view().lines <= limit


def test_near_the_series_limit_the_version_folds_and_at_it_the_app_as_well() -> None:
    """Those series are reserved, so there is always one to count in."""
    room = 3 * (len(OUTCOMES) + 1)
    ledger = make(max_apps=100, max_series=2 * RESERVED_SERIES + room)
    counted = [count(ledger, series("1.0", f"com.acme.app{number}", "get")) for number in range(100)]

    assert counted[:3] == [series("1.0", f"com.acme.app{number}", "get") for number in range(3)]
    assert counted[3] == series(OVERFLOW, OVERFLOW, "get")
    known = [count(ledger, series("1.0", "com.acme.app0", action)) for action in sorted(CATALOGUE)]
    assert known.count(series(OVERFLOW, "com.acme.app0", "ping")) == 1


@pytest.mark.parametrize("distinct", [0, 1, 255, 1000, 50_000])
def test_the_demand_is_estimated_within_a_fifth(distinct: int) -> None:
    """Exactly as long as it is small."""
    demand = Demand()
    for number in range(distinct):
        demand.note(f"value {number}")
        demand.note("value 0")

    estimate = demand.estimate()
    assert estimate == distinct if distinct < 256 else abs(estimate - distinct) < distinct / 5


def test_no_text_of_a_client_is_kept() -> None:
    """However long the names that ask, and each another one; of devices only keys get here."""
    candidates, demand = Candidates(), Demand()

    def ask(text: str) -> None:
        for value in ((APP, text), (text,), (APP, "1.0")):
            candidates.ask(value, 1)
            demand.note(value)

    tracemalloc.start()
    try:
        for number in range(60):
            ask(f"{number:02}" * 2**19)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 2**19


def test_candidates_need_events_and_devices() -> None:
    """Ten events of three devices."""
    candidates = Candidates()
    asked_before = [candidates.ask(("a", "1"), n % ENTRY_DEVICES) for n in range(ENTRY_EVENTS)]

    assert asked_before == [False] * (ENTRY_EVENTS - 1) + [True]
