"""What several exporters behind HAProxy cost, and what a fleet needs by that: `python -m tests.bench.scale`, 2 minutes.

wrk posts to one exporter alone; through HAProxy, which shares wrk's core, to the same one; and through another HAProxy
to three that share a core with it, and so commit fewer posts together than they would on cores of their own. Then come
TLS handshakes, and a simulated fleet as fast as it goes. Prints Markdown: the costs, and the table that
`tests.bench.capacity` works out of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.capacity import Costs, table
from tests.bench.contestants import LOAD_CORE, SERVER_CORE, exporter
from tests.bench.load import CASES, Case, Target, post
from tests.support.balancer import HAProxy, certificate
from tests.support.fleet import Fleet
from tests.support.harness import Exporter, wait_until

ROUNDS: Final = 3
SECONDS: Final = 2
EXPORTERS: Final = 3
FLEET_SECONDS: Final = 15
FLEETS_APP: Final = "com.example.shop"
USUAL: Final = 1
"""The case that fleets send: arrays of 1 to 5."""


class Setup(NamedTuple):
    """Exporters, and the HAProxy in front of them, if there is one."""

    name: str
    exporters: Sequence[Exporter]
    haproxy: HAProxy | None = None

    @property
    def port(self) -> int:
        return self.haproxy.port if self.haproxy else self.exporters[0].port

    def spent(self) -> tuple[float, float]:
        """Seconds of CPU: of the exporters, of HAProxy."""
        of_exporters = sum(exporter.cpu_seconds() for exporter in self.exporters)
        return of_exporters, self.haproxy.cpu_seconds() if self.haproxy else 0.0


class Turn(NamedTuple):
    """Microseconds of CPU a post: of the exporters, and of HAProxy if it is there."""

    exporters: float
    haproxy: float
    posts: float


def turn(setup: Setup, case: Case) -> Turn:
    """Full load for a while."""
    before = setup.spent()
    posted = post(Target(setup.port), case, SECONDS, setup.exporters[0].directory)
    each = [(now - then) / posted.posts * 1e6 for then, now in zip(before, setup.spent(), strict=True)]
    return Turn(each[0], each[1], posted.posts / posted.seconds)


def handshakes(haproxy: HAProxy) -> float:
    """Microseconds of HAProxy's CPU for a TLS connection with one request, P-256 and TLS 1.3."""
    before = haproxy.cpu_seconds()
    words = ["wrk", "-t", "1", "-c", "16", "-d", f"{SECONDS}s", "-H", "Connection: close"]
    url = f"https://localhost:{haproxy.tls_port}/stats"
    done = subprocess.run([*words, url], check=True, capture_output=True, text=True)
    [number] = [int(line.split()[0]) for line in done.stdout.splitlines() if " requests in " in line]
    return (haproxy.cpu_seconds() - before) / number * 1e6


def costs(alone: Setup, behind: Setup, three: Setup, tls: HAProxy) -> Costs:
    """By turns, and a table of them; the medians of the usual case are what the capacity rests on."""
    print("| posts | | exporters, µs of CPU a post | HAProxy | posts/s |\n| --- | --- | --- | --- | --- |")
    usual = 0.0, 0.0
    for number, case in enumerate(CASES[:3]):
        rounds = [[turn(setup, case) for setup in (alone, behind, three)] for _ in range(ROUNDS)]
        for setup, turns in zip((alone, behind, three), zip(*rounds, strict=True), strict=True):
            of_exporters, of_haproxy, rates = (sorted(values) for values in zip(*turns, strict=True))
            cells = [" / ".join(f"{value:.0f}" for value in values) for values in (of_exporters, of_haproxy)]
            print(f"| {case.name} | {setup.name} | {' | '.join(cells)} | {statistics.median(rates):,.0f} |", flush=True)
            if number == USUAL and setup is behind:
                usual = statistics.median(of_exporters), statistics.median(of_haproxy)
    measured = *usual, handshakes(tls), series_a_version(alone.exporters[0])
    return Costs(*map(round, measured))


def series_a_version(counted: Exporter) -> float:
    """Series of a version on a platform, of those that a simulated fleet has made: all that carry both labels."""
    labelled = [dict(labels) for _, labels in counted.scrape().samples]
    about = [labels for labels in labelled if labels.get("app_id") == FLEETS_APP and "version" in labels]
    return len(about) / max(1, len({(labels["platform"], labels["version"]) for labels in about}))


def fleet(setup: Setup, directory: Path) -> None:
    """As fast as one core of phones goes."""
    options = {"devices": "2000", "rate": "0", "duration": f"{FLEET_SECONDS}s"}
    with Fleet(directory / str(setup.port), setup.port, **options) as running:
        acknowledged = sum(row["acknowledged"] for row in running.account())
        totals = json.loads(running.report.read_text())["totals"]
    latency = totals["latency_ms"]
    print(
        f"- A simulated fleet to {setup.name}: {totals['posts_per_second']:,.0f} posts/s, p50 {latency['p50']:.0f} ms, "
        f"p99 {latency['p99']:.0f} ms, {acknowledged:,} events acknowledged, replies {totals['status_codes']}."
    )


def main() -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        directory = Path(folder)
        running = [exporter("", directory / str(number)).program for number in range(EXPORTERS + 1)]
        only, *others = [stack.enter_context(each) for each in running if isinstance(each, Exporter)]
        in_front = [
            HAProxy(directory / "one", [only], certificate(directory / "tls")),
            HAProxy(directory / "all", others),
        ]
        for haproxy, core in zip(in_front, (LOAD_CORE, SERVER_CORE), strict=True):
            haproxy.argv = ["taskset", "--cpu-list", str(core), *haproxy.argv]
            stack.enter_context(haproxy)
        wait_until(lambda: [len(haproxy.up()) for haproxy in in_front] == [1, EXPORTERS], "all are up")
        alone = Setup("an exporter alone", [only])
        behind = Setup("behind HAProxy", [only], in_front[0])
        three = Setup("three behind HAProxy, on one core", others, in_front[1])
        for setup in (alone, three):
            fleet(setup, directory)
        print()
        measured = costs(alone, behind, three, in_front[0])
        print(f"\nA TLS connection costs HAProxy {measured.handshake:.0f} µs.\n\n{table(measured)}")


if __name__ == "__main__":
    main()
