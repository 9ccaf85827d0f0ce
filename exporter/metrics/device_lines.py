"""The lines of the two families that show devices: gauges, of which some come and others go at any scrape.

Each is rendered once, while its device or others keep it shown; it is what prometheus_client would write.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from exporter.counting.here import Here
from exporter.metrics.ledger_families import RUNNING, TRYING, DeviceFamily
from exporter.metrics.lines import render, sample
from exporter.wire.labels import Version

_Key = tuple[Version, str]
"""The version, and the window or the stage."""


class DeviceLines:
    """The lines of devices by the version they run, and of those by the version they try."""

    def __init__(self) -> None:
        self._running: Final = _Gauge(RUNNING)
        self._trying: Final = _Gauge(TRYING)

    def written(self, here: Here) -> Iterator[str]:
        """Both families, whole."""
        running = {
            (version, window): devices
            for window, versions in here.running.items()
            for version, devices in versions.items()
        }
        yield from self._running.written(running)
        yield from self._trying.written(
            {(version, stage.label): devices for (version, stage), devices in here.trying.items()}
        )


class _Gauge:
    def __init__(self, family: DeviceFamily) -> None:
        self._family = family
        self._lines: dict[_Key, str] = {}

    def written(self, values: Mapping[_Key, int]) -> Iterator[str]:
        name, label, text = self._family
        yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
        known = self._lines
        self._lines = {key: known.get(key) or render(name, key[0], {label: key[1]}) for key in values}
        yield from map(sample, self._lines.values(), values.values())
