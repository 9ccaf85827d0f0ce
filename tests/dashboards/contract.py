"""The names of all series that a scrape of the exporter gives, taken from the exporter itself."""

from __future__ import annotations

from exporter.counting.view import View
from exporter.metrics.ledger_families import LEDGER_FAMILIES, RUNNING, TRYING
from exporter.metrics.telemetry import Telemetry
from tests.support.library import NO_DEVICES

SCRAPE = {"up", "scrape_duration_seconds"}
"""What Prometheus adds to every scrape."""
_SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}


def metric_names() -> set[str]:
    """The sample names of every family, shown or not yet."""
    families = [
        (family.name, family.type)
        for family in Telemetry().families(View([], [], [], 0, 0, {}, 0, 0, 0, {}, 0, NO_DEVICES))
    ]
    families += [(family.name, "gauge") for family in (RUNNING, TRYING)]
    families += [(family.name, family.kind) for family in LEDGER_FAMILIES]
    return {name + suffix for name, kind in families for suffix in _SUFFIXES.get(kind, [""])} | SCRAPE
