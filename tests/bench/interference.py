"""How much scrapes delay posts: `python -m tests.bench.interference`, about 3 minutes.

One exporter that shows 100,000 series gets posts at a moderate rate, by turns in peace and while it is scraped again
and again without a pause, on one core; wrk and the scraper are on another. Prints Markdown.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.contestants import EXPORTER, LOAD_CORE, Peer, exporter
from tests.bench.filled import BUDGETS, Filled, Size
from tests.bench.load import CASES, Posted, post
from tests.support.harness import SCRAPE_HEADER, Exporter, request

ROUNDS: Final = 5
SECONDS: Final = 3
RATE: Final = 200.0
"""Posts a second of arrays of 1 to 5: a tenth of what a core does."""
FORMATS: Final = {
    "text": "text/plain;version=0.0.4",
    "OpenMetrics": "application/openmetrics-text;version=1.0.0",
}


def scrape(port: int, accept: str) -> int:
    """As Prometheus does; bytes of the reply."""
    headers = SCRAPE_HEADER | {"Accept": accept, "Accept-Encoding": "gzip"}
    reply = request(port, "GET", "/metrics", headers=headers)
    assert reply.status == 200
    return len(reply.body)


@contextmanager
def scraped(port: int, accept: str) -> Iterator[list[float]]:
    """Scrape without a pause; the seconds that each took."""
    over, took = threading.Event(), list[float]()

    def run() -> None:
        while not over.is_set():
            began = time.perf_counter()
            scrape(port, accept)
            took.append(time.perf_counter() - began)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def cost(peer: Peer, port: int, accept: str) -> float:
    """Milliseconds of CPU of a scrape, over ten in peace."""
    before = peer.cpu_seconds()
    for _ in range(10):
        scrape(port, accept)
    return (peer.cpu_seconds() - before) * 100


def spread(values: list[float], digits: int = 1) -> str:
    """Minimum, median, maximum."""
    return " / ".join(f"{of(values):.{digits}f}" for of in (min, statistics.median, max))


def measure(peer: Peer, port: int) -> Iterator[str]:
    """A row for each format."""

    def load() -> Posted:
        return post(peer.target, CASES[1], SECONDS, peer.program.directory, RATE)

    for name, accept in FORMATS.items():
        calm, busy, scrapes, cpu = list[float](), list[float](), list[float](), list[float]()
        for _ in range(ROUNDS):
            cpu.append(cost(peer, port, accept))
            calm.append(load().p99)
            with scraped(port, accept) as took:
                busy.append(load().p99)
            scrapes += [seconds * 1000 for seconds in took]
        ratio = statistics.median(b / c for b, c in zip(busy, calm, strict=True))
        yield f"| {name} | {spread(cpu, 0)} | {spread(scrapes, 0)} | {spread(calm)} | {spread(busy)} | {ratio:.1f} |"


def main() -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory() as folder:
        filled = Filled(Size(100_000), Path(folder) / "data")
        filled.spine.close()
        budgets = {"max_apps": str(BUDGETS.max_apps), "max_series": str(BUDGETS.max_series)}
        peer = exporter(EXPORTER, Path(folder), **budgets)
        program = peer.program
        assert isinstance(program, Exporter)
        with program:
            size = scrape(program.metrics_port, FORMATS["text"])
            print(f"\n{RATE:.0f} posts a second; a scrape is {size / 1e6:.1f} MB, gzipped\n")
            print("| format | CPU of a scrape, ms | while posts come, ms | p99 in peace, ms | p99 then, ms | × |")
            print("| --- | --- | --- | --- | --- | --- |")
            for row in measure(peer, program.metrics_port):
                print(row, flush=True)


if __name__ == "__main__":
    main()
