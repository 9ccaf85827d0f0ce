"""Which counters there are, which of them are born together, and in which part a duration counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.families import (
    BESIDE,
    FAMILIES,
    LAUNCHES,
    PAGE_LOADS,
    PARTING,
    SUM_OF,
    Family,
    action_of,
    born_with,
    key_of,
    lines_of,
    member_of,
)

HISTOGRAMS = [LAUNCHES, PAGE_LOADS]


def test_the_bounds_are_written_as_prometheus_3_writes_them() -> None:
    """It renames a bucket `5` to `5.0`, and a query for the other one finds nothing."""
    assert [*map(member_of, LAUNCHES.parts)] == ["0.5", "1.0", "1.5", "2.0", "3.0", "5.0", "10.0", "30.0", "+Inf"]
    assert [*map(member_of, PAGE_LOADS.parts)] == ["0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "+Inf"]


def test_a_version_of_a_platform_costs_23_series_more() -> None:
    """Three for visits, eleven for launches, nine for page loads, as Prometheus counts them."""
    assert {family.key: sum(map(lines_of, family.names)) for family in PARTING} == {
        "visits": 3,
        "launch": 11,
        "page_load": 9,
    }


def test_each_counter_has_one_name_and_one_family() -> None:
    """They are kept in one table; no action can be taken for the part of another."""
    names = [name for family in FAMILIES for name in family.names]

    assert len(set(names)) == len(names)
    assert {*names} >= {*CATALOGUE, OTHER}
    assert all(key_of(name) == family.key for family in FAMILIES for name in family.names)


def test_an_action_is_born_with_its_parts_whichever_comes_first() -> None:
    """An event counts in one of them, and each of them counts events of that action; a sum counts none."""
    for family in PARTING:
        assert {born_with(name) for name in (family.action, *family.names)} == {(family.action, *family.names)}
        assert {action_of(name) for name in (family.action, *family.parts)} == {family.action}
        assert BESIDE.isdisjoint((family.action, *family.parts))
        assert {*family.beside} <= BESIDE
    assert {*SUM_OF.values()} == {"launch:sum", "page_load:sum"}


@pytest.mark.parametrize("histogram", HISTOGRAMS, ids=lambda family: family.key)
@given(milliseconds=st.integers(0, 600_000))
def test_a_duration_is_in_the_first_part_that_holds_it(histogram: Family, milliseconds: int) -> None:
    """A bound belongs to its part; beyond the last one is `+Inf`."""
    bounds = [float(member_of(part)) for part in histogram.parts]
    expected = next(at for at, bound in enumerate(bounds) if milliseconds / 1000 <= bound)

    assert histogram.part(milliseconds) == histogram.parts[expected]


@pytest.mark.parametrize("histogram", HISTOGRAMS, ids=lambda family: family.key)
def test_a_bound_is_within_its_part_and_a_millisecond_more_is_not(histogram: Family) -> None:
    """As `le` says."""
    for at, bound in enumerate(histogram.bounds):
        assert histogram.part(bound) == histogram.parts[at]
        assert histogram.part(bound + 1) == histogram.parts[at + 1]
