"""What is shown of the ledger at a moment: to a scrape, and on the landing page."""

from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

from exporter.counting.budgets import Use
from exporter.counting.changes import Sighting
from exporter.counting.here import Here
from exporter.wire.labels import Series, Version


class View(NamedTuple):
    """What one scrape shows: the `values` of the visible `series`, in one order, and which of these count events.

    New series come last; `departures` is how many have ever left, so while it stays, so does the order of those before.
    `lines` is how many series Prometheus makes of them. `sightings` are of the versions on /metrics; `counted`,
    `dormant` and `forgotten` are numbers of events, the dormant ones among the counted; `budgets` is how full each
    label's budget is.
    """

    series: Sequence[Series]
    values: Sequence[int]
    of_events: Sequence[bool]
    lines: int
    departures: int
    sightings: dict[Version, Sighting]
    counted: int
    dormant: int
    forgotten: int
    budgets: dict[str, Use]
    series_limit: int
    devices: Here

    @property
    def shown(self) -> dict[Series, int]:
        """The values by their series."""
        return dict(zip(self.series, self.values, strict=True))

    @property
    def events(self) -> dict[str, int]:
        """The number of events by what became of them; those shown add up to the values of the counters of events."""
        shown = sum(compress(self.values, self.of_events))
        held = self.counted - shown - self.dormant
        return {"shown": shown, "held": held, "dormant": self.dormant, "forgotten": self.forgotten}

    @property
    def newest(self) -> dict[str, float]:
        """The arrival of the newest event of each app, in seconds since the epoch.

        After a restart it may be older than it was by up to `LAST_SEEN_STEP`, until the app's next event.
        """
        found: dict[str, float] = {}
        for version, sighting in self.sightings.items():
            found[version.app_id] = max(found.get(version.app_id, 0.0), sighting.last)
        return found


class Heard(NamedTuple):
    """A version on /metrics: when its newest event arrived, in seconds since the epoch, and what is counted of it,
    shown or not: events, and failed outcomes among them.
    """

    version: Version
    last: float
    events: int
    failures: int


class Newest(NamedTuple):
    """The versions heard from last, the newest first, and how many more are on /metrics."""

    versions: Sequence[Heard]
    others: int
