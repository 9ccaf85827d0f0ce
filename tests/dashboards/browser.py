"""Dashboards drawn by Grafana's own user interface libraries in a headless Chromium, and checked by their types."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

RENDER = Path(__file__).resolve().parents[1] / "render"
CHROMIUM = Path("/usr/bin/chromium")
WIDTH = 1600
SECONDS = 500


class Picture(NamedTuple):
    """A dashboard to be photographed at a time range (seconds since the epoch)."""

    dashboard: Path
    path: Path
    start: float
    end: float
    variables: dict[str, str]
    loki: Path | None = None
    """What a log store answered to it."""


class Query(NamedTuple):
    panel: str
    letter: str
    expr: str
    series: int


class Seen(NamedTuple):
    """What the page said of itself once it was drawn."""

    drawn: bool
    errors: list[str]
    queries: list[Query]
    empty: list[str]
    links: list[str]


def node(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program of tests/render; fails the test where what it needs is missing."""
    if not (RENDER / "node_modules").is_dir() or not shutil.which("node"):
        pytest.fail("tests/render is not installed: `make test` installs what the tests need")
    command = ["node", *map(str, arguments)]
    return subprocess.run(
        command, cwd=RENDER, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def build() -> None:
    """Put the page together; AssertionError with the builder's words."""
    built = node("node_modules/vite/bin/vite.js", "build")
    assert built.returncode == 0, built.stderr


def photograph(prometheus: str, scrape: str, pictures: Sequence[Picture]) -> list[Seen]:
    """Draw and photograph each dashboard; AssertionError if the browser fails."""
    order = {
        "chromium": str(CHROMIUM),
        "prometheus": prometheus,
        "scrape": scrape,
        "width": WIDTH,
        "pictures": [
            {
                "dashboard": str(picture.dashboard),
                "picture": str(picture.path),
                "from": _iso(picture.start),
                "to": _iso(picture.end),
                "variables": picture.variables,
                "loki": str(picture.loki) if picture.loki else None,
            }
            for picture in pictures
        ],
    }
    done = node("photograph.mjs", stdin=json.dumps(order))
    assert done.returncode == 0, done.stderr
    return [_seen(one) for one in json.loads(done.stdout)]


def _seen(page: dict[str, Any]) -> Seen:
    asked = [Query(one["panel"], one["refId"], one["expr"], one["series"]) for one in page["queries"]]
    return Seen(page["drawn"], page["errors"], asked, page["empty"], page["links"])


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
