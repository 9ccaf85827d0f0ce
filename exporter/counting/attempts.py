"""What a device last said: the version it runs, its newest attempt at another one, and how far that has come.

An attempt begins when the device speaks of a version that it was not trying; from then on it moves between stages:

    word         of the version that it tries                         of another version
    BEGINS       failed becomes downloading                           a new attempt, downloading
    GOES_ON      nothing: what comes late is no second attempt        a new attempt, downloading
    COMPLETES    failed and downloading become downloaded             a new attempt, downloaded
    SETS         installed                                            a new attempt, installed; but see below
    FAILS        failed                                               a new attempt, failed
    BREAKS       downloading becomes failed: it names no version      (it names no version)

No attempt is a `set` of another version while the one that is tried has failed, for that is the rollback's; nor one of
the version that the device runs already, which Electron and React Native say at every launch.

Versions are numbers here: all that matters is whether two are the same.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from exporter.wire.words import Word


class Stage(IntEnum):
    """How far an attempt has come; the numbers are stored."""

    NONE = 0
    FAILED = 1
    DOWNLOADING = 2
    DOWNLOADED = 3
    INSTALLED = 4

    __hash__ = int.__hash__  # that of an enumeration is a call of Python's

    @property
    def label(self) -> str:
        """Its name in a label."""
        return self.name.lower()


class Standing(NamedTuple):
    """What a device last said: the versions that it runs and tries (0: none), and the stage that it is at.

    `reached` has a bit for each stage that it has been at with the version it tries.
    """

    runs: int
    tried: int = 0
    stage: Stage = Stage.NONE
    reached: int = 0


_FAILED, _DOWNLOADING, _DOWNLOADED, _INSTALLED = Stage.FAILED, Stage.DOWNLOADING, Stage.DOWNLOADED, Stage.INSTALLED

_NEXT: Final[Mapping[Word, Mapping[Stage, Stage]]] = {
    Word.BEGINS: {_FAILED: _DOWNLOADING},
    Word.GOES_ON: {},
    Word.COMPLETES: {_FAILED: _DOWNLOADED, _DOWNLOADING: _DOWNLOADED},
    Word.SETS: {_FAILED: _INSTALLED, _DOWNLOADING: _INSTALLED, _DOWNLOADED: _INSTALLED},
    Word.FAILS: {_DOWNLOADING: _FAILED, _DOWNLOADED: _FAILED, _INSTALLED: _FAILED},
    Word.BREAKS: {_DOWNLOADING: _FAILED},
}
"""Of the version that is tried: the stage after a word, by the one before it, where it is another."""

_FIRST: Final[Mapping[Word, Stage]] = {
    Word.BEGINS: _DOWNLOADING,
    Word.GOES_ON: _DOWNLOADING,
    Word.COMPLETES: _DOWNLOADED,
    Word.SETS: _INSTALLED,
    Word.FAILS: _FAILED,
}
"""Of another version: the stage at which an attempt at it begins."""


UNNAMED: Final[Mapping[Word, Word]] = MappingProxyType(
    {
        Word.RUNS: Word.RUNS,
        Word.SETS: Word.RUNS,
        Word.FAILS: Word.BREAKS,
        Word.BREAKS: Word.BREAKS,
    }
)
"""What a word says that names no version, as Electron's at each launch without a bundle; all others say nothing."""


def hear(device: Standing, word: Word, version: int) -> Standing:
    """What a device has said after one more word about a version."""
    if word is Word.NOTHING:
        return device
    if word is Word.RUNS:
        return device if version == device.runs else device._replace(runs=version)
    after = _attempt(device, word, version)
    return after if word is not Word.SETS or version == after.runs else after._replace(runs=version)


def _attempt(device: Standing, word: Word, version: int) -> Standing:
    if word is Word.BREAKS or version == device.tried:
        stage = _NEXT[word].get(device.stage)
        return device if stage is None else device._replace(stage=stage, reached=device.reached | _bit(stage))
    if word is Word.SETS and device.tried and (device.stage is _FAILED or version == device.runs):
        return device
    stage = _FIRST[word]
    return device._replace(tried=version, stage=stage, reached=_bit(stage))


def _bit(stage: Stage) -> int:
    return 1 << stage - 1


def entered(before: Standing, after: Standing) -> Stage:
    """The stage that a device has entered with one word, for the first time with the version it tries; or `NONE`."""
    is_new = after.reached != before.reached or after.tried != before.tried
    return after.stage if is_new else Stage.NONE
