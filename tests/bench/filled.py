"""Ledgers of a given size, and what is posted to them."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.wire.actions import CATALOGUE
from tests.bench.ledger import cpu, event
from tests.support.spine import Spine

BUDGETS: Final = BudgetLimits(100_000, 100, 2_000_000)

EVENTS: Final = 10_000
ARRAY: Final = 50
FILL: Final = 1000
"""Events in a post that fills."""

VERSIONS_OF_AN_APP: Final = 10
"""So few that none is beyond its allowance of births."""
FEW: Final = 20
HOUR: Final = 3600.0
SPAN: Final = 4 * HOUR
"""How long ago the first of the fingerprints came, by the clock that is set."""

Stream = Literal["few versions", "all versions", "late events"]
"""Where events go: to a few versions, as in a rollout; to all alike; to a few, but three hours after they happened."""
STREAMS: Final[tuple[Stream, ...]] = get_args(Stream)


class Size(NamedTuple):
    """Series; fingerprints in memory; fingerprints on disk that have left it."""

    series: int
    remembered: int = 0
    old: int = 0

    def __str__(self) -> str:
        parts = [f"{self.series:,} series"]
        parts += [f"{self.remembered:,} events remembered"] if self.remembered else []
        parts += [f"{self.old:,} more on disk"] if self.old else []
        return ", ".join(parts)


class Label(NamedTuple):
    """A version of an app."""

    app_id: str
    version_name: str


def labels(series: int) -> list[Label]:
    """Versions that have so many series together."""
    numbers = range(series // len(CATALOGUE))
    return [Label(f"com.acme.app{number // VERSIONS_OF_AN_APP}", f"1.{number}.0") for number in numbers]


class Filled:
    """A ledger of a size. Its clock is set, so that what it remembers came over hours, as it does from a fleet."""

    def __init__(self, size: Size, directory: Path) -> None:
        self._now = time.time() - SPAN - HOUR
        self._devices = itertools.count()
        self._random = random.Random(size.series)
        self.spine = Spine(directory, BUDGETS, lambda: self._now)
        self._labels = labels(size.series)
        for label in self._labels:
            self.spine.post(self._body(label, None, sorted(CATALOGUE)))
        self._show()
        posts = (size.remembered + size.old) // FILL
        for _ in range(posts):
            self._now += SPAN / posts
            self.spine.post(self._body(self._labels[0], self._now, itertools.repeat(None, FILL)))

    def _show(self) -> None:
        for _ in range(4):  # birth, two scrapes at 0, release
            self.spine.scrape()
            self._now += 160

    def _body(self, label: Label, happened: float | None, actions: Iterable[str | None]) -> bytes:
        """Events of one device, without a time where none is given; an action of `None` is a usual one."""
        device = f"4f6c0b4e-2f6e-4b47-9a52-{next(self._devices):012d}"
        events = []
        for index, action in enumerate(actions):
            fields = event() | label._asdict() | {"device_id": device}
            fields |= {} if action is None else {"action": action}
            fields["timestamp"] = None if happened is None else int(happened * 1000) + index
            events.append(fields)
        return json.dumps(events, separators=(",", ":")).encode()

    def _chosen(self, stream: Stream) -> Sequence[Label]:
        posts = EVENTS // ARRAY
        if stream == "all versions":
            return self._random.choices(self._labels, k=posts)
        few = self._labels[:FEW]
        return [few[number % len(few)] for number in range(posts)]

    def measure(self, stream: Stream) -> float:
        """Count some thousand events; microseconds of CPU an event."""
        bodies = []
        for label in self._chosen(stream):
            ago = self._random.uniform(SPAN * 5 / 8, SPAN * 7 / 8) if stream == "late events" else 0
            bodies.append(self._body(label, self._now - ago, itertools.repeat(None, ARRAY)))
        return cpu(self.spine.post(body) for body in bodies) / EVENTS * 1e6
