"""What one transaction of the ledger writes: the same for the disk and for memory."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from exporter.wire.labels import Series, Version


class State(IntEnum):
    """What a series is to a scraper; the numbers are stored."""

    HIDDEN = 0
    HELD = 1
    RELEASED = 2
    DORMANT = 3


class Show(NamedTuple):
    """How a series is shown: `base` is what a scraper last saw, `since` (seconds since the epoch) when it became so."""

    state: State
    base: int
    since: float


class Sighting(NamedTuple):
    """First and last arrival of events of a version, in seconds since the epoch."""

    first: float
    last: float


@dataclass(slots=True)
class Changes:
    """All that one transaction writes: absolute values, so that applying them twice is applying them once."""

    at: float
    totals: dict[Series, int] = field(default_factory=dict)
    shows: dict[Series, Show] = field(default_factory=dict)
    sightings: dict[Version, Sighting] = field(default_factory=dict)
    ended: list[Version] = field(default_factory=list)
    forgotten: list[Series] = field(default_factory=list)
    fingerprints: dict[int, int] = field(default_factory=dict)
    """By value, the event's timestamp in milliseconds by the device's clock."""

    devices: dict[int, int] = field(default_factory=dict)
    """By key, what is remembered of a device, packed; 0 for one that leaves."""

    numbers: dict[int, Version | None] = field(default_factory=dict)
    """By which versions stand in what is remembered of devices; `None` for one that is free again."""

    forgotten_events: int | None = None
    held_again: list[Series] = field(default_factory=list)
    """Held series that this scrape shows once more; not stored: after a restart they are shown twice again."""

    scraped: bool = False
    """Whether a scrape asked, which shows what these changes bring about; not stored either."""

    @property
    def stored(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.totals or self.fingerprints or self.devices) or not self.only_counts

    @property
    def only_counts(self) -> bool:
        """Whether nothing is to be written but totals, fingerprints and devices."""
        return not (self.shows or self.sightings or self.ended or self.forgotten or self.numbers)
