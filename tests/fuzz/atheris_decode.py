"""`python -m tests.fuzz.atheris_decode [libFuzzer options]`: bodies that atheris finds by what code they reach.

It starts from the real bodies and holds each body against the second reading. Runs until something fails, or for
`-atheris_runs=N` bodies. Needs atheris, which exists for Linux on x86-64 alone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["exporter.wire"]):
    import exporter.wire.events
    import exporter.wire.fingerprints
    import exporter.wire.labels  # noqa: F401 - imported here to be watched

from tests.fuzz.oracle import compare, read
from tests.support.mutator import seeds

CORPUS: Final = Path(tempfile.gettempdir()) / "capgo-exporter-fuzz"


def check(body: bytes) -> None:
    """One body; whatever is raised is a find."""
    compare(body, read(body))


def main() -> None:
    """Ends the process by itself, as libFuzzer does. What it learns stays in `CORPUS` for the next run."""
    CORPUS.mkdir(exist_ok=True)
    for number, body in enumerate(seeds()):
        (CORPUS / str(number)).write_bytes(body)
    atheris.Setup([*sys.argv, str(CORPUS)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
