"""What a fleet of so many devices needs, by formulas: `python -m tests.bench.capacity`, with figures of your own.

Each line of the table has its formula beside it; the figures that they begin with stand above.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Final, NamedTuple

DAY: Final = 86_400
DEVICES: Final = (10**6, 10**7, 10**8, 10**9)


class Costs(NamedTuple):
    """As measured (`python -m tests.bench.scale`): microseconds of CPU, and series."""

    exporter: float = 300
    """Of an exporter for a post of 1 to 5 events."""
    haproxy: float = 100
    """Of HAProxy for the same."""
    handshake: float = 300
    """Of HAProxy for a TLS connection."""
    series: float = 40
    """Of a version on a platform."""


class Use(NamedTuple):
    """What a fleet does; guesses, but for the defaults of the exporter and of HAProxy."""

    events: float = 20
    """That a device sends a day."""
    batch: float = 3
    """Events in a post."""
    connections: float = 4
    """That a device opens a day: times that its app is used."""
    peak: float = 3
    """The busiest hour, as a multiple of the mean."""
    load: float = 0.5
    """How much of a core may be used then."""
    kept: float = 10
    """Seconds for which HAProxy keeps a connection at rest."""
    versions: float = 60
    """Versions times platforms that are alive, of all apps."""
    scrape: float = 15
    """Seconds between two scrapes."""
    sample: float = 1.5
    """Bytes of a sample in Prometheus."""
    remembered: float = 11e6
    """Events by which an exporter knows a retry: --dedup-memory, and ten million on disk."""


class Line(NamedTuple):
    """A row of the table."""

    name: str
    formula: str
    value: Callable[[float, Use, Costs], float]


def posts(devices: float, use: Use, _costs: Costs) -> float:
    """A second, in the busiest hour."""
    return devices * use.events / use.batch / DAY * use.peak


def exporters(devices: float, use: Use, costs: Costs) -> float:
    return math.ceil(posts(devices, use, costs) * costs.exporter / 1e6 / use.load)


def handshakes(devices: float, use: Use, _costs: Costs) -> float:
    return devices * use.connections / DAY * use.peak


def haproxy_cores(devices: float, use: Use, costs: Costs) -> float:
    work = posts(devices, use, costs) * costs.haproxy + handshakes(devices, use, costs) * costs.handshake
    return math.ceil(work / 1e6 / use.load)


def series(devices: float, use: Use, costs: Costs) -> float:
    return exporters(devices, use, costs) * use.versions * costs.series


def known(devices: float, use: Use, costs: Costs) -> float:
    """Hours."""
    return use.remembered * exporters(devices, use, costs) / (devices * use.events / DAY) / 3600


LINES: Final = (
    Line("events a day", "devices × events", lambda devices, use, costs: devices * use.events),
    Line("posts a second at the peak", "events a day / batch / 86,400 × peak", posts),
    Line("exporters, of a core each", "posts × exporter / load", exporters),
    Line("HAProxy's cores", "(posts × haproxy + TLS connections × handshake) / load", haproxy_cores),
    Line("TLS connections a second at the peak", "devices × connections / 86,400 × peak", handshakes),
    Line(
        "connections open at the peak",
        "TLS connections × kept",
        lambda devices, use, costs: handshakes(devices, use, costs) * use.kept,
    ),
    Line("series in Prometheus", "exporters × versions × series", series),
    Line(
        "samples a second",
        "series in Prometheus / scrape",
        lambda devices, use, costs: series(devices, use, costs) / use.scrape,
    ),
    Line(
        "GB a day in Prometheus",
        "samples a second × 86,400 × sample",
        lambda devices, use, costs: series(devices, use, costs) / use.scrape * DAY * use.sample / 1e9,
    ),
    Line("hours for which a retry is known", "remembered × exporters / (events a day / 24)", known),
)


def table(costs: Costs, use: Use | None = None) -> str:
    """As Markdown, with what it begins with."""
    use = use or Use()
    begun = ", ".join(f"{name} {value:,.10g}" for each in (costs, use) for name, value in each._asdict().items())
    head = ["", *(f"{devices:,}" for devices in DEVICES), "formula"]
    rows = [[line.name, *(_short(line.value(n, use, costs)) for n in DEVICES), line.formula] for line in LINES]
    lines = [head, ["---"] * len(head), *rows]
    return f"With {begun}:\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _short(value: float) -> str:
    """Two digits that say something."""
    rounded = round(value, -math.floor(math.log10(value)) + 1) if value else 0
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:,g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.capacity", description="What a fleet needs.")
    for each in (Costs(), Use()):
        for name, value in each._asdict().items():
            parser.add_argument(f"--{name}", type=float, default=value, help=f"default {value:g}")
    given = vars(parser.parse_args())
    costs, use = (kind(**{name: given[name] for name in kind._fields}) for kind in (Costs, Use))
    assert isinstance(costs, Costs)
    assert isinstance(use, Use)
    print(table(costs, use))


if __name__ == "__main__":
    main()
