"""The real Prometheus and Alertmanager, each a process with a storage of its own, asked over their HTTP interfaces."""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.support.harness import LOCALHOST, Program, free_port, request, wait_until

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS_2 = Path("/usr/bin/prometheus")
"""Debian 12's, 2.42."""
PROMETHEUS_3 = ROOT / ".cache/prometheus3/usr/bin/prometheus"
"""The long-term release of the line that users run."""
ALERTMANAGER = ROOT / ".cache/prometheus3/usr/bin/prometheus-alertmanager"
VICTORIA_METRICS = Path("/usr/bin/victoria-metrics")
"""Debian 12's, 1.79."""
SCRAPE_SECONDS = 60.0


class Sample(NamedTuple):
    """One element of an instant vector."""

    labels: dict[str, str]
    value: float


class Series(NamedTuple):
    """One element of a range vector: (time in s, value) pairs, oldest first."""

    labels: dict[str, str]
    values: list[tuple[float, float]]


def installed(program: Path) -> str:
    """The path of a program that the tests need; fails the test where it is missing."""
    if not program.exists():
        pytest.fail(f"{program} is missing: `make test` installs what the tests need")
    return str(program)


def get_json(port: int, path: str, **parameters: str) -> Any:
    """The decoded reply of a GET; AssertionError if it is not 200."""
    reply = request(port, "GET", f"{path}?{urlencode(parameters)}" if parameters else path)
    assert reply.status == http.client.OK, f"{path} {parameters}: {reply.status} {reply.body.decode(errors='replace')}"
    return reply.json


class Queried(Program):
    """A program that listens on `port` and answers queries as Prometheus does."""

    port: int

    def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """An instant vector, now or `at` a time in seconds; AssertionError with its words if Prometheus refuses."""
        time_of = {} if at is None else {"time": f"{at:.3f}"}
        answer = get_json(self.port, "/api/v1/query", query=expression, **time_of)["data"]
        assert answer["resultType"] == "vector", f"{expression} gives a {answer['resultType']}"
        return [Sample(_labels(one), float(one["value"][1])) for one in answer["result"]]

    def value(self, expression: str, at: float | None = None) -> float:
        """The one value of a query that gives exactly one; AssertionError otherwise."""
        samples = self.query(expression, at)
        assert len(samples) == 1, f"{expression} gives {len(samples)} samples, not one"
        return samples[0].value

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """Values from `start` to `end` (seconds) every `step` seconds."""
        window = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": str(step)}
        answer = get_json(self.port, "/api/v1/query_range", query=expression, **window)["data"]
        return [Series(_labels(one), [(at, float(value)) for at, value in one["values"]]) for one in answer["result"]]


class Prometheus(Queried):
    """A Prometheus that scrapes `targets` (job → one or several host:port) and evaluates `rules` every `interval`."""

    def __init__(
        self,
        directory: Path,
        targets: Mapping[str, str | Sequence[str]],
        *,
        binary: Path = PROMETHEUS_2,
        interval: str = "1s",
        rules: Sequence[Path] = (),
        alertmanager: str | None = None,
        remote_write: str | None = None,
        storage: Path | None = None,
    ) -> None:
        """`storage` is copied, to begin with."""
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.targets = {job: [where] if isinstance(where, str) else list(where) for job, where in targets.items()}
        if storage:
            shutil.copytree(storage, directory / "storage")
        config = directory / "prometheus.yml"
        config.write_text(json.dumps(_config(self.targets, interval, rules, alertmanager, remote_write)))
        flags = {
            "config.file": str(config),
            "storage.tsdb.path": str(directory / "storage"),
            "web.listen-address": f"{LOCALHOST}:{self.port}",
            "log.level": "warn",
        }
        super().__init__([installed(binary), *(f"--{name}={value}" for name, value in flags.items())], directory)

    def is_ready(self) -> bool:
        try:
            return request(self.port, "GET", "/-/ready").status == http.client.OK
        except OSError:
            return False

    def wait_scraped(self, job: str) -> None:
        """Return after a successful scrape of each target of `job` that began after this call."""
        called = time.time()

        def scraped() -> bool:
            up = f'up{{job="{job}"}}'
            last = self.query(f"timestamp({up}) and {up} == 1")
            return len(last) == len(self.targets[job]) and min(sample.value for sample in last) > called

        wait_until(scraped, f"{job} is scraped", SCRAPE_SECONDS)

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing alerts, as the API gives them."""
        return list(get_json(self.port, "/api/v1/alerts")["data"]["alerts"])


class VictoriaMetrics(Queried):
    """A VictoriaMetrics that keeps what it is sent; of samples closer together than `dedup` it keeps one."""

    def __init__(self, directory: Path, dedup: str = "0s") -> None:
        self.port = free_port()
        flags = {
            "storageDataPath": str(directory / "storage"),
            "httpListenAddr": f"{LOCALHOST}:{self.port}",
            "retentionPeriod": "10y",
            "dedup.minScrapeInterval": dedup,
            "search.latencyOffset": "0s",  # by default the last 30 seconds are not shown
            "loggerLevel": "WARN",
        }
        super().__init__(
            [installed(VICTORIA_METRICS), *(f"-{name}={value}" for name, value in flags.items())], directory
        )

    def is_ready(self) -> bool:
        try:
            return request(self.port, "GET", "/health").status == http.client.OK
        except OSError:
            return False

    @property
    def write_url(self) -> str:
        """Where Prometheus writes to."""
        return f"http://{LOCALHOST}:{self.port}/api/v1/write"

    def load(self, lines: Iterable[str]) -> None:
        """Take samples in the text format, each with its time in seconds, and show them."""
        text = "".join(f"{line}000\n" for line in lines if not line.startswith("#"))
        sent = request(self.port, "POST", "/api/v1/import/prometheus", text.encode())
        assert sent.status == http.client.NO_CONTENT, sent.body
        self.flush()

    def flush(self) -> None:
        """Show what it was sent so far."""
        assert request(self.port, "GET", "/internal/force_flush").status == http.client.OK


class Alertmanager(Program):
    """An Alertmanager of its own, without a cluster."""

    def __init__(self, directory: Path, config: Path, binary: Path = ALERTMANAGER) -> None:
        self.port = free_port()
        flags = {
            "config.file": str(config),
            "storage.path": str(directory / "storage"),
            "web.listen-address": self.address,
            "cluster.listen-address": "",
        }
        super().__init__([installed(binary), *(f"--{name}={value}" for name, value in flags.items())], directory)

    @property
    def address(self) -> str:
        """Where a Prometheus sends its alerts."""
        return f"{LOCALHOST}:{self.port}"

    def is_ready(self) -> bool:
        try:
            return request(self.port, "GET", "/-/ready").status == http.client.OK
        except OSError:
            return False

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds, as the API gives them."""
        return list(get_json(self.port, "/api/v2/alerts"))


def _labels(element: Mapping[str, Any]) -> dict[str, str]:
    return dict(element["metric"])


def _config(
    targets: Mapping[str, Sequence[str]],
    interval: str,
    rules: Sequence[Path],
    alertmanager: str | None,
    remote_write: str | None,
) -> dict[str, object]:
    """Prometheus' configuration; JSON is YAML."""
    config: dict[str, object] = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": addresses}]} for job, addresses in targets.items()
        ],
    }
    if alertmanager is not None:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    if remote_write is not None:
        config["remote_write"] = [{"url": remote_write}]
    return config
