"""The endpoint is a Falcon application, complete in itself: under another server it answers and counts the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fixtures
from tests.support.bodies import event
from tests.support.contract import OK
from tests.support.harness import LOCALHOST, Exporter, Program, Reply, free_port, request
from tests.system.conftest import Launch

ROOT = Path(__file__).parents[2]


class Uvicorn(Program):
    """The application under uvicorn, its data in `directory/data`."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.data = directory / "data"
        words = ["--factory", "tests.support.asgi_app:create", "--host", LOCALHOST, "--port", str(self.port)]
        super().__init__([sys.executable, "-m", "uvicorn", *words], directory)
        self.environment |= {"PYTHONPATH": str(ROOT), "CAPGO_DATA_DIR": str(self.data)}

    def is_ready(self) -> bool:
        try:
            return request(self.port, "GET", "/stats").status == 200
        except OSError:
            return False


@pytest.fixture
def uvicorn(tmp_path: Path) -> Iterator[Uvicorn]:
    with Uvicorn(tmp_path / "uvicorn") as running:
        yield running


def said(reply: Reply) -> tuple[int, str | None, bytes]:
    """What a client reads of it."""
    return reply.status, reply.headers.get("content-type"), reply.body


def counted(data: Path) -> list[str]:
    """The totals of each version in a stopped exporter's ledger."""
    words = [sys.executable, "-m", "exporter", "check", "--data-dir", str(data)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return [line for line in done.stdout.splitlines() if line.startswith(("  ", "events counted"))]


Asked = tuple[str, str, bytes | None, dict[str, str]]

ODD_REQUESTS: list[Asked] = [
    ("GET", "/stats", None, {}),
    ("HEAD", "/stats", None, {}),
    ("OPTIONS", "/stats", None, {}),
    ("PUT", "/stats", b"[]", {}),
    ("GET", "/nothing", None, {}),
    ("POST", "/nothing", b"[]", {}),
    ("POST", "/stats/", b"[]", {}),
    ("POST", "//stats//", b"[]", {}),
    ("POST", "/nothing", b"[]", {"Forwarded": 'for="[::1]:abc"'}),
    ("POST", "/", b"[]", {}),
    ("POST", "/st%61ts", b"[]", {}),
    ("POST", "/stats?from=app", b"[]", {}),
    ("POST", "/stats", b"", {}),
    ("POST", "/stats", b" " * (4 * 2**20 + 1), {}),
    ("POST", "/stats", b"[" + b",".join([b"{}"] * 1001) + b"]", {}),
    ("POST", "/stats", b"[]", {"Content-Encoding": "gzip"}),
]


def test_the_application_answers_and_counts_the_same_under_another_server(uvicorn: Uvicorn, launch: Launch) -> None:
    """All bodies of the wire corpus, and odd requests: every reply byte for byte, and every total."""
    exporter = launch()
    bodies = [body for fixture in fixtures.load() for body in fixture.bodies]
    requests: list[Asked] = [("POST", "/stats", body, {}) for body in bodies]
    requests += ODD_REQUESTS
    for method, path, body, headers in requests:
        ours, theirs = (request(port, method, path, body, headers) for port in (exporter.port, uvicorn.port))
        assert said(ours) == said(theirs), (method, path, body and body[:200])

    assert exporter.terminate() == 0
    uvicorn.terminate()
    assert counted(exporter.data) == counted(uvicorn.data)


def test_a_retry_from_another_path_in_is_recognised(exporter: Exporter) -> None:
    """The listener takes posts at the path itself; one that is written otherwise goes through Falcon."""
    once = event()

    assert exporter.post([once]).status == 200
    before = exporter.scrape().value("capgo_exporter_events_duplicate_total")
    assert exporter.post([once], path="/st%61ts").status == 200
    assert exporter.post(event(), path="/st%61ts").body == OK
    assert exporter.scrape().value("capgo_exporter_events_duplicate_total") == before + 1
