"""A device in one integer, as it is kept in memory and on disk: of less than 2**60, which Python keeps in 32 bytes.

Versions stand in it by numbers that the ledger gives them.
"""

from typing import Final

from exporter.counting.attempts import Stage, Standing

NUMBERS: Final = 2**16
"""The numbers of versions are below this; 0 is none."""

STAGES: Final = tuple(Stage)

NOWHERE: Final = 1
"""Stands for all versions for which there is no number."""

KEYS: Final = 2**60
"""The keys of devices are below this."""

SECONDS: Final = 3600.0
HOURS_A_DAY: Final = 24

_STAGE: Final = 3
_NUMBER: Final = 16
_REACHED: Final = 4
_HOUR: Final = 20

_RUNS: Final = _STAGE + _NUMBER
_REACHED_AT: Final = _RUNS + _NUMBER
_RETURNING: Final = _REACHED_AT + _REACHED
HEARD: Final = _RETURNING + 1
"""Where each field begins, in bits; below all of them are the stage and then the version that is tried."""


SAID: Final = (1 << _RETURNING) - 1
"""What is left of a device by this mask is what it last said."""

WHEN: Final = -1 << _RETURNING
"""What is left of a device by this mask is what `heard` and `is_returning` tell of it."""

RUNNING: Final = -1 << HEARD | (1 << _NUMBER) - 1 << _RUNS
TRYING: Final = -1 << HEARD | (1 << _RUNS) - 1
"""What is left of a device by these masks says all that it counts by, in the one way and in the other."""


def standing(packed: int) -> Standing:
    """What a device last said."""
    return Standing(
        packed >> _RUNS & (1 << _NUMBER) - 1,
        packed >> _STAGE & (1 << _NUMBER) - 1,
        STAGES[packed & (1 << _STAGE) - 1],
        packed >> _REACHED_AT & (1 << _REACHED) - 1,
    )


def said(device: Standing) -> int:
    """The part of the integer that holds it, which the mask `SAID` leaves."""
    runs, tried, stage, reached = device
    return reached << _REACHED_AT | runs << _RUNS | tried << _STAGE | stage


def heard_now(packed: int, said: int, hour: int) -> int:
    """A device that has said something in an hour; `packed` is what it was before, 0 for a new one."""
    returning = packed >> _RETURNING & 1 | (packed != 0 and heard(packed) // HOURS_A_DAY != hour // HOURS_A_DAY)
    return hour << HEARD | returning << _RETURNING | said


def heard(packed: int) -> int:
    """The hour, since the epoch, in which a device was heard last."""
    return packed >> HEARD


def is_returning(packed: int) -> bool:
    """Whether a device was heard on more than one day."""
    return bool(packed >> _RETURNING & 1)


def running(packed: int) -> int:
    """Where a device counts by the version that it runs: its number."""
    return packed >> _RUNS & (1 << _NUMBER) - 1


def trying(packed: int) -> int:
    """Where it counts by the version that it tries and its stage; 0 if it tries none."""
    return packed & (1 << _RUNS) - 1


def tried(place: int) -> tuple[int, int]:
    """The number of the version, and the stage, of such a place."""
    return place >> _STAGE, place & (1 << _STAGE) - 1


def hour_of(at: float) -> int:
    """The hour of a time in seconds since the epoch; all before the epoch is its first."""
    hour = int(at // SECONDS)
    return hour if 0 <= hour < 1 << _HOUR else 0
