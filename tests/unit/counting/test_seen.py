"""The memory of fingerprints holds at least the newest, and knows what it does not hold."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.counting.seen import CLOCK_SLACK, Seen


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


def test_an_event_from_before_the_memory_is_not_covered() -> None:
    """It may have arrived when what is remembered now had not yet."""
    seen = Seen(1000)
    seen.add([1], 10_000.0)

    assert not seen.covers(10_000.0, now=20_000.0)
    assert seen.covers(10_000.0 + CLOCK_SLACK, now=20_000.0)
    assert not seen.covers(20_001.0 + CLOCK_SLACK, now=20_000.0)


def test_an_empty_memory_covers_nothing() -> None:
    """After a start with all fingerprints on disk, the disk is asked."""
    assert not Seen(10).covers(5.0, now=5.0)


def test_a_clock_turned_back_does_not_make_the_memory_claim_more() -> None:
    """What arrived at 10,000 may be forgotten, though what is remembered seems to be from 50 on."""
    seen = Seen(4)
    for at in (10_000.0, 50.0, 51.0, 52.0, 53.0, 54.0, 55.0):
        seen.add([int(at), -int(at)], at)

    assert not seen.known({10_000})
    assert not seen.covers(9_999.0, now=9_999.0)
