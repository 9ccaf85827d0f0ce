"""What it costs to remember devices: `python -m tests.bench.devices [DEVICES]`, five minutes for a million.

Two ledgers hear the same posts, one of them with `--max-devices 0`, each in a process of its own. They take turns, so
that all figures are of one run. The posts are those of the simulator's phones, as their clients send them: single
events, and arrays of what a second gathers. Then two exporters are posted to by a whole fleet, in turn, as fast as they
take it: there the posts that wait together share a commit, and there is HTTP around it.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from exporter.metrics.exposition import Exposer
from exporter.simulator.fleet import population
from exporter.simulator.moments import Story
from exporter.simulator.options import Options
from exporter.simulator.phone import Phone, Step
from tests.bench.ledger import cpu
from tests.support.fleet import Fleet
from tests.support.harness import Exporter
from tests.support.spine import DEVICES, Spine

ROUNDS: Final = 9
SERVED_ROUNDS: Final = 10
FLEET: Final = {"devices": "1000", "rate": "0", "duration": "3s"}
POSTS: Final = 5000
PHONES: Final = 2000
"""Whose posts are measured: their lives go on from round to round."""

DAYS: Final = 20
"""Over which the others were heard."""

TOGETHER: Final = 50
"""Posts in a commit that fills."""

START_MS: Final = 1_795_000_000_000
TEXT: Final = "text/plain;version=0.0.4"


def posts(phone: Phone, story: Story) -> Iterator[bytes]:
    """What a phone posts, one after the other."""
    now, due, queue = START_MS, 0, list[bytes]()
    for moment in story:
        now += int(moment.after * 1000)
        if queue and now >= due:
            yield b"[%b]" % b",".join(queue)
            queue = []
        if isinstance(moment, Step):
            body = phone.body(moment, now)
            if moment.alone or not phone.dialect.has("arrays"):
                yield body
            else:
                due = due if queue else now + 1000
                queue.append(body)


def fleet() -> Iterator[bytes]:
    """The posts of a fleet, in any order of its phones; endless."""
    lives = [posts(phone, story) for phone, story in population(Options(devices=PHONES))]
    chance = random.Random(1)
    while True:
        yield next(chance.choice(lives))


def crowd(devices: int) -> Iterator[bytes]:
    """A post of each of so many devices."""
    samples = []
    for body in itertools.islice(fleet(), 1000):
        event = json.loads(body)
        samples.append((body, (event[0] if isinstance(event, list) else event)["device_id"].encode()))
    chance = random.Random(2)
    for number in range(devices):
        body, device = chance.choice(samples)
        yield body.replace(device, b"4f6c0b4e-2f6e-4b47-9a52-%012d" % number)


class Ledger:
    """One that remembers at most `limit` devices, and has heard `devices`."""

    def __init__(self, directory: Path, limit: int, devices: int) -> None:
        self._directory = directory
        self._limit = limit
        self._now = START_MS / 1000 - DAYS * 86400
        before = _rss()
        self._spine = self._open()
        bodies = crowd(devices)
        while some := [*itertools.islice(bodies, TOGETHER)]:
            self._spine.post(*some)
            self._now += DAYS * 86400 * TOGETHER / devices
        for _ in range(4):  # all series are shown
            self._spine.scrape()
            self._now += 160
        self.memory = _rss() - before
        self._exposer = Exposer()
        self._bodies = fleet()

    def _open(self) -> Spine:
        return Spine(self._directory, clock=lambda: self._now, devices=self._limit)

    def count(self) -> float:
        """Microseconds of CPU an event."""
        bodies = [*itertools.islice(self._bodies, POSTS)]
        events = sum(body.count(b'"action"') for body in bodies)
        self._now += 60
        return cpu(self._spine.post(body) for body in bodies) / events * 1e6

    def scrape(self) -> float:
        """Milliseconds of CPU."""
        return cpu(self._exposer.expose(self._spine.scrape(), [], TEXT) for _ in range(10)) / 10 * 1e3

    def start(self) -> tuple[float, float]:
        """Seconds of CPU of a start; bytes on disk."""
        self._spine.close()
        before = time.process_time()
        self._spine = self._open()
        return time.process_time() - before, sum(file.stat().st_size for file in self._directory.iterdir())


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def work(directory: Path, limit: int, devices: int, pipe: Connection) -> None:
    """The life of a process: fill a ledger, and answer what is asked."""
    ledger = Ledger(directory, limit, devices)
    pipe.send(ledger.memory)
    while question := pipe.recv():
        pipe.send(getattr(ledger, question)())


class Worker:
    """A process with a ledger."""

    def __init__(self, directory: Path, limit: int, devices: int) -> None:
        self._pipe, end = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=work, args=(directory, limit, devices, end), daemon=True)
        self._process.start()

    def filled(self) -> int:
        """Bytes of memory that it took to fill it."""
        return int(self._pipe.recv())

    def ask(self, question: str) -> float:
        self._pipe.send(question)
        return float(self._pipe.recv())

    def start(self) -> tuple[float, float]:
        self._pipe.send("start")
        seconds, disk = self._pipe.recv()
        return seconds, disk

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


class Served:
    """An exporter that a fleet posts to."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory = directory
        self.exporter = Exporter(directory / "exporter", max_devices=str(limit))
        self.exporter.start()

    def count(self, seed: int) -> float:
        """Microseconds of CPU an event."""
        used, counted = self.exporter.cpu_seconds(), self._counted()
        with Fleet(self._directory / str(seed), self.exporter.port, seed=str(seed), **FLEET) as fleet:
            fleet.account()
        return (self.exporter.cpu_seconds() - used) / (self._counted() - counted) * 1e6

    def _counted(self) -> float:
        return self.exporter.scrape().value("capgo_exporter_events_counted_total")


def served(directory: Path) -> None:
    """Compare two of them."""
    both = [Served(directory / str(limit), limit) for limit in (0, DEVICES)]
    rounds = []
    for seed in range(SERVED_ROUNDS):
        figures = {each: each.count(seed) for each in (both if seed % 2 else reversed(both))}
        rounds.append([figures[each] for each in both])
    for each in both:
        each.exporter.kill()
    compare("us CPU an event, served", rounds)


def compare(unit: str, rounds: list[list[float]]) -> None:
    """Print the figures without and with devices, and the median of what these are more."""
    for name, figures in zip(("without", "with"), zip(*rounds, strict=True), strict=True):
        spread = f"{min(figures):.2f} {statistics.median(figures):.2f} {max(figures):.2f}"
        print(f"{unit}, {name}: {spread} (min, median, max)")
    ratio = statistics.median(own / base for base, own in rounds)
    more = statistics.median(own - base for base, own in rounds)
    print(f"{unit}: {ratio - 1:+.1%}, {more:+.2f}", flush=True)


def main() -> None:
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(Path(folder) / str(limit), limit, devices) for limit in (0, max(DEVICES, devices))]
        without, remembered = (worker.filled() for worker in workers)
        print(f"memory: {(remembered - without) / devices:.0f} bytes a device, of {devices:,}", flush=True)
        for question, unit in (("count", "us CPU an event, a commit a post"), ("scrape", "ms CPU a scrape")):
            compare(unit, [[worker.ask(question) for worker in workers] for _ in range(ROUNDS)])
        starts = [[worker.start() for worker in workers] for _ in range(3)]
        slower = statistics.median(own[0] - base[0] for base, own in starts)
        (_, base), (_, own) = starts[-1]
        print(f"a start: {slower:+.2f} s of CPU; on disk: {(own - base) / devices:.1f} bytes a device")
        for worker in workers:
            worker.close()
        served(Path(folder))


if __name__ == "__main__":
    main()
