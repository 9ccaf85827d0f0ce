"""Any bytes are read as the standard library reads them, or refused where that refuses them."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.fuzz import strategies
from tests.fuzz.oracle import compare, read


@settings(max_examples=1000, suppress_health_check=list(HealthCheck))
@given(strategies.bodies)
def test_any_bytes_are_read_as_the_standard_library_reads_them(body: bytes) -> None:
    """And what is taken has labels and fingerprints of the promised form."""
    compare(body, read(body))
