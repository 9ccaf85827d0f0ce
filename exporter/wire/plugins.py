"""Plugin versions: what the number that a client gives of itself says about its code."""

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from exporter.wire import bounds

ACCIDENTAL: Final = frozenset({"9.0.0", "10.0.0"})
"""Two releases of May 2023 with the code of 5.0. npm takes neither number again, so others of those majors are real."""

Number = tuple[int, int, int]
Reports = Literal["crashes", "errors", "nothing"]

_FIRST_TO_REPORT: Final[dict[int, Number]] = {5: (5, 50, 1), 6: (6, 50, 1), 7: (7, 50, 1)}
"""By major version; of the later ones 8.46.0."""

_FIRST_WITH_EXITS: Final = 11
"""The first Android that remembers why a process ended."""

_NUMBER: Final = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?!\d)", re.ASCII)
_ANDROID: Final = re.compile(r"\d{1,4}(?!\d)", re.ASCII)
_KEPT: Final = 1024


class Habits(NamedTuple):
    """What a client does, by which its events are understood."""

    reports: Reports
    """What its visits can be held against."""

    fails_without_update: bool
    """A failed download of it may be none."""

    names_what_runs: bool
    """Each of its events names the version that runs."""


@lru_cache(_KEPT)
def habits_of(platform: str | None, plugin_version: str | None, version_os: str | None) -> Habits:
    """What a client of these versions does. Raises `TooLongError`."""
    bounds.check(platform, plugin_version, version_os)
    return Habits(
        reports(platform, plugin_version or "", version_os or ""),
        fails_without_update(platform, plugin_version),
        names_what_runs(platform, plugin_version),
    )


def number(version: str) -> Number | None:
    """Major, minor and patch, without what may follow them; `None` if a version does not begin with them."""
    match = _NUMBER.match(version)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def fails_without_update(platform: str | None, version: str | None) -> bool:
    """Whether this plugin sends `download_fail` at every launch that finds no update.

    Plugins before 6.14.25 and 7.17.0 do, the two accidental releases among them; 5.43 and later are backports of the
    newer code. Electron and React Native count their own versions from 0.0.1 and 0.1.0, and do not.
    """
    if platform not in ("android", "ios"):
        return False
    release = number(version or "")
    return (
        release is None
        or version in ACCIDENTAL
        or release < (5, 43, 0)
        or (6, 0, 0) <= release < (6, 14, 25)
        or (7, 0, 0) <= release < (7, 17, 0)
    )


def names_what_runs(platform: str | None, version: str | None) -> bool:
    """Whether this plugin gives the name of the bundle that runs with every event, whichever bundle that is about.

    Before 5.9 it did. Electron's client and React Native's count their own versions from 0.0.1 and 0.1.0.
    """
    release = number(version or "") if platform in ("android", "ios") else None
    if release is None:
        return False
    return version in ACCIDENTAL or (1, 0, 0) <= release < (5, 9, 0)


def reports(platform: str | None, version: str, version_os: str) -> Reports:
    """What a client is able to report: crashes of its process, errors of its pages only, or nothing of both.

    Most clients out there report nothing. A system's version that can't be read is of a preview of a new one. (Sources:
    `AndroidAppExitReporter.java`, `AppHealthTracker.swift` and `WebViewStatsReporter` of the plugin's releases.)
    """
    if platform not in ("android", "ios"):
        return "nothing"
    release = number(version)
    if release is None or version in ACCIDENTAL or release < _FIRST_TO_REPORT.get(release[0], (8, 46, 0)):
        return "nothing"
    system = _ANDROID.match(version_os) if platform == "android" else None
    return "errors" if system is not None and int(system[0]) < _FIRST_WITH_EXITS else "crashes"
