"""What posts tell of devices: how each stands after them, and the stages that it has entered for the first time."""

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from exporter.counting import records
from exporter.counting.attempts import UNNAMED, Stage, Standing, entered, hear
from exporter.counting.changes import Changes
from exporter.counting.devices import FORGOTTEN, Devices
from exporter.wire.labels import UNKNOWN_VERSION, Series, Version
from exporter.wire.words import Word

_NOTHING: Final = Word.NOTHING


class Entered(NamedTuple):
    """A stage that a device has entered on the way to a version."""

    version: Version
    stage: Stage


class Hearing:
    """What several posts, each after the other, change in the memory of devices; leaves it as it is."""

    def __init__(self, devices: Devices, changes: Changes) -> None:
        self._devices = devices
        self._changes = changes
        self._hour = records.hour_of(changes.at)
        self._room = devices.limit - len(devices)
        self._number_of = devices.numbers.of
        self._new: dict[Version, int] = {}
        self.dropped = 0
        """Devices that were pushed out, and those that were not taken in, each time that they begin to speak."""

    def hear(self, key: int, words: Sequence[Word], counted: Sequence[Series | None]) -> list[Entered]:
        """Take in what a device says in a row; only what counted, and in production, is heard. Tells the stages that
        it has entered by that, in order.
        """
        first = _first_in_production(counted)
        if first is None:
            return []
        before = self._known(key)
        said = before & records.SAID or self._newcomer(key, first)
        if not said:
            return []
        said, found = self._listen(said, first, words, counted)
        self._take_down(key, before, said)
        return found

    def _listen(
        self, said: int, spoken_of: Version, words: Sequence[Word], counted: Sequence[Series | None]
    ) -> tuple[int, list[Entered]]:
        found: list[Entered] = []
        idle: set[Word] = set()  # about this version, they changed nothing, and so won't while nothing else does
        for word, series in zip(words, counted, strict=True):
            if word is _NOTHING or series is None:
                continue
            if series.version is not spoken_of:
                spoken_of = series.version
                idle.clear()
            elif word in idle:
                continue
            after, stage, tried = self._heard(said, word, spoken_of)
            if after == said:
                idle.add(word)
                continue
            said = after
            idle.clear()
            if stage:
                found.append(Entered(self._version(tried), stage))
        return said, found

    def _heard(self, said: int, word: Word, version: Version) -> tuple[int, Stage, int]:
        if version.test:
            return said, Stage.NONE, 0
        return _after(said, _named(word, version), self._number_of(version) or self._new_number(version))

    def _known(self, key: int) -> int:
        before = self._changes.devices.get(key)
        return self._devices.get(key, self._hour - FORGOTTEN) if before is None else before

    def _newcomer(self, key: int, version: Version) -> int:
        """What a device has said that was not heard before; 0 if it can't be taken in."""
        if not self._has_room(key):
            self.dropped += 1
            return 0
        unknown = _unknown(version.app_id, version.platform)
        return _has_said_nothing(self._number_of(unknown) or self._new_number(unknown))

    def _has_room(self, key: int) -> bool:
        """Whether a new device can be taken in; makes room for it if need be."""
        if key not in self._changes.devices and key in self._devices:  # it is back after too long, and has its place
            return True
        if self._room > 0:
            self._room -= 1
            return True
        leaving = next((other for other in self._replaceable if other not in self._changes.devices), None)
        if leaving is None:
            return False
        self._changes.devices[leaving] = 0
        self.dropped += 1
        return True

    @cached_property
    def _replaceable(self) -> Iterator[int]:
        return self._devices.replaceable()

    def _take_down(self, key: int, before: int, said: int) -> None:
        if before & records.SAID != said or before >> records.HEARD != self._hour:
            self._changes.devices[key] = records.heard_now(before, said, self._hour)

    def _new_number(self, version: Version) -> int:
        number = self._new.get(version)
        if number is None:
            number = self._new[version] = next(self._free, records.NOWHERE)
            if number != records.NOWHERE:
                self._changes.numbers[number] = version
        return number

    @cached_property
    def _free(self) -> Iterator[int]:
        return self._devices.numbers.free()

    def _version(self, number: int) -> Version:
        return self._changes.numbers.get(number) or self._devices.numbers.versions[number]


def _first_in_production(counted: Sequence[Series | None]) -> Version | None:
    for series in counted:
        if series is not None and not series.version.test:
            return series.version
    return None


def _named(word: Word, version: Version) -> Word:
    return UNNAMED.get(word, _NOTHING) if version.version == UNKNOWN_VERSION else word


@lru_cache(1024)
def _unknown(app_id: str, platform: str) -> Version:
    """What stands for the version that a device runs before it has told it."""
    return Version(app_id, platform, UNKNOWN_VERSION, test=False)


@lru_cache(1024)
def _has_said_nothing(number: int) -> int:
    return records.said(Standing(number))


@lru_cache(8192)
def _after(said: int, word: Word, number: int) -> tuple[int, Stage, int]:
    """What a device has said after one more word about a version, the stage that it has entered, and with which
    version; few do differ.
    """
    before = records.standing(said)
    after = hear(before, word, number)
    return records.said(after), entered(before, after), after.tried
