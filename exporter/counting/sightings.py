"""When each version on /metrics was heard from first and last."""

from collections.abc import Iterator
from heapq import nlargest
from typing import Final

from exporter.counting.changes import Sighting
from exporter.wire.labels import Version

LAST_SEEN_STEP: Final = 3600.0
"""Seconds by which the last sighting of a version may be older on disk than in memory."""


class Sightings:
    """The sightings of all versions on /metrics, in memory and as they are on disk."""

    def __init__(self, version_ttl: float) -> None:
        """`version_ttl` in seconds; of a short one the disk must know more closely what is left."""
        self.of: dict[Version, Sighting] = {}
        self._stored_last: dict[Version, float] = {}
        self._step = min(LAST_SEEN_STEP, version_ttl / 10)

    def put(self, version: Version, sighting: Sighting) -> None:
        """The disk has it."""
        self.of[version] = sighting
        self._stored_last[version] = sighting.last

    def see(self, version: Version, now: float) -> None:
        """A version is heard from; that is not on disk."""
        sighting = self.of.get(version)
        if sighting is not None and sighting.last < now:
            self.of[version] = Sighting(sighting.first, now)

    def must_store(self, version: Version, now: float) -> bool:
        """Whether what the disk knows has become too old."""
        return now - self._stored_last[version] >= self._step

    def remove(self, version: Version) -> None:
        """A version has left /metrics."""
        del self.of[version], self._stored_last[version]

    def before(self, horizon: float) -> Iterator[Version]:
        """The versions last heard from before that."""
        return (version for version, sighting in self.of.items() if sighting.last < horizon)

    def newest(self, most: int) -> list[tuple[Version, Sighting]]:
        """Those heard from last, the newest first, at most so many."""
        return nlargest(most, self.of.items(), key=_last)


def _last(seen: tuple[Version, Sighting]) -> tuple[float, Version]:
    version, sighting = seen
    return sighting.last, version
