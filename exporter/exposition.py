"""What /metrics says about the ledger.

The two event families are written here, since they may hold 100,000 series and are scraped while posts arrive: each
series' name and labels are rendered once and kept, so that a scrape only adds the values. All other families are the
library's business. The text is what prometheus_client would write for the same data, byte for byte; a test says so.
"""

import gzip
from collections.abc import Iterable
from typing import Final, NamedTuple

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from exporter.labels import Series
from exporter.telemetry import EVENTS, EVENTS_HELP, TEST_EVENTS, TEST_EVENTS_HELP

GZIP_LEVEL: Final = 1
"""The library's level 9 takes ten times as long for a tenth less."""

_CHUNK: Final = 2000
"""Lines joined at a time, so that the threads that take posts are let in between."""


_EXPONENT_FROM: Final = 1_000_000
"""The library writes numbers as Go does, with an exponent from here on."""


class Exposition(NamedTuple):
    """A scrape's reply."""

    content_type: str
    body: bytes


class _Families(NamedTuple):
    metrics: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


class Exposer:
    """Writes scrapes; remembers the rendered names and labels of the series it has shown."""

    def __init__(self) -> None:
        self._lines: dict[Series, str] = {}

    def expose(self, shown: dict[Series, int], families: Iterable[Metric], accept: str) -> Exposition:
        """Text or OpenMetrics, as the `Accept` header has it: the event families, then the others."""
        encode, content_type = choose_encoder(accept)
        openmetrics = content_type.startswith("application/openmetrics-text")
        others: bytes = encode(_Families(families))
        return Exposition(content_type, self._event_families(shown, openmetrics) + others)

    def _event_families(self, shown: dict[Series, int], openmetrics: bool) -> bytes:
        self._forget(shown)
        production = [item for item in shown.items() if not item[0].version.test]
        test = [item for item in shown.items() if item[0].version.test] if len(production) < len(shown) else []
        parts: list[bytes] = []
        for name, text, samples in ((EVENTS, EVENTS_HELP, production), (TEST_EVENTS, TEST_EVENTS_HELP, test)):
            family = name if openmetrics else f"{name}_total"
            parts.append(f"# HELP {family} {text}\n# TYPE {family} counter\n".encode())
            for start in range(0, len(samples), _CHUNK):
                chunk = samples[start : start + _CHUNK]
                parts.append("".join([self._line(series, value, name) for series, value in chunk]).encode())
        return b"".join(parts)

    def _line(self, series: Series, value: int, name: str) -> str:
        line = self._lines.get(series)
        if line is None:
            line = self._lines[series] = _render(series, name)
        return f"{line}{value}.0\n" if value < _EXPONENT_FROM else f"{line}{_large(value)}\n"

    def _forget(self, shown: dict[Series, int]) -> None:
        if len(self._lines) > 2 * len(shown) + _CHUNK:
            self._lines = {series: line for series, line in self._lines.items() if series in shown}


def _render(series: Series, name: str) -> str:
    app_id, platform, version, _ = series.version
    labels = {"action": series.action, "app_id": app_id, "platform": platform, "version": version}
    return f"{name}_total{{" + ",".join(f'{key}="{_escape(value)}"' for key, value in labels.items()) + "} "


def _large(value: int) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def compress(body: bytes, accept_encoding: str, level: int = GZIP_LEVEL) -> bytes | None:
    """The body gzipped, if the `Accept-Encoding` header asks for that."""
    accepted = (part.split(";")[0].strip().lower() for part in accept_encoding.split(","))
    return gzip.compress(body, level) if "gzip" in accepted else None
