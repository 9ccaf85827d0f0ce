"""What the metadata of health events tell: how long a launch or a page took, and when a process died.

A page may put anything there, and suspended apps measure hours.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, Never, get_args

from exporter.wire.families import LAUNCHES, PAGE_LOADS, Family
from exporter.wire.labels import Series, series_of

DroppedReason = Literal["malformed", "zero", "too_long"]
DROPPED_REASONS: Final[tuple[DroppedReason, ...]] = get_args(DroppedReason)

LONGEST: Final = 600_000
"""Milliseconds that anybody waits; what took longer was suspended meanwhile."""

EXITS: Final = frozenset(
    {
        "app_crash",
        "app_crash_native",
        "app_anr",
        "app_killed_low_memory",
        "app_killed_excessive_resource_usage",
        "app_initialization_failure",
    }
)
"""Ends of a process, of which Android tells the next one when they were (`AndroidAppExitReporter.java`)."""

_DURATION: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9])[0-9]{0,5})?")
_MOMENT: Final = re.compile(r"[0-9]{1,15}")

_KEPT: Final = 8192
_LOOKED_AT: Final = 32
"""Characters of a duration: longer ones are none, and must not be kept."""


_NOTHING: Final[Mapping[Any, Never]] = {}

Heard = tuple[Sequence[Series], Mapping[int, int], Mapping[int, DroppedReason], Mapping[int, int]]
"""The counter of each event of a post. And by index in it: the milliseconds that it took, why its duration was not
taken, and when the process died whose end it reports (milliseconds since the epoch, by the device's clock).
"""


def hear(series: Sequence[Series], metadata: Sequence[Mapping[str, str] | None]) -> Heard:
    """Hear what the metadata of a post's events tell; `series` are their counters without that."""
    if _HEARD.isdisjoint(map(_NAME, series)):  # as most posts
        return series, _NOTHING, _NOTHING, _NOTHING
    durations: dict[int, int] = {}
    dropped: dict[int, DroppedReason] = {}
    exits: dict[int, int] = {}
    told = [*series]
    for index, (version, name) in enumerate(series):
        if name not in _HEARD:
            continue
        said = metadata[index] or _NOTHING
        read = _DURATIONS.get(name)
        if read is not None and "duration_ms" in said:
            taken = read(said["duration_ms"][:_LOOKED_AT])
            if taken.dropped is None:
                told[index] = series_of(version, taken.part)
                durations[index] = taken.milliseconds
            else:
                dropped[index] = taken.dropped
        elif read is None and version.platform == "android":
            moment = said.get("exit_timestamp", "")
            if _MOMENT.fullmatch(moment):
                exits[index] = int(moment)
    return told, durations, dropped, exits


class _Taken(NamedTuple):
    """What a duration comes to: the part that its event counts in, or why it was not taken."""

    part: str
    milliseconds: int
    dropped: DroppedReason | None


def _reader(histogram: Family, zero: bool) -> Callable[[str], _Taken]:
    @lru_cache(_KEPT)  # the durations of a fleet repeat themselves, and to read one costs more than to count it
    def read(text: str) -> _Taken:
        taken = duration(text, zero)
        if isinstance(taken, int):
            return _Taken(histogram.part(taken), taken, None)
        return _Taken(histogram.action, 0, taken)

    return read


def duration(text: str, zero: bool) -> int | DroppedReason:
    """A `duration_ms` as whole milliseconds, or why it is not taken; `zero` says that it may be 0.

    Clients send it as text. 0 is what they make of a clock that was set back.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return "malformed"
    milliseconds = int(match[1]) + ((match[2] or "0") >= "5")
    if milliseconds > LONGEST:
        return "too_long"
    return milliseconds if milliseconds or zero else "zero"


_DURATIONS: Final = {
    LAUNCHES.action: _reader(LAUNCHES, zero=False),
    PAGE_LOADS.action: _reader(PAGE_LOADS, zero=True),
}
_HEARD: Final = EXITS.union(_DURATIONS)
_NAME: Final = itemgetter(Series._fields.index("name"))
