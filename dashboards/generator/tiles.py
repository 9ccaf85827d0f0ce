"""Figures at the head of a dashboard that several of them show."""

from typing import Final

from dashboards.generator.devices import Devices
from dashboards.generator.panels import Panel, Query, override, ranges, stat, steps
from dashboards.generator.selectors import own, process

_READY: Final = ranges((None, 0.5, "ready", "green"), (0.5, None, "not ready", "red"))


def data_tile(*apps: str, size: tuple[int, int]) -> Panel:
    """Whether the figures beside it can be trusted."""
    ready = f"(count({own('ready')} == 1) or vector(0))"
    seen = f"last_over_time({own('build_info')}[$__range])"  # also of one that is down now, but of no other target
    newest = f"time() - max({own('last_event_timestamp_seconds', *apps)})"
    return stat(
        "Data",
        "Whether the figures can be trusted: do all exporters that Prometheus scrapes take posts (`up`, `ready`), and "
        "how old is the newest event. Good: all ready, and seconds to minutes. More in Exporter.",
        size,
        Query(f"count({process('up')} and on (job, instance) {seen}) - {ready}", "exporters"),
        Query(newest, "newest event"),
        unit="none",
        decimals=0,
        named=True,
        no_value="No exporter",
        overrides=[
            override("byFrameRefID", "A", {"mappings": _READY}),
            override("byFrameRefID", "B", {"unit": "s", "thresholds": steps(("orange", 900), ("red", 3600))}),
        ],
    )


def active_tile(devices: Devices, size: tuple[int, int]) -> Panel:
    return stat(
        "Active devices",
        "Devices heard from within a day, a week and 30 days, each once: `capgo_devices`. Production devices only.",
        size,
        *(Query(devices.running(window), name) for window, name in _WINDOWS.items()),
        decimals=0,
        named=True,
        no_value="Not counted",
    )


_WINDOWS: Final = {"1d": "1 day", "7d": "7 days", "30d": "30 days"}
