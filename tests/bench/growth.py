"""What becomes of the cost when the ledger grows: `python -m tests.bench.growth`, about 5 minutes.

Ledgers of several sizes are open at the same time, each in a process of its own, and count events in turn, round after
round; ratios are of the same round. Then the exporter is started over each of them. Prints Markdown.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.filled import BUDGETS, STREAMS, Filled, Size, Stream
from tests.support.harness import Exporter, wait_until
from tests.support.spine import MEMORY

ROUNDS: Final = 7
PATIENCE: Final = 120.0

SIZES: Final = (
    Size(1_000),
    Size(10_000),
    Size(100_000),
    Size(1_000_000),
    Size(1_000, MEMORY // 10),
    Size(1_000, MEMORY),
    Size(1_000, MEMORY, MEMORY),
    Size(100_000, MEMORY),
)

Figures = dict[Stream, list[float]]
"""Microseconds an event, by round."""


def work(size: Size, directory: Path, pipe: Connection) -> None:
    """The life of a process: fill a ledger, say so, and measure what is asked for until there is nothing more."""
    filled = Filled(size, directory)
    pipe.send(None)
    while stream := pipe.recv():
        pipe.send(filled.measure(stream))
    filled.spine.close()


class Worker:
    """A process with a ledger."""

    def __init__(self, size: Size, directory: Path) -> None:
        self.figures: Figures = {stream: [] for stream in STREAMS}
        self._pipe, end = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=work, args=(size, directory, end), daemon=True)
        self._process.start()

    def wait_filled(self) -> None:
        self._pipe.recv()

    def measure(self, stream: Stream) -> None:
        self._pipe.send(stream)
        self.figures[stream].append(self._pipe.recv())

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()
        assert self._process.exitcode == 0


class Start(NamedTuple):
    """Of the running exporter over a ledger: seconds until it is ready, bytes of memory and on disk."""

    seconds: float
    rss: int
    disk: int


def start(directory: Path) -> Start:
    """The quicker of two starts."""
    exporter = Exporter(directory, max_apps=str(BUDGETS.max_apps), max_series=str(BUDGETS.max_series))
    return min(_start(exporter), _start(exporter))


def _start(exporter: Exporter) -> Start:
    try:
        exporter.spawn()
        before = time.perf_counter()
        wait_until(exporter.is_ready, "the exporter is ready", PATIENCE)
        started = Start(time.perf_counter() - before, exporter.rss_bytes(), _disk(exporter.data))
        assert exporter.terminate() == 0
    finally:
        exporter.kill()
    return started


def _disk(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, each row when it is known."""
    print(f"\n| {' | '.join(headings)} |\n|{' --- |' * len(headings)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def counting(size: Size, figures: Figures, base: Figures) -> list[str]:
    """What a ledger's counting took, and its ratios to another's."""
    cells = [str(size)]
    for stream in STREAMS:
        cells += [_spread(figures[stream]), f"{_ratio(figures[stream], base[stream]):.2f}"]
    return cells


def starting(size: Size, directory: Path) -> list[str]:
    """What a start over a ledger takes."""
    seconds, rss, disk = start(directory)
    return [str(size), f"{seconds:.2f}", f"{rss / 1e6:,.0f}", f"{disk / 1e6:,.0f}"]


def _spread(values: Sequence[float]) -> str:
    return " / ".join(f"{of(values):.1f}" for of in (min, statistics.median, max))


def _ratio(values: Sequence[float], base: Sequence[float]) -> float:
    return statistics.median(value / first for value, first in zip(values, base, strict=True))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        directories = [Path(folder) / str(number) for number in range(len(SIZES))]
        workers = [Worker(size, directory / "data") for size, directory in zip(SIZES, directories, strict=True)]
        for worker in workers:
            worker.wait_filled()
        for _ in range(ROUNDS):
            for stream in STREAMS:
                for worker in workers:
                    worker.measure(stream)
        for worker in workers:
            worker.close()
        print("CPU in µs an event, arrays of 50; min / median / max over the rounds, and the ratio to the first line:")
        headings = ["ledger", *(heading for stream in STREAMS for heading in (stream, "×"))]
        base = workers[0].figures
        table(headings, (counting(size, worker.figures, base) for size, worker in zip(SIZES, workers, strict=True)))
        print("\nThe exporter started over it: seconds until it is ready, MB of memory and on disk.")
        headings = ["ledger", "start", "memory", "disk"]
        table(headings, (starting(size, directory) for size, directory in zip(SIZES, directories, strict=True)))


if __name__ == "__main__":
    main()
