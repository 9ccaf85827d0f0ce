"""The account that the exporter gives of itself agrees with what the payloads say must become of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.fixtures import Fixture, load
from tests.system.harness import Exporter

FAMILIES = ("capgo_events_total", "capgo_test_events_total")


def post(exporter: Exporter, fixture: Fixture, directory: Path) -> None:
    """Post the bodies in their order, with one curl; CalledProcessError if any of them gets no reply."""
    words = ["curl", "--silent", "--show-error", "--fail-early"]
    for number, body in enumerate(fixture.bodies):
        file = directory / f"{fixture.name}-{number}"
        file.write_bytes(body)
        following = ["--next", "--silent"] if number else []
        url = f"http://127.0.0.1:{exporter.port}/stats"
        words += [*following, "--max-time", "30", "--output", "/dev/null", "--data-binary", f"@{file}", url]
    subprocess.run(words, check=True)


def account(exporter: Exporter) -> Iterator[tuple[str, float]]:
    """The counters of what became of the events received, by their short names, and the total of all event series."""
    scrape = exporter.scrape()
    for name in ("received", "counted", "duplicate", "ignored", "rejected"):
        yield name, scrape.total(f"capgo_exporter_events_{name}_total")
    yield "series", sum(scrape.total(family) for family in FAMILIES)


def test_every_event_received_is_accounted_for(exporter: Exporter, tmp_path: Path) -> None:
    """After each payload: counted, a duplicate, ignored or rejected, and never two of these."""
    before = dict(account(exporter))
    for fixture in load():
        post(exporter, fixture, tmp_path)
        after = dict(account(exporter))
        counted = sum(fixture.samples.values())
        expected = {
            "counted": counted,
            "duplicate": fixture.duplicate,
            "ignored": fixture.ignored,
            "rejected": sum(fixture.rejected.values()),
        }
        assert {name: after[name] - before[name] for name in after} == {
            "received": sum(expected.values()),
            "series": counted,
            **expected,
        }, fixture.name
        before = after
