"""The exporter on a disk that hangs for as long as the test says.

`python -m tests.system.held_disk [arguments of capgo-exporter]`: each commit waits while there is a file `held` in its
directory.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from exporter.cli import main
from exporter.counting.changes import Changes
from exporter.storage.journal import Journal
from tests.support.harness import Exporter

HELD = "held"


class HeldExporter(Exporter):
    """An exporter whose disk can be held, and let go."""

    def __init__(self, directory: Path, **settings: str) -> None:
        super().__init__(directory, **settings)
        self.argv[1:3] = ["-m", "tests.system.held_disk"]
        self.environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    def hold(self) -> None:
        """The next commit, and each after it, waits."""
        (self.directory / HELD).touch()

    def let_go(self) -> None:
        """They go on."""
        (self.directory / HELD).unlink()


def run() -> int:
    """Serve as `capgo-exporter` does, on this disk."""
    commit = Journal.commit

    def held(journal: Journal, changes: Changes) -> None:
        while Path(HELD).exists():
            time.sleep(0.01)
        commit(journal, changes)

    Journal.commit = held  # type: ignore[method-assign, assignment]  # this process stands for one with such a disk
    return main()


if __name__ == "__main__":
    sys.exit(run())
