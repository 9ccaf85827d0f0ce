"""What an event tells beside its action: what its sender can report, how long something took, when a process died.

A share of crashes is true only over visits of clients that report crashes, and most clients out there do not yet.
Sources: `AndroidAppExitReporter.java`, `AppHealthTracker.swift` and `WebViewStatsReporter` of the plugin's releases.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

from exporter.wire.events import Event
from exporter.wire.families import LAUNCHES, PAGE_LOADS, VISITS
from exporter.wire.labels import Series, series_of
from exporter.wire.plugins import ACCIDENTAL, number

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
"""Ends of a process, of which Android tells the next one when they were."""

_DIGITS: Final = 9
_FRACTION: Final = re.compile(r"[0-9]{1,6}")
_MOMENT: Final = re.compile(r"[0-9]{1,15}")

_FIRST_TO_REPORT: Final = {5: (5, 50, 1), 6: (6, 50, 1), 7: (7, 50, 1)}
"""By major version; of the later ones 8.46.0."""

_ANDROID_VERSION: Final = re.compile(r"\d{1,4}(?!\d)", re.ASCII)
_FIRST_WITH_EXITS: Final = 11

_KEPT: Final = 1024
_LOOKED_AT: Final = 32
"""Characters of a version: longer ones must not be kept."""


class Heard(NamedTuple):
    """The counter of each event of a post. And by index in it: the milliseconds that it took, why its duration was not
    taken, and when the process died whose end it reports (milliseconds since the epoch, by the device's clock).
    """

    series: Sequence[Series]
    durations: dict[int, int]
    dropped: dict[int, DroppedReason]
    exits: dict[int, int]


def hear(events: Sequence[Event], series: Sequence[Series]) -> Heard:
    """Hear what the events of a post tell; `series` are the counters of their actions."""
    heard = Heard(parted := [*series], {}, {}, {})
    visitor: tuple[str | None, ...] = ()
    able = ""
    for index in [index for index, event in enumerate(events) if event.action in _HEARD]:
        event, own = events[index], series[index]
        if event.action == VISITS.action:
            # In an array, one visitor follows the other: mostly the same.
            if visitor != (visitor := (own.version.platform, event.plugin_version, event.version_os)):
                able = _able(own.version.platform, _start(event.plugin_version), _start(event.version_os))
            parted[index] = series_of(own.version, able)
        elif event.action in EXITS:
            if own.version.platform == "android" and (moment := _moment(event.metadata)) is not None:
                heard.exits[index] = moment
        else:
            histogram = _HISTOGRAMS[event.action]
            taken = duration((event.metadata or _NOTHING).get("duration_ms", ""), zero=histogram is PAGE_LOADS)
            if isinstance(taken, int):
                parted[index] = series_of(own.version, histogram.part(taken))
                heard.durations[index] = taken
            else:
                heard.dropped[index] = taken
    return heard


def _start(text: str | None) -> str:
    return (text or "")[:_LOOKED_AT]


@lru_cache(_KEPT)
def _able(platform: str, plugin_version: str, version_os: str) -> str:
    return f"{VISITS.key}:{reports(platform, plugin_version, version_os)}"


def reports(platform: str, plugin_version: str, version_os: str) -> Literal["crashes", "errors", "nothing"]:
    """What a client is able to report: nothing; errors of its pages; crashes of its process as well.

    Android tells the plugin of crashes since version 11. A version that can't be read is of some preview of a new one.
    """
    if platform not in ("android", "ios") or not _reports_health(plugin_version):
        return "nothing"
    system = _ANDROID_VERSION.match(version_os) if platform == "android" else None
    return "errors" if system is not None and int(system[0]) < _FIRST_WITH_EXITS else "crashes"


def _reports_health(plugin_version: str) -> bool:
    release = number(plugin_version)
    if release is None or plugin_version in ACCIDENTAL:
        return False
    return release >= _FIRST_TO_REPORT.get(release[0], (8, 46, 0))


def duration(text: str, zero: bool) -> int | DroppedReason:
    """A `duration_ms` as whole milliseconds, or why it is none; `zero` says that it may be 0.

    Clients send it as text, and a page may put anything there. 0 is what they make of a clock that was set back.
    """
    whole, point, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdecimal() and len(whole) <= _DIGITS):
        return "malformed"
    if point and not _FRACTION.fullmatch(fraction):
        return "malformed"
    milliseconds = int(whole) + (fraction[:1] >= "5")
    if milliseconds > LONGEST:
        return "too_long"
    return milliseconds if milliseconds or zero else "zero"


def _moment(metadata: Mapping[str, str] | None) -> int | None:
    text = (metadata or _NOTHING).get("exit_timestamp", "")
    return int(text) if _MOMENT.fullmatch(text) else None


_NOTHING: Final[Mapping[str, str]] = {}
_HISTOGRAMS: Final = {LAUNCHES.action: LAUNCHES, PAGE_LOADS.action: PAGE_LOADS}
_HEARD: Final = EXITS | _HISTOGRAMS.keys() | {VISITS.action}
