"""The text of a scrape is what prometheus_client would write for the same data."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder

from exporter.counting.attempts import Stage
from exporter.counting.here import WINDOWS, Here
from exporter.counting.view import View
from exporter.metrics.exposition import Exposer, encoded
from exporter.wire.families import BESIDE, FAMILIES, PAGE_LOADS, STAGES, born_with
from exporter.wire.labels import Series, Version
from tests.support.library import NO_DEVICES, Library

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
PLAIN = "text/plain;version=0.0.4"

values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
versions = st.builds(Version, values, values, values, st.booleans())
counts = st.integers(0, 2**49)  # the library adds up in floats


@st.composite
def groups(draw: st.DrawFn) -> dict[Series, int]:
    """Counters that come and go together, in any order."""
    version = draw(versions)
    families = [family for family in FAMILIES if family is not STAGES or not version.test]
    name = draw(st.sampled_from([name for family in families for name in family.names]))
    names = draw(st.permutations(born_with(name)))
    return {Series(version, name): draw(counts) for name in names}


@st.composite
def some_shown(draw: st.DrawFn) -> dict[Series, int]:
    """What a scrape might show."""
    shown: dict[Series, int] = {}
    for group in draw(st.lists(groups(), max_size=10)):
        shown |= group
    return shown


@st.composite
def some_devices(draw: st.DrawFn) -> Here:
    """Of any versions, in all windows and stages."""
    running = {window: draw(st.dictionaries(versions, counts, max_size=3)) for window in WINDOWS}
    stages = st.sampled_from([stage for stage in Stage if stage])
    return Here(running, draw(st.dictionaries(st.tuples(versions, stages), counts, max_size=4)), 0, 0)


def view(shown: dict[Series, int], departures: int = 0, here: Here = NO_DEVICES) -> View:
    """What the ledger would hand over."""
    of_events = [series.name not in BESIDE for series in shown]
    return View(list(shown), list(shown.values()), of_events, len(shown), departures, {}, 0, 0, 0, {}, 0, here)


@given(st.lists(some_shown(), max_size=5), st.booleans())
@settings(deadline=None)
def test_the_text_is_the_librarys_byte_for_byte(scrapes: list[dict[Series, int]], leave: bool) -> None:
    """Whatever the labels hold, and however large the counts; with series that come and leave from scrape to scrape."""
    exposer = Exposer()
    shown: dict[Series, int] = {}
    for departures, more in enumerate(scrapes):
        shown = more if leave else shown | more
        for accept in (PLAIN, OPENMETRICS):
            parts = exposer.expose(view(shown, departures * leave), [], accept).parts
            assert b"".join(parts) == choose_encoder(accept)[0](Library(shown))


@given(st.lists(some_devices(), max_size=4))
@settings(deadline=None)
def test_devices_are_written_as_the_library_does(scrapes: list[Here]) -> None:
    """With versions that come and go from scrape to scrape."""
    exposer = Exposer()
    for here in scrapes:
        for accept in (PLAIN, OPENMETRICS):
            parts = exposer.expose(view({}, here=here), [], accept).parts
            assert b"".join(parts) == choose_encoder(accept)[0](Library({}, here))


def test_a_scrape_that_was_overtaken_shows_its_own_moment() -> None:
    """Two scrapes at once write their texts in any order; the older view knows fewer series."""
    older, newer = (Version("com.acme.notes", "ios", version, False) for version in ("1.0", "1.1"))
    counters = {name: at for at, name in enumerate(("set", PAGE_LOADS.action, *PAGE_LOADS.names))}
    one, both = (
        {Series(version, name): counters[name] for version in which for name in counters}
        for which in ([older], [older, newer])
    )
    exposer = Exposer()
    for shown in (both, one):
        assert b"".join(exposer.expose(view(shown), [], PLAIN).parts) == choose_encoder(PLAIN)[0](Library(shown))


@pytest.mark.parametrize("value", [0, 1, 999_999, 1_000_000, 1_234_567, 10**7, 123_456_789_012, 2**53])
def test_large_counts_are_written_as_the_library_writes_them(value: int) -> None:
    """It switches to an exponent at a million."""
    shown = {Series(Version("com.acme.notes", "ios", "1.0", False), "set"): value}

    assert b"".join(Exposer().expose(view(shown), [], PLAIN).parts) == choose_encoder(PLAIN)[0](Library(shown))


@pytest.mark.parametrize(
    ("header", "asked"), [("gzip", True), ("deflate, gzip;q=0.5", True), ("", False), ("br", False)]
)
def test_gzip_is_used_when_asked_for(header: str, asked: bool) -> None:
    """Prometheus asks for it with every scrape."""
    encoding, body = encoded([b"x" * 1000, b"y" * 1000], header)

    assert encoding == ("gzip" if asked else "")
    assert (gzip.decompress(body) if asked else body) == b"x" * 1000 + b"y" * 1000
