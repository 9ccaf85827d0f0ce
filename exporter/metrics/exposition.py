"""What /metrics says about the ledger.

The two event families are written here, since they may hold 100,000 series and are scraped while posts arrive: each
series' name and labels are rendered once and kept, so that a scrape only adds the values. All other families are the
library's business. The text is what prometheus_client would write for the same data, byte for byte; a test says so.
"""

import itertools
import threading
import time
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from exporter.counting.ledger import View
from exporter.metrics.telemetry import EVENTS, EVENTS_HELP, TEST_EVENTS, TEST_EVENTS_HELP
from exporter.wire.labels import Series

GZIP_LEVEL: Final = 1
"""The library's level 9 takes ten times as long for a tenth less."""

_GZIP_FORMAT: Final = 31
"""For zlib: the largest window, and gzip's header."""

_CHUNK: Final = 500
_REST: Final = 0.0005
"""After so many lines the threads that take posts are let in for so many seconds: to offer them a turn without a rest
is no use on one core, as a thread that is woken comes too late for it."""

_EXPONENT_FROM: Final = 1_000_000
"""The library writes numbers as Go does, with an exponent from here on."""


class Exposition(NamedTuple):
    """A scrape's reply, in parts: to join megabytes holds up all threads."""

    content_type: str
    parts: Sequence[bytes]


class _Families(NamedTuple):
    metrics: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


class Exposer:
    """Writes scrapes; remembers the rendered name and labels of each series, in the order of the ledger's view.

    To go through the lines is several times as fast as to look each one up by its series.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._production: list[bool] = []
        self._test: list[bool] = []
        self._departures = 0
        self._lock = threading.Lock()

    def expose(self, view: View, families: Iterable[Metric], accept: str) -> Exposition:
        """Text or OpenMetrics, as the `Accept` header has it: the event families, then the others."""
        encode, content_type = choose_encoder(accept)
        openmetrics = content_type.startswith("application/openmetrics-text")
        others: bytes = encode(_Families(families))
        with self._lock:
            events = self._event_families(view, openmetrics)
        return Exposition(content_type, [*events, others])

    def _event_families(self, view: View, openmetrics: bool) -> list[bytes]:
        self._follow(view)
        parts: list[bytes] = []
        for name, text, chosen in (
            (EVENTS, EVENTS_HELP, self._production),
            (TEST_EVENTS, TEST_EVENTS_HELP, self._test),
        ):
            family = name if openmetrics else f"{name}_total"
            parts.append(f"# HELP {family} {text}\n# TYPE {family} counter\n".encode())
            # A view that is older than the newest lines ends before them.
            samples = itertools.compress(zip(self._lines, view.values, strict=False), chosen)
            while chunk := [*itertools.islice(samples, _CHUNK)]:
                parts.append("".join(map(_sample, chunk)).encode())
                time.sleep(_REST)
        return parts

    def _follow(self, view: View) -> None:
        """Bring the lines up to a view: those of its new series are added."""
        if view.departures != self._departures:
            self._departures = view.departures
            for kept in (self._lines, self._production, self._test):
                kept.clear()
        for series in itertools.islice(view.series, len(self._lines), None):
            self._lines.append(_render(series))
            self._production.append(not series.version.test)
            self._test.append(series.version.test)


def _sample(sample: tuple[str, int]) -> str:
    line, value = sample
    return f"{line}{value}.0\n" if value < _EXPONENT_FROM else f"{line}{_large(value)}\n"


def _render(series: Series) -> str:
    app_id, platform, version, test = series.version
    name = TEST_EVENTS if test else EVENTS
    labels = {"action": series.action, "app_id": app_id, "platform": platform, "version": version}
    return f"{name}_total{{" + ",".join(f'{key}="{_escape(value)}"' for key, value in labels.items()) + "} "


def _large(value: int) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def encoded(parts: Iterable[bytes], accept_encoding: str) -> tuple[str, bytes]:
    """The content encoding, empty if there is none, and the body: gzipped where `Accept-Encoding` asks for that."""
    accepted = (part.split(";")[0].strip().lower() for part in accept_encoding.split(","))
    if "gzip" not in accepted:
        return "", b"".join(parts)
    gzip = zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_FORMAT)
    return "gzip", b"".join([*map(gzip.compress, parts), gzip.flush()])
