"""Where things are in the repository, and how the tests of packaging run programs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DASHBOARDS = ROOT / "dashboards"
PROGRAM = Path(sys.executable).with_name("capgo-exporter")
PROMETHEUS3 = ROOT / ".cache/prometheus3/usr/bin"


def run(*words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in the repository's root, whatever its exit code; its output is text."""
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)


def succeed(*words: str | Path, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a program that must exit 0; AssertionError with all that it said."""
    done = run(*words, env=env)
    assert done.returncode == 0, f"{words} exited {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def load(path: str) -> Any:
    """A YAML file of the repository, by its path from the root."""
    return yaml.safe_load((ROOT / path).read_text())


def seconds(duration: str) -> float:
    """A duration of one unit, as Prometheus and the exporter's settings write it."""
    number, unit = duration[:-1], duration[-1]
    return float(number) * {"s": 1, "m": 60}[unit]


def default(flag: str) -> str:
    """The default of a setting of the exporter, as its help states it."""
    [found] = re.findall(rf"\n  {flag} .*?\(default:\s+(\S+)\)", succeed(PROGRAM, "--help"), re.DOTALL)
    return str(found)
