"""Bodies that atheris finds by what code they reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RUNS = 120_000
ROOT = Path(__file__).parents[2]


def test_no_body_that_atheris_finds_is_misread(tmp_path: Path) -> None:
    """The first of those that `python -m tests.fuzz.atheris_decode` finds, each held against the second reading."""
    words = [sys.executable, "-m", "tests.fuzz.atheris_decode", "-seed=1", f"-atheris_runs={RUNS}"]
    places = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=os.environ | places, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Done {RUNS} in" in done.stdout + done.stderr
