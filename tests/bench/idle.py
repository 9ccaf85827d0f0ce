"""What connections cost that phones keep open: `python -m tests.bench.idle`, about 2 minutes.

Each exporter gets posts at a moderate rate while more and more other connections, which have nothing to say, are open.
Server on one core, wrk on another. Prints Markdown.
"""

from __future__ import annotations

import os
import resource
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.bench.contestants import LOAD_CORE, Peer, exporter
from tests.bench.load import CASES, Posted, post
from tests.support.harness import LOCALHOST

ROUNDS: Final = 5
SECONDS: Final = 2
RATE: Final = 200.0
"""Single posts a second."""
IDLE: Final = (0, 500, 1900)
SETTLE_SECONDS: Final = 2.0


@contextmanager
def idle(peers: list[Peer], number: int) -> Iterator[None]:
    """So many connections to each, on which nothing happens."""
    with ExitStack() as stack:
        for peer in peers:
            for _ in range(number):
                stack.enter_context(socket.create_connection((LOCALHOST, peer.target.port)))
        time.sleep(SETTLE_SECONDS)
        yield


def turn(peer: Peer) -> tuple[float, Posted]:
    """Microseconds of CPU a post, and what wrk saw."""
    before = peer.cpu_seconds()
    posted = post(peer.target, CASES[0], SECONDS, peer.program.directory, RATE)
    return (peer.cpu_seconds() - before) / posted.posts * 1e6, posted


def row(name: str, number: int, turns: list[tuple[float, Posted]]) -> str:
    """Minimum, median and maximum of the CPU, medians of the latencies."""
    cpu = [of(spent for spent, _ in turns) for of in (min, statistics.median, max)]
    p50, p99 = (statistics.median(times) for times in zip(*((each.p50, each.p99) for _, each in turns), strict=True))
    return f"| {name} | {number:,} | {' / '.join(f'{of:.0f}' for of in cpu)} | {p50:.1f} / {p99:.1f} |"


def main() -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    print("| server | idle connections | CPU a post, µs | p50 / p99, ms |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        peers = [exporter("exporter", Path(folder), request_timeout="1h")]
        for peer in peers:
            stack.enter_context(peer.program)
        for number in IDLE:
            with idle(peers, number):
                turns: dict[str, list[tuple[float, Posted]]] = {peer.name: [] for peer in peers}
                for _ in range(ROUNDS):
                    for peer in peers:
                        turns[peer.name].append(turn(peer))
            for name, made in turns.items():
                print(row(name, number, made), flush=True)


if __name__ == "__main__":
    main()
