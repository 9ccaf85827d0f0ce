"""`python -m tests.attack.attack --seconds 60`: an exporter on this machine under attack, while a fleet posts to it.

The attack is `tests.attack.hostile`, whose flood is made by wrk where that is installed. The fleet is the exporter's
own simulator. Prints the figures; what they must be, `Figures.check` says.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.attack.hostile import FLOOD
from tests.support.bodies import event
from tests.support.contract import OK
from tests.support.harness import SCRAPE_HEADER, Exporter, Program, Scrape, wait_until

SCRAPE_EVERY: Final = 0.5
DRAIN_SECONDS: Final = 60.0
MORE_MEMORY: Final = 100 * 2**20
LABELS: Final = ("app_id", "action", "platform", "version")


class _Attacker(Program):
    """A program that just runs."""

    def is_ready(self) -> bool:
        return True


@dataclass
class Figures:
    """What was seen of the exporter, from outside."""

    seconds: float
    start_bytes: int
    scrapes: list[float] = field(default_factory=list)
    """Seconds of each scrape during the attack."""
    peak_bytes: int = 0
    most_series: float = 0
    fleet: dict[str, Any] = field(default_factory=dict)
    last: Scrape = field(default_factory=lambda: Scrape({}))

    def by(self, name: str, label: str) -> dict[str, float]:
        """The values of a family of the last scrape that are not 0, by a label."""
        return {dict(have)[label]: value for have, value in self.last.series(name).items() if value}

    @property
    def miscounted(self) -> list[dict[str, Any]]:
        """The series of the fleet that do not hold what it was told."""
        return [row for row in self.fleet["series"] if not self._holds(row)]

    def _holds(self, row: dict[str, Any]) -> bool:
        name = "capgo_test_events_total" if row["test"] else "capgo_events_total"
        try:
            counted = self.last.value(name, **{label: row[label] for label in LABELS})
        except KeyError:
            counted = 0
        return bool(row["acknowledged"] <= counted <= row["acknowledged"] + row["unacknowledged"])

    def check(self) -> None:
        """Raises `AssertionError` if the attack has hurt."""
        codes = self.by("capgo_exporter_requests_total", "code")
        refused = self.by("capgo_exporter_requests_refused_total", "reason")
        assert {code for code in codes if code >= "5"} <= {"501", "503"}, codes
        assert not {"internal_error", "storage_unavailable", "loading"} & set(refused), refused
        assert self.most_series <= self.last.value("capgo_exporter_series_limit")
        assert self.peak_bytes - self.start_bytes < MORE_MEMORY, f"{self.peak_bytes - self.start_bytes} bytes more"
        assert self.fleet["totals"]["distinct_events"]["acknowledged"] > 100
        assert self.miscounted == []
        assert self.scrapes, "the private port did not answer during the attack"
        received = self.last.value("capgo_exporter_events_received_total")
        parts = ("counted", "duplicate", "rejected", "ignored")
        assert received == sum(self.last.total(f"capgo_exporter_events_{part}_total") for part in parts)

    def check_speed(self) -> None:
        """Raises `AssertionError` if it was slow, which says something on a machine that does nothing else."""
        assert len(self.scrapes) > self.seconds / 2
        assert max(self.scrapes) < 1, f"a scrape took {max(self.scrapes):.2f} s"

    def __str__(self) -> str:
        totals = self.fleet["totals"]
        start, peak = self.start_bytes / 2**20, self.peak_bytes / 2**20
        return "\n".join(
            [
                f"attack           {self.seconds:.0f} s",
                f"requests by code {self.by('capgo_exporter_requests_total', 'code')}",
                f"refused          {self.by('capgo_exporter_requests_refused_total', 'reason')}",
                f"events           {self.last.value('capgo_exporter_events_counted_total'):.0f} counted, folded "
                f"{self.by('capgo_exporter_events_folded_total', 'label')}",
                f"fleet            {totals['posts']} posts, {totals['status_codes']}, {totals['distinct_events']}, "
                f"{totals['latency_ms']} ms",
                f"miscounted       {len(self.miscounted)} of {len(self.fleet['series'])} series of the fleet",
                f"series           {self.most_series:.0f} at most, "
                f"limit {self.last.value('capgo_exporter_series_limit'):.0f}",
                f"memory           {start:.0f} MiB at the start, {peak:.0f} at most",
                f"scrapes          {len(self.scrapes)}, median {sorted(self.scrapes)[len(self.scrapes) // 2]:.3f} s, "
                f"slowest {max(self.scrapes):.3f} s",
            ]
        )


def run(directory: Path, seconds: float, with_wrk: bool) -> Figures:
    """Attack for so long, let the fleet send what it still has, and look."""
    report = directory / "fleet.json"
    with ExitStack() as stack:
        exporter = stack.enter_context(Exporter(directory / "exporter", log_format="json"))
        assert (
            exporter.post(event(app_id="com.example.shop", version_name="first")).body == OK
        )  # the fleet's app is there before the junk
        exporter.scrape()
        figures = Figures(seconds, exporter.rss_bytes())
        fleet = stack.enter_context(_fleet(directory / "fleet", exporter.port, report, seconds))
        for number, argv in enumerate(_attackers(exporter.port, seconds, with_wrk)):
            stack.enter_context(_attacker(directory / f"attacker{number}", argv))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _look(exporter, figures)
            time.sleep(SCRAPE_EVERY)
        fleet.wait(DRAIN_SECONDS + seconds)
        wait_until(report.exists, "the fleet has written its account")
        figures.fleet = json.loads(report.read_text())
        figures.last = exporter.scrape()
    return figures


def _look(exporter: Exporter, figures: Figures) -> None:
    began = time.monotonic()
    reply = exporter.private("/metrics", SCRAPE_HEADER)
    figures.scrapes.append(time.monotonic() - began)
    scrape = Scrape.parse(reply.body.decode())
    figures.most_series = max(figures.most_series, scrape.value("capgo_exporter_series"))
    figures.peak_bytes = max(figures.peak_bytes, exporter.rss_bytes())


def _attacker(directory: Path, argv: list[str]) -> _Attacker:
    program = _Attacker(argv, directory)
    program.environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    return program


def _fleet(directory: Path, port: int, report: Path, seconds: float) -> _Attacker:
    options = {"url": f"http://127.0.0.1:{port}/stats", "report": str(report), "duration": f"{seconds:g}s"}
    options |= {"devices": "300", "rate": "50", "drain": f"{DRAIN_SECONDS:g}s"}
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    return _attacker(directory, [sys.executable, "-m", "exporter", "simulate", *flags])


def _attackers(port: int, seconds: float, with_wrk: bool) -> list[list[str]]:
    hostile = [sys.executable, "-m", "tests.attack.hostile", str(port), f"{seconds:g}"]
    if not with_wrk:
        return [hostile]
    script = str(Path(__file__).with_name("flood.lua"))
    wrk = ["wrk", "-c", str(FLOOD), "-t", "2", "-d", f"{seconds:g}s", "-s", script, f"http://127.0.0.1:{port}/stats"]
    return [[*hostile, "0"], wrk]


def main() -> int:
    """Returns 0 if it did not hurt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with_wrk = shutil.which("wrk") is not None
    print(f"{FLOOD} connections of {'wrk' if with_wrk else 'our own flood'}")
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), options.seconds, with_wrk)
    print(figures)
    figures.check()
    figures.check_speed()
    return 0


if __name__ == "__main__":
    sys.exit(main())
