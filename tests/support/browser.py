"""A headless Chromium, driven by the programs of tests/render."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

RENDER = Path(__file__).resolve().parents[1] / "render"
CHROMIUM = Path("/usr/bin/chromium")
SECONDS = 500


def node(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program of tests/render; fails the test where what it needs is missing."""
    return subprocess.run(
        _command(*arguments), cwd=RENDER, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def _command(*arguments: str | Path) -> list[str]:
    if not (RENDER / "node_modules").is_dir() or not shutil.which("node"):
        pytest.fail("tests/render is not installed: `make test` installs what the tests need")
    return ["node", *map(str, arguments)]


class Reader(NamedTuple):
    """Somebody who opens a page: on a phone or not, in light or dark, and who may wait until a text is there."""

    width: int = 1100
    height: int = 800
    phone: bool = False
    scheme: str = "light"
    picture: str = ""
    until: str = ""


class Seen(NamedTuple):
    """What a reader has before them, and what the browser asked for and complained of until then.

    The sizes are in CSS pixels: of the `smallest` text, of the window's `width`, and of what the page `needed`.
    """

    text: str
    smallest: float
    width: int
    needed: int
    styled: bool
    tags: list[str]
    asked: list[str]
    complaints: list[str]


def visit(url: str, readers: Sequence[Reader]) -> Iterator[Seen]:
    """Open a page as each of them; one who waits sees twice. AssertionError if the browser fails."""
    order = {"chromium": str(CHROMIUM), "url": url, "readers": [reader._asdict() for reader in readers]}
    with subprocess.Popen(
        _command("visit.mjs"), cwd=RENDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as visiting:
        assert visiting.stdin is not None
        assert visiting.stdout is not None
        visiting.stdin.write(json.dumps(order))
        visiting.stdin.close()
        for line in visiting.stdout:
            yield Seen(**json.loads(line))
    assert visiting.returncode == 0
