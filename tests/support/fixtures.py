"""Bodies as clients post them, and exactly what each must add to the counters of a fresh exporter.

`payloads/` holds them, written from the field lists of the plugin's sources: `<plugin version>-<platform>.json` for
each client line, other names for the stories of an update and for hostile input. A `.json` file is one body, byte by
byte; a `.ndjson` file is several, one a line, in the order of posting. The `.prom` file beside it has the samples of
the two event families as `/metrics` shows them, but those that are 0, and as comments how many events are ignored, are
duplicates or, by reason, rejected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PAYLOADS = Path(__file__).parents[1] / "payloads"
LEVELS = 100_000


@dataclass
class Fixture:
    """Posts and their outcome; `samples` by name and labels as on `/metrics`, `rejected` by reason."""

    name: str
    bodies: list[bytes]
    samples: dict[str, float] = field(default_factory=dict)
    ignored: int = 0
    duplicate: int = 0
    rejected: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def load() -> list[Fixture]:
    """All of them, by name."""
    files = sorted([*PAYLOADS.glob("*.json"), *PAYLOADS.glob("*.ndjson")])
    return [*map(_read, files), _deeply_nested()]


def _read(file: Path) -> Fixture:
    content = file.read_bytes()
    fixture = Fixture(file.stem, content.split(b"\n") if file.suffix == ".ndjson" else [content])
    for line in file.with_suffix(".prom").read_text().split("\n")[:-1]:
        head, _, number = line.rpartition(" ")
        match head.split(" "):
            case ["#", "ignored"]:
                fixture.ignored = int(number)
            case ["#", "duplicate"]:
                fixture.duplicate = int(number)
            case ["#", "rejected", reason]:
                fixture.rejected[reason] = int(number)
            case _:
                fixture.samples[head] = float(number)
    return fixture


def _deeply_nested() -> Fixture:
    """Made here, for as a file it would be nothing but brackets."""
    event = b'{"app_id":"com.acme.probe","action":"set","platform":"android","version_name":"1.0.0"}'
    nest = b"[" * LEVELS + b"]" * LEVELS
    return Fixture(
        "hostile-nesting",
        [b"[" + b",".join([event, nest, event]) + b"]"],
        {'capgo_events_total{action="set",app_id="com.acme.probe",platform="android",version="1.0.0"}': 2.0},
        rejected={"not_an_object": 1},
    )
