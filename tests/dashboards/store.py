"""A history on the disk of a Prometheus."""

from __future__ import annotations

from pathlib import Path

from tests.dashboards.history import History
from tests.dashboards.programs import RELEASES, run_promtool

END = 1795176000
"""2026-11-20 12:00 UTC: always the same history, so that its pictures stay."""


def write_blocks(history: History, directory: Path) -> Path:
    """The storage directory of a Prometheus that has scraped the history; both lines read what 2.42 writes."""
    text, storage = directory / "history.om", directory / "storage"
    with text.open("w") as file:
        file.writelines(f"{line}\n" for line in history.openmetrics())
    longest = "--max-block-duration=200h"  # one block, as promtool reads all of the text for each
    run_promtool(RELEASES[0], "tsdb", "create-blocks-from", longest, "openmetrics", text, storage)
    return storage
