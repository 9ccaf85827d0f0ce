"""What a scrape shows of devices."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from exporter.counting import records
from exporter.counting.attempts import Stage
from exporter.wire.labels import Version

WINDOWS: Final[Mapping[str, int]] = {"1d": 24, "7d": 7 * 24, "30d": 30 * 24}
"""The windows in which active devices are counted, in hours."""


class Here(NamedTuple):
    """The devices by window and the version they run, and by the version they try and its stage.

    `remembered` are all that there are, `limit` is how many there may be.
    """

    running: Mapping[str, Mapping[Version, int]]
    trying: Mapping[tuple[Version, Stage], int]
    remembered: int
    limit: int


def by_version(shown: Mapping[int, Version], counts: Mapping[int, int]) -> Mapping[Version, int]:
    """Devices by the version they run, out of those by its number; of the versions that are shown."""
    found: Counter[Version] = Counter()  # one has two numbers, if it is where those are that have none
    for number, devices in counts.items():
        if number in shown:
            found[shown[number]] += devices
    return found


def by_stage(shown: Mapping[int, Version], counts: Mapping[int, int]) -> Mapping[tuple[Version, Stage], int]:
    """Devices by the version they try and its stage, out of those by the place that records have for both."""
    found: Counter[tuple[Version, Stage]] = Counter()
    for place, devices in counts.items():
        number, stage = records.tried(place)
        if number in shown:
            found[shown[number], records.STAGES[stage]] += devices
    return found
