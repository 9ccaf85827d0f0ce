"""The Prometheus programs that the proofs run on: Debian's 2.42, and the long-term release of the line in use."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support.monitoring import ALERTMANAGER, PROMETHEUS_2, PROMETHEUS_3, installed


class Release(NamedTuple):
    """One Prometheus, with the promtool that came with it."""

    name: str
    prometheus: Path
    promtool: Path


RELEASES = (
    Release("2.42", PROMETHEUS_2, PROMETHEUS_2.with_name("promtool")),
    Release("3.5", PROMETHEUS_3, PROMETHEUS_3.with_name("promtool")),
)
__all__ = ["ALERTMANAGER", "RELEASES", "Release", "run_promtool"]


def run_promtool(release: Release, *arguments: str | Path) -> str:
    """What promtool printed; AssertionError with it if it found fault."""
    done = subprocess.run(
        [installed(release.promtool), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, f"promtool {release.name} {arguments[:2]}: {output[-6000:]}"
    return output
