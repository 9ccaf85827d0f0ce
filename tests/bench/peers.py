"""The exporter beside what people would take in its place: `python -m tests.bench.peers`, about 8 minutes.

Each server runs on the same core and is loaded by wrk from another one. In every case (single events, arrays) all run
at once and are posted to in turn, round after round, so that what else the machine does hits them alike; ratios are of
the same round. Then each gets half of the posts that the slowest one managed, for its latency at a moderate load.
After each run the server must have counted what it acknowledged. Prints Markdown.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from exporter.wire.events import decode
from tests.bench import report
from tests.bench.contestants import CONTESTANTS, LOAD_CORE, Peer
from tests.bench.load import CASES, Case, Posted, post
from tests.bench.report import Result, Results, Run

ROUNDS: Final = 5
SECONDS: Final = 2
DECODED: Final = 20_000


class Plan(NamedTuple):
    """How long to measure whom."""

    rounds: int
    seconds: int
    names: Sequence[str]


def turn(peer: Peer, case: Case, seconds: int, rate: float | None = None) -> Run:
    """Load a contestant. Raises `RuntimeError` if it has not counted what it acknowledged."""
    counted, spent = peer.counted() if peer.counted else 0, peer.cpu_seconds()
    posted = post(peer.target, case, seconds, peer.program.directory, rate)
    cpu = (peer.cpu_seconds() - spent) / posted.events * 1e6
    if peer.counted:
        _verify(peer, case, posted, counted)
    return Run(posted, cpu)


def _verify(peer: Peer, case: Case, posted: Posted, before: float) -> None:
    assert peer.counted is not None
    sent, largest = (posted.sent_events, max(case.sizes)) if peer.unit == "events" else (posted.sent_posts, 1)
    at_least = sent - posted.unanswered * largest
    deadline = time.monotonic() + 5
    while not at_least <= (counted := peer.counted() - before) <= sent:
        if time.monotonic() > deadline:  # what was under way at wrk's end needs a moment
            raise RuntimeError(f"{peer.name} counted {counted:.0f} {peer.unit} of {at_least} to {sent}")
        time.sleep(0.05)


def decoding(bodies: Sequence[bytes], events: int) -> float:
    """Microseconds of CPU an event of reading these bodies as the exporter does, and nothing else."""
    before = time.process_time()
    for body in bodies:
        decode(body, 1000)
    return (time.process_time() - before) / events * 1e6


def measure(case: Case, plan: Plan, directory: Path) -> tuple[Results, list[float]]:
    """By contestant what it did, and the floor's CPU in each round."""
    posts = max(len(case.sizes), DECODED * len(case.sizes) // sum(case.sizes))
    bodies = case.bodies(posts)
    events = sum(itertools.islice(itertools.cycle(case.sizes), posts))
    floor = []
    with ExitStack() as stack:
        peers = [CONTESTANTS[name](directory / name) for name in plan.names]
        for peer in peers:
            stack.enter_context(peer.program)
            turn(peer, case, 1)  # warm
        runs: dict[str, list[Run]] = {peer.name: [] for peer in peers}
        for _ in range(plan.rounds):
            for peer in peers:
                runs[peer.name].append(turn(peer, case, plan.seconds))
            floor.append(decoding(bodies, events))
        rate = min(run.posts_a_second for run in itertools.chain(*runs.values())) / 2
        moderate = {peer.name: turn(peer, case, plan.seconds + 1, rate) if peer.counted else None for peer in peers}
        rss = {peer.name: peer.rss_bytes() for peer in peers}
    return {name: Result(runs[name], moderate[name], rss[name]) for name in runs}, floor


def main() -> int:
    """Returns 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds of a second, to see that it works")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), help="contestants")
    options = parser.parse_args()
    plan = Plan(2, 1, options.only) if options.quick else Plan(ROUNDS, SECONDS, options.only)
    os.sched_setaffinity(0, {LOAD_CORE})  # wrk inherits it
    print(report.head(plan.rounds, plan.seconds), flush=True)
    by_case = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            by_case[case.name], floor = measure(case, plan, Path(folder))
        print(report.case(case.name, by_case[case.name], floor), flush=True)
    print(report.goals(by_case))
    return 0


if __name__ == "__main__":
    sys.exit(main())
