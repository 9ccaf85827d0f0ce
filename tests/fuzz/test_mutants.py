"""Bodies that almost are what clients send, in their tens of thousands."""

from __future__ import annotations

from tests.fuzz.oracle import compare, read
from tests.support.mutator import Mutator, seeds

BODIES = 150_000


def test_mutated_real_bodies_are_read_as_the_standard_library_reads_them() -> None:
    """The first of the millions that `python -m tests.fuzz.mutate` tries."""
    mutator = Mutator(seeds(), seed=1)
    taken = 0
    for _ in range(BODIES):
        body = mutator.body()
        batch = read(body)
        compare(body, batch)
        taken += batch is not None
    assert 0.3 < taken / BODIES < 0.9, "a fuzzer that makes only junk, or none, tries nothing"
