"""The own histogram says what the library's would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from exporter.metrics.distribution import Distribution

BOUNDS = (0.001, 0.5, 1, 2.5, 10)


@given(st.lists(st.one_of(st.sampled_from((0.0, 0.5, 1, 10, 11)), st.floats(0, 1e6))))
def test_it_shows_what_the_librarys_histogram_would(values: list[float]) -> None:
    """Byte for byte, a value at a bound included."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    distribution = Distribution("seconds", "How long.", BOUNDS, ours)
    histogram = Histogram("seconds", "How long.", buckets=BOUNDS, registry=theirs)
    for value in values:
        distribution.observe(value)
        histogram.observe(value)

    shown = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == shown
