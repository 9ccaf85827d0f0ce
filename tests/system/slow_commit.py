"""The exporter on a slow disk: each commit first waits for the seconds that the file `delay` of its directory says.

`python slow_commit.py [arguments of capgo-exporter]`, in the directory of that file.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

from exporter.cli import main
from exporter.counting.changes import Changes
from exporter.storage.journal import Journal
from tests.support.harness import Exporter

DELAY = "delay"


class SlowExporter(Exporter):
    """An exporter whose commits take as long as the test says, from one commit to the next."""

    def __init__(self, directory: Path, **settings: str) -> None:
        super().__init__(directory, **settings)
        self.argv[1:3] = ["-m", "tests.system.slow_commit"]
        self.environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    def commits_take(self, seconds: float) -> None:
        """From the next commit on."""
        new = self.directory / f"{DELAY}.new"
        new.write_text(str(seconds))
        new.rename(self.directory / DELAY)


def run() -> int:
    """Serve as `capgo-exporter` does, slowly."""
    commit = Journal.commit

    def slowly(journal: Journal, changes: Changes) -> None:
        with suppress(OSError):
            time.sleep(float(Path(DELAY).read_text()))
        commit(journal, changes)

    Journal.commit = slowly  # type: ignore[method-assign, assignment]  # this process stands for one with a slow disk
    return main()


if __name__ == "__main__":
    sys.exit(run())
