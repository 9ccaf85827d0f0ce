"""The memory of fingerprints holds at least the newest, and says since when."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.counting.seen import Seen


@given(st.integers(1, 50), st.lists(st.integers(1, 20), max_size=40))
def test_the_newest_are_remembered(capacity: int, sizes: list[int]) -> None:
    """At least `capacity` of them, and not many more."""
    seen = Seen(capacity)
    added: list[int] = []
    for at, size in enumerate(sizes):
        values = [len(added) + n for n in range(size)]
        added += values
        seen.add(values, float(at))

    newest = set(added[-capacity:])
    assert seen.known(newest) == newest
    assert len(seen) <= 2 * capacity + 5 * 20


def test_a_clock_turned_back_does_not_make_the_memory_claim_more() -> None:
    """What arrived at 10,000 may be forgotten, though what is remembered seems to be from 50 on."""
    seen = Seen(4)
    for at in (10_000.0, 50.0, 51.0, 52.0, 53.0, 54.0, 55.0):
        seen.add([int(at), -int(at)], at)

    assert not seen.known({10_000})
    assert seen.since == 10_000.0
