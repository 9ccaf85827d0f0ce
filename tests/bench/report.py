"""The figures of the comparison, as Markdown."""

from __future__ import annotations

import platform
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.contestants import EMPTY, EXPORTER, NAIVE, NODE, NODE_PROGRAM
from tests.bench.load import CASES, CONNECTIONS, Posted

HEADINGS: Final = (
    "",
    "events/s",
    "posts/s",
    "× Falcon",
    "× Node.js",
    "p50 / p99",
    "at the moderate rate",
    "CPU an event",
    "core",
    "RSS",
)


class Run(NamedTuple):
    """One turn of a contestant; `cpu` in microseconds an event."""

    posted: Posted
    cpu: float

    @property
    def events_a_second(self) -> float:
        return self.posted.events / self.posted.seconds

    @property
    def core(self) -> float:
        """The part of the core that the server took: well below 1, it waited for wrk, or for others on the machine."""
        return self.cpu / 1e6 * self.events_a_second

    @property
    def posts_a_second(self) -> float:
        return self.posted.posts / self.posted.seconds


class Result(NamedTuple):
    """All turns of a contestant in one case, by round; its memory after them, in bytes.

    `moderate` is the turn at a moderate rate, which servers that do nothing are spared.
    """

    runs: Sequence[Run]
    moderate: Run | None
    rss: int


Results = Mapping[str, Result]


class Goal(NamedTuple):
    """Events a second, at least `factor` times those of another contestant."""

    case: str
    who: str
    against: str
    factor: float


GOALS: Final = (
    Goal(CASES[0].name, EXPORTER, NODE, 1),
    Goal(CASES[0].name, EXPORTER, NAIVE, 4),
    Goal(CASES[0].name, EXPORTER, EMPTY, 0.35),
    Goal(CASES[1].name, EXPORTER, NODE, 1),
    Goal(CASES[2].name, EXPORTER, NODE, 0.75),
    Goal(CASES[2].name, EXPORTER, NAIVE, 1.6),
)


def head(rounds: int, seconds: int) -> str:
    """What was measured, on which machine."""
    return "\n".join(
        [
            f"{rounds} rounds of {seconds} s in each case, {CONNECTIONS} connections; min / median / max over the "
            "rounds, ratios of events/s are medians of the rounds' own. Latency in ms: medians at full load, then at "
            "half of what the slowest managed. CPU in µs, kernel included; `core`: the part of its core that a server "
            "used, well below 100 % where it waited for wrk. Memory in MB.",
            "",
            f"Machine: {_processor()}, Linux {platform.release()}, one core for the server, one for wrk.",
            f"Versions: {', '.join(_versions())}.",
        ]
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _versions() -> Iterable[str]:
    yield f"Python {platform.python_version()}"
    for name in ("falcon", "httptools", "waitress", "prometheus-client", "msgspec"):
        yield f"{name} {version(name)}"
    yield f"Node.js {_output(str(NODE_PROGRAM), '--version').strip().removeprefix('v')}"
    yield f"pushgateway {_output('prometheus-pushgateway', '--version').split()[2]}"


def _output(*argv: str) -> str:
    assert shutil.which(argv[0]), f"{argv[0]} is missing: `make bench` installs it"
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def case(name: str, results: Results, decoding: Sequence[float]) -> str:
    """The table of one case; `decoding` is the floor's CPU in each round."""
    rates = {round(result.moderate.posts_a_second) for result in results.values() if result.moderate}
    lines = [f"### {name.capitalize()}", "", _row(HEADINGS), _row(["---"] * len(HEADINGS))]
    lines += [_row(_cells(who, result, results)) for who, result in results.items()]
    lines += [_row(["decoding alone (msgspec)", *[""] * 6, _spread(decoding, "{:.2f}"), "", ""])]
    return "\n".join(["", *lines, "", f"The moderate rate was {min(rates):,} to {max(rates):,} posts/s."])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(who: str, result: Result, results: Results) -> list[str]:
    runs = result.runs
    return [
        who,
        _spread([run.events_a_second for run in runs], "{:,.0f}"),
        _spread([run.posts_a_second for run in runs], "{:,.0f}"),
        _times(result, results.get(NAIVE)),
        _times(result, results.get(NODE)),
        _latency([run.posted for run in runs]),
        _latency([result.moderate.posted]) if result.moderate else "",
        _spread([run.cpu for run in runs], "{:.1f}"),
        f"{statistics.median(run.core for run in runs):.0%}",
        f"{result.rss / 1e6:.0f}",
    ]


def _spread(values: Sequence[float], form: str) -> str:
    return " / ".join(form.format(of(values)) for of in (min, statistics.median, max))


def _latency(posted: Sequence[Posted]) -> str:
    of: Callable[[Iterable[float]], float] = statistics.median
    return f"{of(each.p50 for each in posted):.1f} / {of(each.p99 for each in posted):.1f}"


def ratio(result: Result, other: Result) -> float:
    """The median of the rounds' ratios of events a second."""
    pairs = zip(result.runs, other.runs, strict=True)
    return statistics.median(ours.events_a_second / theirs.events_a_second for ours, theirs in pairs)


def _times(result: Result, other: Result | None) -> str:
    return f"{ratio(result, other):.2f}" if other else ""


def goals(by_case: Mapping[str, Results]) -> str:
    """What was aimed at, and what was reached."""
    lines = ["", _row(["goal", "wanted", "measured"]), _row(["---"] * 3)]
    for goal in GOALS:
        results = by_case[goal.case]
        if goal.who in results and goal.against in results:
            measured = ratio(results[goal.who], results[goal.against])
            verdict = "" if measured >= goal.factor else " (missed)"
            what = f"{goal.case}: {goal.who} ÷ {goal.against}"
            lines.append(_row([what, f"{goal.factor:g}", f"{measured:.2f}{verdict}"]))
    return "\n".join(lines)
