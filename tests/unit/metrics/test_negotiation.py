"""Whatever a scrape's headers say, the answer is a form that we have, in its own version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.ledger import Ledger, Limits
from exporter.metrics.exposition import Exposer
from exporter.metrics.negotiation import OPENMETRICS, TEXT, format_of, wants_gzip

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', OPENMETRICS),
        ("Application/OpenMetrics-Text;Version=1.0.0", OPENMETRICS),
        ("application/openmetrics-text;version=abc", TEXT),
        ("application/openmetrics-text;version=9.9.9", TEXT),
        ("application/openmetrics-text;q=0, text/plain", TEXT),
        ("application/openmetrics-text;q=0.1, text/plain;q=0.9", TEXT),
        ("text/plain;q=0, application/openmetrics-text;q=0.1", OPENMETRICS),
        ("text/plain;version=1.0.0;escaping=values", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", TEXT),
        ("", TEXT),
        (",", TEXT),
        ("nonsense", TEXT),
        ("text/plain;q=zzz", TEXT),
        ("application/openmetrics-text;q=nan", TEXT),
        ("application/openmetrics-text;q=2, text/plain;q=0.1", TEXT),
        (",, application/openmetrics-text;version=1.0.0,,", OPENMETRICS),
        ("text/plain;q=0.4, application/openmetrics-text;q=0.5, *;q=0.1", OPENMETRICS),
        ("text/plain;q=0, application/openmetrics-text;q=0.5, text/html;q=zzz", OPENMETRICS),
        ("a/b;q=0.1," * 100_000, TEXT),
    ],
)
def test_the_form_is_the_one_that_is_wanted_more(accept: str, chosen: str) -> None:
    """Weights count, quotes are no part of a version, and a version that is not ours is not there; nor is what can't be
    read, which changes nothing of the rest.
    """
    assert format_of(accept) == chosen


@pytest.mark.parametrize(
    ("accept", "gzip"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, identity", False),
        ("gzip; Q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=zzz", False),
        ("gzip;q=inf", False),
        ("gzip;level=1;q=0", False),
        ("gzip;q=0.5;level=1", True),
        ("identity;q=0.5, gzip;q=1", True),
        ("identity, gzip", True),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, *;q=0.1", False),
        ("identity;q=0", False),
        ("x-gzip", True),
        ("identity", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_for_those_who_take_it(accept: str, gzip: bool) -> None:
    """A weight of 0 means no, and a lower one than that of no coding, rather not."""
    assert wants_gzip(accept) == gzip


@given(st.text(), st.text())
def test_no_header_is_an_error(accept: str, accept_encoding: str) -> None:
    """Whatever stands in it."""
    assert format_of(accept) in (OPENMETRICS, TEXT)
    assert wants_gzip(accept_encoding) in (True, False)


@pytest.mark.parametrize("accept", [PROMETHEUS_2, PROMETHEUS_3, "text/plain", "application/openmetrics-text;version=x"])
def test_what_is_said_of_the_text_is_what_it_is(accept: str) -> None:
    """OpenMetrics ends with its mark, the other has none."""
    said, parts = Exposer().expose(Ledger(Limits(1, 0, 1, 1, BudgetLimits(1, 1, 1))).view(), [], accept)

    assert said.startswith(format_of(accept))
    assert (parts[-1].endswith(b"# EOF\n")) == (format_of(accept) == OPENMETRICS)
