"""What the fleet's posts came to as traffic: how many, how they were answered, how fast."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from exporter.simulator.account import Event, Fate
from exporter.simulator.client import Outcome
from exporter.simulator.replies import Reply

_STEPS_PER_DOUBLING: Final = 32
"""Latencies are kept to about 2 %, so that a run of days needs no more memory than one of seconds."""


class Figures:
    def __init__(self) -> None:
        self.posts = 0
        self.events = 0
        """Events in posts; one that is sent twice counts twice."""
        self.retries = 0
        """Posts with an event that an earlier post had."""
        self.statuses: Counter[str] = Counter()
        """Replies by status code; `lost` and `unsent` are posts without one."""
        self._latencies: Counter[int] = Counter()

    def count_post(self, events: Sequence[Event]) -> None:
        self.posts += 1
        self.events += len(events)
        self.retries += any(event.fate is not Fate.UNSENT for event in events)

    def count_reply(self, outcome: Outcome, seconds: float) -> None:
        if isinstance(outcome, Reply):
            self.statuses[str(outcome.status)] += 1
            self._latencies[round(math.log2(max(seconds, 1e-6)) * _STEPS_PER_DOUBLING)] += 1
        else:
            self.statuses[outcome.name.lower()] += 1

    def latency_ms(self, quantile: float) -> float | None:
        """From a post to its whole reply; None if there was none."""
        rank = quantile * self._latencies.total()
        for step, count in sorted(self._latencies.items()):
            rank -= count
            if rank <= 0:
                return round(2 ** (step / _STEPS_PER_DOUBLING) * 1000, 3)
        return None
