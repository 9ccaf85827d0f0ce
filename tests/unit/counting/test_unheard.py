"""Devices in the order in which they were heard last, though those that are heard again are not moved."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from exporter.counting.unheard import STALE, Unheard


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 5), st.booleans())))
def test_the_oldest_come_first_and_each_at_its_last_hour(deeds: list[tuple[int, int, bool]]) -> None:
    """Whoever is heard in whatever hour, or leaves."""
    heard: dict[int, int] = {}
    unheard = Unheard(heard.get)
    for key, hour, leaves in deeds:
        if leaves:
            heard.pop(key, None)
            continue
        if key not in heard:
            unheard.add([key], hour)
        heard[key] = max(hour, heard.get(key, 0))
        unheard.tidy()

        found = dict.fromkeys(unheard.oldest())
        assert [hour for hour, _ in found] == sorted(hour for hour, _ in found)
        assert {(hour, key) for key, hour in heard.items()} >= set(found)
    for _ in range(len(deeds)):
        unheard.tidy()
    first = next(unheard.oldest(), None)
    assert (first is None) == (not heard)
    assert first is None or first[0] == min(heard.values())


def test_very_many_that_are_stale_hold_nobody_up() -> None:
    """They are passed over a few thousand at a time, each once."""
    heard = {0: 0} | dict.fromkeys(range(1, 3 * STALE), 5)
    unheard = Unheard(heard.get)
    unheard.add(range(3 * STALE), 0)
    assert [*islice(unheard.oldest(), 2)] == [(0, 0)]

    heard[0] = 9
    rounds = 0
    while not [*islice(unheard.oldest(), 1)]:
        rounds += 1
        unheard.tidy()
    assert rounds == 2  # the last run of them is passed over
    assert next(unheard.oldest()) == (5, 1)
