"""The numbers by which versions stand in what is remembered of devices: small ones, free again when nobody uses them.

Else a year of releases, or a day of somebody who makes them up, would use them up.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Final

from exporter.counting import records
from exporter.counting.census import OVERFLOW
from exporter.wire.labels import Version

_NOWHERE: Final = Version(OVERFLOW, "other", OVERFLOW, False)
"""Stands for all versions for which no number is left."""


class Numbers:
    """Versions by number, and the other way round."""

    def __init__(self) -> None:
        self._versions: Final[dict[int, Version]] = {records.NOWHERE: _NOWHERE}
        self._numbers: Final[dict[Version, int]] = {}
        self.of: Final = self._numbers.get
        """The number of a version, `None` if it has none."""

    @property
    def versions(self) -> Mapping[int, Version]:
        """Those that have a number."""
        return self._versions

    def free(self) -> Iterator[int]:
        """The numbers that no version has, the smallest first."""
        return (number for number in range(records.NOWHERE + 1, records.NUMBERS) if number not in self._versions)

    def unused(self, used: Set[int]) -> Set[int]:
        """The numbers that could be free."""
        return self._versions.keys() - used - {records.NOWHERE}

    def apply(self, numbers: Mapping[int, Version | None]) -> None:
        """Bring about what was committed."""
        for number, version in numbers.items():
            before = self._versions.pop(number, None)
            if before is not None:
                del self._numbers[before]
            if version is not None:
                self._versions[number] = version
                self._numbers[version] = number
