"""The names of all series that a scrape of the exporter gives, taken from the exporter itself."""

from __future__ import annotations

from exporter.counting.ledger import View
from exporter.metrics.telemetry import EVENTS, TEST_EVENTS, Telemetry

SCRAPE = {"up", "scrape_duration_seconds"}
"""What Prometheus adds to every scrape."""
_SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}


def metric_names() -> set[str]:
    """The sample names of every family, shown or not yet."""
    families = Telemetry().families(View([], [], 0, {}, 0, 0, 0, {}, 0))
    names = {family.name + suffix for family in families for suffix in _SUFFIXES.get(family.type, [""])}
    return names | {f"{EVENTS}_total", f"{TEST_EVENTS}_total"} | SCRAPE
