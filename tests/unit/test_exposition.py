"""The text of a scrape is what prometheus_client would write for the same data."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import choose_encoder

from exporter.exposition import Exposer, compress
from exporter.labels import Series, Version
from exporter.telemetry import EVENTS_HELP, TEST_EVENTS_HELP

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
PLAIN = "text/plain;version=0.0.4"

values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
series = st.builds(Series, st.builds(Version, values, values, values, st.booleans()), values)
counts = st.integers(0, 2**53)


class _Library:
    """The same data, as the library's own families."""

    def __init__(self, shown: dict[Series, int]) -> None:
        self.shown = shown

    def collect(self) -> list[CounterMetricFamily]:
        labels = ["app_id", "action", "platform", "version"]
        production = CounterMetricFamily("capgo_events", EVENTS_HELP, labels=labels)
        test = CounterMetricFamily("capgo_test_events", TEST_EVENTS_HELP, labels=labels)
        for (version, action), value in self.shown.items():
            family = test if version.test else production
            family.add_metric([version.app_id, action, version.platform, version.version], value)
        return [production, test]


@given(st.dictionaries(series, counts, max_size=20))
@settings(deadline=None)
def test_the_text_is_the_librarys_byte_for_byte(shown: dict[Series, int]) -> None:
    """Whatever the labels hold, and however large the counts; also with the lines remembered from a scrape before."""
    exposer = Exposer()
    for _ in range(2):
        for accept in (PLAIN, OPENMETRICS):
            assert exposer.expose(shown, [], accept).body == choose_encoder(accept)[0](_Library(shown))


@pytest.mark.parametrize("value", [0, 1, 999_999, 1_000_000, 1_234_567, 10**7, 123_456_789_012, 2**53])
def test_large_counts_are_written_as_the_library_writes_them(value: int) -> None:
    """It switches to an exponent at a million."""
    shown = {Series(Version("com.acme.notes", "ios", "1.0", False), "set"): value}

    assert Exposer().expose(shown, [], PLAIN).body == choose_encoder(PLAIN)[0](_Library(shown))


def test_lines_of_series_that_left_are_forgotten() -> None:
    """Versions come and go for as long as the process runs."""
    exposer = Exposer()
    for round_ in range(4):
        exposer.expose(
            {Series(Version("com.acme.notes", "ios", f"{round_}.{n}", False), "set"): 1 for n in range(3000)}, [], PLAIN
        )
        assert len(exposer._lines) <= 3 * 3000 + 2000  # noqa: SLF001 - memory is not seen otherwise


@pytest.mark.parametrize(
    ("header", "asked"), [("gzip", True), ("deflate, gzip;q=0.5", True), ("", False), ("br", False)]
)
def test_gzip_is_used_when_asked_for(header: str, asked: bool) -> None:
    """Prometheus asks for it with every scrape."""
    compressed = compress(b"x" * 1000, header)

    assert (compressed is not None) == asked
    assert compressed is None or gzip.decompress(compressed) == b"x" * 1000
