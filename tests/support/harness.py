"""The running exporter as system tests see it: a process, two ports, data and a log; its code is unknown here."""

from __future__ import annotations

import fcntl
import http.client
import itertools
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import IO, Any, Self

from prometheus_client.parser import text_string_to_metric_families

LOCALHOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
REPLY_SECONDS = 60.0
POLL_SECONDS = 0.02
PORTS_A_WORKER = 1000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
_ports = itertools.cycle(
    random.sample(range(20000 + _worker * PORTS_A_WORKER, 20000 + (_worker + 1) * PORTS_A_WORKER), PORTS_A_WORKER)
)
_PORTS_IN_USE = Path(tempfile.gettempdir()) / f"capgo-exporter-tests-ports-{os.getuid()}"
"""A byte for each port, locked by the process that took it."""
PORTS_HELD = 100
"""The newest that a process took; more than it has in use at a time."""
_held: deque[int] = deque()
SCRAPE_HEADER = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}
"""What Prometheus sends with every scrape, and by which the exporter tells a scrape from a person's curl."""


def free_port() -> int:
    """A TCP port that nothing listens on.

    It lies below the range from which the kernel takes outgoing ports, so that a restarted program finds it free again,
    in a part of it that no other process of this test run looks at, and no other test run of this machine gets it.
    """
    while True:
        port = next(_ports)
        if not _take(port):
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCALHOST, port))
            except OSError:
                continue
            return port


@cache
def _in_use() -> IO[bytes]:
    return _PORTS_IN_USE.open("ab")


def _take(port: int) -> bool:
    try:
        fcntl.lockf(_in_use(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _held.append(port)
    if len(_held) > PORTS_HELD:
        fcntl.lockf(_in_use(), fcntl.LOCK_UN, 1, _held.popleft())
    return True


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Return once `condition` holds; AssertionError naming `what` if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain until {what}")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Reply:
    """One HTTP reply; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        """The body decoded; ValueError if it is no JSON."""
        return json.loads(self.body)


def request(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    source: str | None = None,
) -> Reply:
    """One request on a connection of its own, no redirect followed. OSError or HTTPException without a whole reply.

    It may come from a certain one of this machine's addresses: any of 127.0.0.0/8, or ::1.
    """
    host = "::1" if source and ":" in source else LOCALHOST
    origin = (source, 0) if source else None
    connection = http.client.HTTPConnection(host, port, timeout=REPLY_SECONDS, source_address=origin)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Scrape:
    """The samples of one reply of `/metrics`, by (name, labels)."""

    samples: Mapping[tuple[str, Labels], float]

    @classmethod
    def parse(cls, text: str) -> Scrape:
        """From the text format; ValueError if it is malformed, AssertionError if a sample comes twice."""
        samples: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in samples, f"{key} twice in one scrape"
                samples[key] = sample.value
        return cls(samples)

    def value(self, name: str, **labels: str) -> float:
        """The sample with exactly these labels; KeyError if there is none."""
        return self.samples[name, frozenset(labels.items())]

    def series(self, name: str, **labels: str) -> dict[Labels, float]:
        """The samples of that name that carry at least these labels."""
        return {
            have: value
            for (found, have), value in self.samples.items()
            if found == name and have.issuperset(labels.items())
        }

    def total(self, name: str, **labels: str) -> float:
        """Their sum; 0 if there are none."""
        return sum(self.series(name, **labels).values())


class Program:
    """A child process whose output goes to a file; its starts get `environment`. Leaving the `with` block ends it."""

    def __init__(self, argv: list[str], directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.argv = argv
        self.directory = directory
        self.environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
        self.log = directory / f"{type(self).__name__.lower()}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The process; AssertionError if it was never started."""
        assert self.process is not None, "not started"
        return self.process

    @property
    def pid(self) -> int:
        return self.running.pid

    def is_ready(self) -> bool:
        """Whether it does its work; each program says how that shows."""
        raise NotImplementedError

    def spawn(self, stdout: int | None = None) -> None:
        """Start the process without waiting for anything; its standard output may go elsewhere."""
        with self.log.open("ab") as log:
            out = log if stdout is None else stdout
            self.process = subprocess.Popen(
                self.argv, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log
            )

    def start(self) -> None:
        """Start the process and return when it is ready; AssertionError with its log if it ends or takes too long."""
        self.spawn()

        def ready_or_over() -> bool:
            over = self.running.poll()
            assert over is None, f"ended with {over} at its start:\n{self.logs()}"
            return self.is_ready()

        try:
            wait_until(ready_or_over, f"{self.argv[:3]} is ready", START_SECONDS)
        except AssertionError:
            self.kill()
            raise

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Its exit code, once it has ended by itself; AssertionError with the stack of each thread if it doesn't."""
        try:
            return self.running.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGABRT)
            self.running.wait()
            raise AssertionError(f"{self.argv[:3]} did not end within {seconds} s:\n{self.logs()}") from None

    def signal(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash does; nothing happens if it has ended."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def terminate(self) -> int:
        """Ask it to end (SIGTERM); its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def logs(self) -> str:
        """All that it wrote, over all its lives."""
        return self.log.read_text(errors="replace")

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def cpu_seconds(self) -> float:
        """User and system time spent in this life."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def limit(self, which: int, soft: int) -> None:
        """Set a soft resource limit (`resource.RLIMIT_…`) of the running process."""
        hard = resource.prlimit(self.pid, which)[1]
        resource.prlimit(self.pid, which, (soft, hard))


class Exporter(Program):
    """`python -m exporter` on free ports of 127.0.0.1, its data in `directory/data`.

    A setting is given by its flag's name: `Exporter(path, max_batch="5")`. A restart keeps the ports and the data.
    Series show their true values at once (`zero_hold="0s"`) unless a test says otherwise.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        self.port = free_port()
        self.metrics_port = free_port()
        self.data = directory / "data"
        settings = {
            "listen": f"{LOCALHOST}:{self.port}",
            "metrics_listen": f"{LOCALHOST}:{self.metrics_port}",
            "data_dir": str(self.data),
            "zero_hold": "0s",
        } | settings
        flags = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
        super().__init__([sys.executable, "-m", "exporter", *flags], directory)

    @property
    def metrics_address(self) -> str:
        """What Prometheus scrapes."""
        return f"{LOCALHOST}:{self.metrics_port}"

    def is_ready(self) -> bool:
        """As it shows to who just looks: whoever asks `/readyz` is a balancer, and gets notice before the end."""
        try:
            return b"\ncapgo_exporter_ready 1" in self.private("/metrics").body
        except OSError:
            return False

    def restart(self, **settings: str) -> None:
        """Start again on the same ports and data, after `kill` or `terminate`, with some settings changed."""
        for name, value in settings.items():
            self.argv += [f"--{name.replace('_', '-')}", value]
        self.start()

    def deliver(self, body: object) -> Reply:
        """Post `body` until it is not refused as overloaded, which happens to any post when the machine stands still
        for longer than a post may wait.
        """
        while (reply := self.post(body)).status == http.client.SERVICE_UNAVAILABLE:
            assert reply.json["error"] == "overloaded", reply.body
        return reply

    def post(self, body: object, headers: Mapping[str, str] | None = None, path: str = "/stats") -> Reply:
        """Post `body` to the public port: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request(self.port, "POST", path, data, {"Content-Type": "application/json", **(headers or {})})

    def public(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """A request without a body to the public port."""
        return request(self.port, method, path, None, headers)

    def private(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """A GET on the private port."""
        return request(self.metrics_port, "GET", path, None, headers)

    def scrape(self) -> Scrape:
        """`/metrics` as Prometheus asks for it."""
        reply = self.private("/metrics", SCRAPE_HEADER)
        assert reply.status == http.client.OK, f"a scrape was answered {reply.status}: {reply.body[:200]!r}"
        return Scrape.parse(reply.body.decode())
