"""A history on the disk of a Prometheus."""

from __future__ import annotations

import fcntl
import hashlib
import pickle
import shutil
from pathlib import Path
from typing import NamedTuple

from tests.dashboards import history, machinery, phones, scenarios
from tests.dashboards.history import History, write_history
from tests.dashboards.programs import RELEASES, run_promtool

END = 1795178400
"""2026-11-20 12:40 UTC: always the same history, so that its pictures stay."""
CACHE = Path(__file__).resolve().parents[2] / ".cache/history"


class Made(NamedTuple):
    """A history, and the storage directory of a Prometheus that has scraped it."""

    history: History
    storage: Path


def made() -> Made:
    """Made once for all processes that ask, and anew where what it is made of has changed."""
    modules = (history, machinery, phones, scenarios)
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    home = CACHE / hashlib.sha256(sources + str(END).encode()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second waits
        if not (home / "history").exists():
            _make(home)
    return Made(pickle.loads((home / "history").read_bytes()), home / "storage")  # noqa: S301  # we wrote it


def _make(home: Path) -> None:
    for older in CACHE.glob("*/"):
        shutil.rmtree(older)
    home.mkdir()
    written = write_history(END)
    write_blocks(written, home)
    (home / "history").write_bytes(pickle.dumps(written))


def write_blocks(written: History, directory: Path) -> None:
    """`storage` in the directory; both lines of Prometheus read what 2.42 writes."""
    text = directory / "history.om"
    with text.open("w") as file:
        file.writelines(f"{line}\n" for line in written.openmetrics())
    longest = "--max-block-duration=200h"  # one block, as promtool reads all of the text for each
    run_promtool(RELEASES[0], "tsdb", "create-blocks-from", longest, "openmetrics", text, directory / "storage")
    text.unlink()
