"""Each body of a real client line, posted with curl as a person would, gives exactly its counters."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.fixtures import Fixture, load
from tests.support.harness import Exporter, Scrape

KINDS = ("events_total", "visits_total", "launch_seconds", "page_load_seconds")
FAMILIES = tuple(f"capgo_{test}{kind}" for test in ("", "test_") for kind in KINDS)


def curl(exporter: Exporter, body: bytes) -> int:
    """Post a body; the reply's status, after a look at its form."""
    words = ["curl", "--silent", "--show-error", "--data-binary", "@-", "--write-out", "\n%{http_code}"]
    url = f"http://127.0.0.1:{exporter.port}/stats"
    done = subprocess.run([*words, url], input=body, capture_output=True, timeout=120, check=True)
    reply, _, status = done.stdout.rpartition(b"\n")
    assert isinstance(json.loads(reply), dict)
    return int(status)


@pytest.mark.parametrize("fixture", load(), ids=str)
def test_a_payload_gives_exactly_its_counters(exporter: Exporter, fixture: Fixture) -> None:
    """And is refused only where it says so."""
    before = exporter.scrape().samples
    statuses = {curl(exporter, body) for body in fixture.bodies}
    added = {key: value - before.get(key, 0) for key, value in exporter.scrape().samples.items()}

    expected = Scrape.parse("".join(f"{sample} {value}\n" for sample, value in fixture.samples.items()))
    assert {key: value for key, value in added.items() if key[0].startswith(FAMILIES) and value} == expected.samples
    more = Scrape(added)
    assert more.total("capgo_exporter_events_ignored_total") == fixture.ignored
    assert more.total("capgo_exporter_events_duplicate_total") == fixture.duplicate
    rejected = more.series("capgo_exporter_events_rejected_total")
    assert {dict(have)["reason"]: value for have, value in rejected.items() if value} == fixture.rejected
    assert statuses == {200} or fixture.rejected, "a real client's body was refused"
