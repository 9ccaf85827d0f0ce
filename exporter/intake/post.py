"""A post from its arrival to its reply: which of its events ask to be counted, and what became of them."""

from collections.abc import Callable, Sequence

import msgspec

from exporter.counting.entries import Entries
from exporter.intake.answer import Answer
from exporter.wire.events import Batch, Event, Reason, Rejected
from exporter.wire.fingerprints import Fingerprints
from exporter.wire.health import DroppedReason, hear
from exporter.wire.labels import Ignored, IgnoredReason, Label, Meaning, Series
from exporter.wire.runs import Run, joined, runs


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A post as it came: `answer` takes the reply, in the loop; `started` is when, by the monotonic clock."""

    body: bytes
    user_agent: str
    answer: Callable[[Answer], None]
    started: float


class Post:
    """A decoded post on its way through the commit; `error` or `series` are set when it is decided."""

    __slots__ = (
        "array",
        "arrival",
        "dropped",
        "elements",
        "entries",
        "error",
        "ignored",
        "positions",
        "rejected",
        "series",
    )

    def __init__(self, arrival: Arrival, batch: Batch, label: Label, fingerprints: Fingerprints) -> None:
        self.arrival = arrival
        self.array = batch.array
        self.elements = len(batch.items)
        self.positions: Sequence[int] = range(self.elements)
        self.rejected: dict[int, Reason] = {}
        self.ignored: list[IgnoredReason] = []
        in_runs, meanings = self._understand(batch.items, label)
        series, words = zip(*meanings, strict=True) if meanings else ((), ())
        timestamps = joined([run.timestamps for run in in_runs])
        told, durations, self.dropped, exits = hear(series, joined([run.metadata for run in in_runs]))
        self.entries = Entries(
            told, fingerprints(in_runs, timestamps), timestamps, fingerprints.devices(in_runs), words, durations, exits
        )
        self.series: Sequence[Series | None] = ()
        self.error: Exception | None = None

    def _understand(self, items: Sequence[Event | Rejected], label: Label) -> tuple[Sequence[Run], Sequence[Meaning]]:
        """The events that ask to be counted, and what they mean; notes where they are, and the rest."""
        if Rejected not in map(type, items):
            events: Sequence[Event] = items  # type: ignore[assignment]  # as was just looked at; a cast is a call
            in_runs = runs(events)
            meanings = _meanings(in_runs, label)
            if {type(meaning.outcome) for meaning in meanings} == {Series}:  # as nearly always
                return in_runs, meanings
        in_runs = runs(self._taken(items, label))
        return in_runs, _meanings(in_runs, label)

    def _taken(self, items: Sequence[Event | Rejected], label: Label) -> Sequence[Event]:
        """The events that ask to be counted, of a body with others among them, which is rare; notes what these are."""
        taken = []
        for at, item in enumerate(items):
            outcome = item if isinstance(item, Rejected) else label(item)[item.action].outcome
            if isinstance(outcome, Rejected):
                self.rejected[at] = outcome.reason
            elif isinstance(outcome, Ignored):
                self.ignored.append(outcome.reason)
            elif isinstance(item, Event):
                taken.append((at, item))
        self.positions = [at for at, _ in taken]
        return [event for _, event in taken]

    def durations_dropped(self) -> list[DroppedReason]:
        """Why the durations of some of the counted events were not taken."""
        return [reason for index, reason in self.dropped.items() if self.series[index] is not None]

    def counted(self) -> list[tuple[int, Series]]:
        """Index in the body and series of each event that was counted."""
        return [(at, series) for at, series in zip(self.positions, self.series, strict=True) if series is not None]


def _meanings(in_runs: Sequence[Run], label: Label) -> list[Meaning]:
    found: list[Meaning] = []
    for run in in_runs:
        of = label(run.first)
        found += [of[action] for action in run.actions]
    return found
