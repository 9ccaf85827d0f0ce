"""What starts the exporters of these tests gets in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.harness import PORTS_HELD

ROOT = Path(__file__).resolve().parents[2]
TAKE = f"""
import sys
from tests.support.harness import free_port
print(*(free_port() for _ in range({PORTS_HELD})), flush=True)
sys.stdin.read()
"""


def test_two_runs_on_one_machine_take_no_port_of_each_other() -> None:
    """Which nothing listens on yet: between its choice and the start of its program there is time."""
    runs = [
        subprocess.Popen([sys.executable, "-c", TAKE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    taken = [run.stdout.readline().split() for run in runs if run.stdout]
    for run in runs:
        run.communicate()

    assert len(set().union(*taken)) == len(runs) * PORTS_HELD


def test_settings_in_ones_shell_are_no_settings_of_the_tests() -> None:
    """As README says that they are variables, whoever tries the exporter has some."""
    given = {"CAPGO_APPS": "com.example.shop", "CAPGO_LOG_LEVEL": "error", "PROMETHEUS_MULTIPROC_DIR": "/nonexistent"}
    words = [sys.executable, "-m", "pytest", "-q", "tests/unit/test_settings.py", "-k", "differs or blanks"]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
