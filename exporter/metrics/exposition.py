"""What /metrics says about the ledger.

The ledger's families are written here, since they may hold 100,000 series and are scraped while posts arrive: each
series' name and labels are rendered once and kept, so that a scrape only adds the values. All other families are the
library's business. The text is what prometheus_client would write for the same data, byte for byte; a test says so.
"""

import itertools
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

from exporter.counting.view import View
from exporter.metrics.device_lines import DeviceLines
from exporter.metrics.ledger_families import LEDGER_FAMILIES
from exporter.metrics.lines import Lines, lines
from exporter.metrics.negotiation import format_of, wants_gzip
from exporter.wire.families import BESIDE, EVENTS, key_of

GZIP_LEVEL: Final = 1
"""The library's level 9 takes ten times as long for a tenth less."""

_GZIP_FORMAT: Final = 31
"""For zlib: the largest window, and gzip's header."""

_CHUNK: Final = 500
_REST: Final = 0.0005
"""After so many lines the threads that take posts are let in for so many seconds: to offer them a turn without a rest
is no use on one core, as a thread that is woken comes too late for it."""


class Exposition(NamedTuple):
    """A scrape's reply, in parts: to join megabytes holds up all threads."""

    content_type: str
    parts: Sequence[bytes]


class _Families(NamedTuple):
    metrics: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


class Exposer:
    """Writes scrapes; remembers the lines of each series by its place in the ledger's view.

    To go through them in their order is several times as fast as to look each one up by its series.
    """

    def __init__(self) -> None:
        self._lines = _no_lines()
        self._devices = DeviceLines()
        self._known = 0
        self._departures = 0
        self._lock = threading.Lock()

    def expose(self, view: View, families: Iterable[Metric], accept: str) -> Exposition:
        """Text or OpenMetrics, as the `Accept` header has it: the ledger's families, then the others."""
        encode, content_type = choose_encoder(format_of(accept))
        openmetrics = content_type.startswith("application/openmetrics-text")
        others: bytes = encode(_Families(families))
        with self._lock:
            self._follow(view)
            kept = [*self._ledger_families(view.values, openmetrics), *_chunks(self._devices.written(view.devices))]
        return Exposition(content_type, [*kept, others])

    def _ledger_families(self, values: Sequence[int], openmetrics: bool) -> Iterator[bytes]:
        for each in LEDGER_FAMILIES:
            name = each.name if openmetrics or each.kind != "counter" else f"{each.name}_total"
            yield f"# HELP {name} {each.text}\n# TYPE {name} {each.kind}\n".encode()
            yield from _chunks(self._lines[each.family.key, each.test].written(values))

    def _follow(self, view: View) -> None:
        """Bring the lines up to a view: those of its new series are added."""
        if view.departures != self._departures:
            self._lines, self._known, self._departures = _no_lines(), 0, view.departures
        for series in itertools.islice(view.series, self._known, None):
            key, test = key_of(series.name), series.version.test
            if series.name not in BESIDE:
                self._lines[EVENTS.key, test].add(self._known, series)
            if key != EVENTS.key:
                self._lines[key, test].add(self._known, series)
            self._known += 1


def _chunks(lines: Iterator[str]) -> Iterator[bytes]:
    while chunk := [*itertools.islice(lines, _CHUNK)]:
        yield "".join(chunk).encode()
        time.sleep(_REST)


def _no_lines() -> dict[tuple[str, bool], Lines]:
    return {(each.family.key, each.test): lines(each) for each in LEDGER_FAMILIES}


def encoded(parts: Iterable[bytes], accept_encoding: str) -> tuple[str, bytes]:
    """The content encoding, empty if there is none, and the body: gzipped where `Accept-Encoding` asks for that."""
    if not wants_gzip(accept_encoding):
        return "", b"".join(parts)
    gzip = zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_FORMAT)
    return "gzip", b"".join([*map(gzip.compress, parts), gzip.flush()])
