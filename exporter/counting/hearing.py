"""What posts tell of devices: how each stands after them, and the stages that it has entered for the first time."""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from exporter.counting import records
from exporter.counting.attempts import UNNAMED, Stage, Standing, entered, hear
from exporter.counting.changes import Changes
from exporter.counting.devices import FORGOTTEN, Devices
from exporter.wire.labels import UNKNOWN_VERSION, Version
from exporter.wire.words import Word

_NOTHING: Final = Word.NOTHING


class Entered(NamedTuple):
    """A stage that a device has entered on the way to a version."""

    version: Version
    stage: Stage


class Hearing:
    """What several posts, each after the other, change in the memory of devices; leaves it as it is.

    Devices speak in turns: what one has said is taken down when another one begins, or at the end.
    """

    def __init__(self, devices: Devices, changes: Changes) -> None:
        self._devices = devices
        self._changes = changes
        self._hour = records.hour_of(changes.at)
        self._room = devices.limit - len(devices)
        self._number_of = devices.numbers.of
        self._new: dict[Version, int] = {}
        self._key = 0
        self._before = 0
        self._said = 0
        """Of the device that speaks: what it was before, packed, and what it has said; 0 if it is not taken in."""

        self._spoken_of: Version | None = None
        self._idle: set[Word] = set()
        """Words about that version that changed nothing, and so won't while nothing else does: most of an array's."""

        self.dropped = 0
        """Devices that were pushed out, and those that were not taken in, once a post."""

    def hear(self, key: int, word: Word, version: Version) -> Entered | None:
        """Take in one event of a device; tells which stage it has entered by that."""
        if key != self._key:
            self.take_down()
            self._turn_to(key, version)
        if version is not self._spoken_of:
            self._spoken_of = version
            self._idle.clear()
        if not self._said or word is _NOTHING or word in self._idle:
            return None
        said, stage = _after(
            self._said, self._named(word, version), self._number_of(version) or self._new_number(version)
        )
        if said == self._said:
            self._idle.add(word)
            return None
        self._said = said
        self._idle.clear()
        return Entered(self._version(records.standing(said).tried), stage) if stage else None

    @staticmethod
    def _named(word: Word, version: Version) -> Word:
        return UNNAMED.get(word, _NOTHING) if version.version == UNKNOWN_VERSION else word

    def _turn_to(self, key: int, version: Version) -> None:
        before = self._changes.devices.get(key)
        if before is None:
            before = self._devices.get(key, self._hour - FORGOTTEN)
        self._key, self._before = key, before
        self._idle.clear()
        if before:
            self._said = before & records.SAID
        elif self._has_room(key):
            unknown = version._replace(version=UNKNOWN_VERSION)
            self._said = records.said(Standing(self._number_of(unknown) or self._new_number(unknown)))
        else:
            self._said = 0
            self.dropped += 1

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

    def take_down(self) -> None:
        """The device that spoke has said all for now."""
        said, before, hour = self._said, self._before, self._hour
        if said and (before & records.SAID != said or before >> records.HEARD != hour):
            self._changes.devices[self._key] = records.heard_now(before, said, hour)
        self._key = self._said = 0

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


@lru_cache(8192)
def _after(said: int, word: Word, number: int) -> tuple[int, Stage]:
    """What a device has said after one more word about a version, and the stage that it has entered; few do differ."""
    before = records.standing(said)
    after = hear(before, word, number)
    return records.said(after), entered(before, after)
