"""The lines of the ledger's families, all but their values: rendered once, when a series is shown first.

Each kind of family knows where in a view its values are; it writes what prometheus_client would for the same data.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, islice
from typing import Final, Protocol

from prometheus_client.utils import floatToGoString

from exporter.metrics.ledger_families import LedgerFamily
from exporter.wire.families import EVENTS, is_parted, member_of
from exporter.wire.labels import Series, Version

_EXPONENT_FROM: Final = 1_000_000
"""The library writes numbers as Go does, with an exponent from here on."""


class Lines(Protocol):
    """The lines of one family."""

    def add(self, position: int, series: Series) -> None:
        """Take in a series, whose values are at `position` from now on."""

    def written(self, values: Sequence[int]) -> Iterator[str]:
        """The lines with their values; a view that is older than the newest lines ends before them."""


def lines(family: LedgerFamily) -> Lines:
    """None yet, of a family."""
    if family.family is EVENTS:
        return _Actions(family)
    return _Histograms(family) if family.family.bounds else _Counters(family)


class _Counters:
    """A line each."""

    def __init__(self, family: LedgerFamily) -> None:
        self._family = family
        self._lines: list[str] = []
        self._positions: list[int] = []

    def add(self, position: int, series: Series) -> None:
        self._lines.append(self._rendered(series.version, member_of(series.name)))
        self._positions.append(position)

    def _rendered(self, version: Version, member: str) -> str:
        return render(f"{self._family.name}_total", version, {self._family.label: member})

    def written(self, values: Sequence[int]) -> Iterator[str]:
        known = bisect_left(self._positions, len(values))
        return map(sample, islice(self._lines, known), map(values.__getitem__, self._positions))


class _Actions(_Counters):
    """A line for each action, which adds up its own counter and its parts."""

    def __init__(self, family: LedgerFamily) -> None:
        super().__init__(family)
        self._parted: dict[tuple[Version, str], tuple[str, list[int]]] = {}

    def add(self, position: int, series: Series) -> None:
        if not is_parted(series.name):
            super().add(position, series)
            return
        key = series.version, series.action
        if key not in self._parted:
            self._parted[key] = self._rendered(*key), []
        self._parted[key][1].append(position)

    def written(self, values: Sequence[int]) -> Iterator[str]:
        return chain(super().written(values), self._sums(values))

    def _sums(self, values: Sequence[int]) -> Iterator[str]:
        end = len(values)
        for line, positions in self._parted.values():
            known = [position for position in positions if position < end]
            if known:
                yield sample(line, sum(map(values.__getitem__, known)))


class _Histograms:
    """Lines for all of a histogram's counters, once these are there: in one and the same scrape."""

    def __init__(self, family: LedgerFamily) -> None:
        self._family = family
        self._rows: dict[Version, tuple[Sequence[str], list[int]]] = {}

    def add(self, position: int, series: Series) -> None:
        names = self._family.family.names
        if series.version not in self._rows:
            self._rows[series.version] = self._rendered(series.version), [_NOT_YET] * len(names)
        self._rows[series.version][1][names.index(series.name)] = position

    def _rendered(self, version: Version) -> Sequence[str]:
        name = self._family.name
        bounds = map(member_of, self._family.family.parts)
        buckets = [render(f"{name}_bucket", version, {self._family.label: bound}) for bound in bounds]
        return [*buckets, render(f"{name}_count", version, {}), render(f"{name}_sum", version, {})]

    def written(self, values: Sequence[int]) -> Iterator[str]:
        for rendered, positions in self._rows.values():
            if max(positions) < len(values):
                *parts, milliseconds = map(values.__getitem__, positions)
                *_, count = buckets = [*accumulate(parts)]
                yield from map(sample, rendered, (*buckets, count))
                yield f"{rendered[-1]}{_number(milliseconds / 1000)}\n"


_NOT_YET: Final = 2**63


def sample(line: str, value: int) -> str:
    """A line with its value."""
    return f"{line}{value}.0\n" if value < _EXPONENT_FROM else f"{line}{_number(value)}\n"


def _number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def render(name: str, version: Version, more: dict[str, str]) -> str:
    """A line all but its value."""
    labels = {"app_id": version.app_id, "platform": version.platform, "version": version.version} | more
    return f"{name}{{" + ",".join(f'{key}="{_escape(value)}"' for key, value in sorted(labels.items())) + "} "


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
