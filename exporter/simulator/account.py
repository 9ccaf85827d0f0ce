"""What the fleet said and what became of it, event by event: the figure to hold a server's counts against.

Every distinct event has one fate, however often it was sent. A fate only ever rises, so an event is acknowledged at
most once here:

- *unsent*: in no post that reached a connection (still queued, pushed out of a full queue, silenced by a 429);
- *refused*: every post with it was answered, by a reply that says nothing was taken (3xx, 4xx, 503, or an error for
  this event in a 2xx to an array);
- *unacknowledged*: a post with it went out, and no reply that tells was read; the server may have taken it or not;
- *acknowledged*: a 2xx was read for a post with it.

A server that counts each event exactly once has, in every row, at least `acknowledged` and at most
`acknowledged + unacknowledged`; ignored rows are events that mean nothing and should not be counted. Of the `set` of
a version, `restored` are those acknowledged by which the rollback of another put it in place again. Rows of `health`
are the counters of visits and durations, in the same way.

The labels are what the client means: the simulator works them out itself and shares no code with the exporter.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from exporter.simulator.health import Counter
from exporter.simulator.told import Told, summed_up


class Fate(IntEnum):
    UNSENT = 0
    REFUSED = 1
    UNACKNOWLEDGED = 2
    ACKNOWLEDGED = 3


class Labels(NamedTuple):
    """What an event counts as; the fields are those of a row in the report."""

    app_id: str
    action: str
    platform: str
    version: str
    test: bool
    ignored: bool


class Event:
    """One thing that happened on one device: its JSON, and what is known of its delivery."""

    __slots__ = ("_fates", "body", "fate")

    def __init__(self, body: bytes, fates: Sequence[tuple[list[int], int]]) -> None:
        """`fates` are the rows that it is in, each with a number by fate, and what it adds to them."""
        self.body: Final = body
        self.fate = Fate.UNSENT
        self._fates = fates
        for row, amount in fates:
            row[Fate.UNSENT] += amount

    def settle(self, fate: Fate) -> None:
        """Take note of what a post with this event came to."""
        if fate > self.fate:
            for row, amount in self._fates:
                row[self.fate] -= amount
                row[fate] += amount
            self.fate = fate


class Account:
    def __init__(self) -> None:
        self._rows: defaultdict[Labels, list[int]] = defaultdict(lambda: [0] * len(Fate))
        self._restored: defaultdict[Labels, list[int]] = defaultdict(lambda: [0] * len(Fate))
        self._health: defaultdict[tuple[str, str, str, Counter], list[int]] = defaultdict(lambda: [0] * len(Fate))
        self._phones: dict[Told, None] = {}

    def open(
        self,
        body: bytes,
        labels: Labels,
        told: Told,
        restores: bool = False,
        counters: Iterable[tuple[Counter, int]] = (),
    ) -> Event:
        """`told` is what its phone has told with it.

        `restores`: it is the `set` of a rollback; `counters`: what it adds to which others.
        """
        self._phones.setdefault(told)
        fates = [(self._rows[labels], 1), (told.fates, 1)]
        if restores:
            fates.append((self._restored[labels], 1))
        version = labels.app_id, labels.platform, labels.version
        fates += ((self._health[*version, counter], amount) for counter, amount in counters)
        return Event(body, fates)

    def totals(self) -> dict[str, int]:
        """The numbers of a row, over all rows."""
        return _numbers([sum(column) for column in zip(*self._rows.values(), strict=True)] or [0] * len(Fate))

    def rows(self, ignored: bool) -> Iterator[dict[str, str | bool | int]]:
        """The series that should be counted, or those that should not."""
        for labels, fates in sorted(self._rows.items()):
            if labels.ignored == ignored:
                row = {name: value for name, value in labels._asdict().items() if name != "ignored"} | _numbers(fates)
                if labels in self._restored:
                    row["restored"] = self._restored[labels][Fate.ACKNOWLEDGED]
                yield row

    def health(self) -> Iterator[dict[str, str | int]]:
        """The counters of visits and durations."""
        for (app_id, platform, version, counter), fates in sorted(self._health.items()):
            label = {counter.label: counter.value} if counter.label else {}
            labels = {"app_id": app_id, "platform": platform, "version": version} | label
            yield {"metric": counter.name, **labels, **_numbers(fates)}

    def memory(self) -> dict[str, Any]:
        """What a server should remember of production devices; and of how many it may think otherwise."""
        heard = [told for told in self._phones if told.heard and not told.is_test]
        sure = [told for told in heard if not told.doubtful and sum(told.fates) == told.fates[Fate.ACKNOWLEDGED]]
        return summed_up(sure) | {"doubtful": len(heard) - len(sure)}


def _numbers(fates: list[int]) -> dict[str, int]:
    return {"sent": sum(fates[Fate.REFUSED :])} | {fate.name.lower(): fates[fate] for fate in reversed(Fate)}


def version_label(version_name: str | None, version_build: str) -> str:
    """The version that an event is about: a failing file's path is cut off, and the native bundle is the app's."""
    name = (version_name or "").split(":", 1)[0]
    return (version_build if name == "builtin" else name) or "unknown"
