"""What each published version of the plugin says, and how it sends it.

Features were backported to several majors at once, so one first version a feature does not exist: a feature has a
first version in each major that has one, and every later major has it from its start. 9.0.0 and 10.0.0 are accidental
releases of May 2023 with the code of 5.0. The clients for Electron and React Native are code of their own, which
numbers its versions from 0.0.1 and 0.1.0 and posts single events; a React Native phone is one of Android or iOS.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, get_args

from exporter.wire.plugins import ACCIDENTAL

Platform = Literal["android", "ios", "electron", "react-native"]
PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)

Feature = Literal[
    "arrays",
    "custom_id",
    "default_channel",
    "device_flags",
    "finish_fail",
    "honest_download_fail",
    "install_source",
    "ios_progress_named",
    "key_id",
    "latched_percent",
    "launch_events",
    "long_key_id",
    "lower_case_id",
    "manifests",
    "metadata",
    "names_native",
    "names_subject",
    "percents",
    "quiet_rollback",
    "rate_limit_latch",
    "rate_limit_reached",
    "requeue",
    "set_next",
    "unzip_fail",
    "user_agent",
    "user_agent_os",
]

_OF_OTHER_CLIENTS: Final[dict[Platform, frozenset[Feature]]] = {
    "electron": frozenset({"device_flags", "default_channel", "names_subject"}),
    "react-native": frozenset({"custom_id", "device_flags"}),
}

_Number = tuple[int, int, int]
_ERA_OF_THE_ACCIDENTAL: Final[_Number] = (5, 0, 0)

_SINCE: Final[dict[Feature, str]] = {
    "arrays": "5.43.3 6.42.3 7.42.3 8.42.0",  # and a timestamp in each of their events
    "custom_id": "4.9.0",
    "default_channel": "5.5.0",
    "device_flags": "4.14.1",  # is_emulator, is_prod
    "finish_fail": "5.43.3 6.7.7 7.0.2",  # ... and an Android download that fails forgets its version_name
    "honest_download_fail": "5.43.0 6.14.25 7.17.0",  # before: also sent for "no new version available"
    "install_source": "5.50.1 6.50.1 7.50.1 8.50.0",
    "ios_progress_named": "5.50.2 6.50.2 7.50.2 8.45.11",  # before: a zip's download_0 says "builtin", and 10..60 come
    "key_id": "5.43.3 6.39.0 7.41.1 8.2.0",
    "latched_percent": "5.43.3 6.3.0 7.0.2",  # Android; before: every exact multiple of ten, 0 included
    "launch_events": "6.51.16 7.51.15 8.51.0",
    "long_key_id": "5.43.3 6.42.3 7.41.1 8.40.8",  # 20 characters instead of 4
    "lower_case_id": "5.43.3 6.1.6 7.0.2",  # iOS
    "manifests": "5.43.3 6.25.2 7.26.0",  # download_zip_*, download_manifest_*; on Android as single posts
    "metadata": "5.50.1 6.50.1 7.50.1 8.46.0",  # and the health events that carry it
    "names_native": "5.45.10 6.45.10 7.45.10 8.44.0",  # the native bundle by its version; before: "builtin"
    "names_subject": "5.9.0",  # version_name is the bundle the event is about; before: the running one
    "percents": "4.14.1",  # download_N and download_complete
    "quiet_rollback": "5.45.10 6.45.10 7.45.10 8.45.5",  # without a `reset`
    "rate_limit_latch": "5.43.3 6.14.28 7.23.8",
    "rate_limit_reached": "5.43.3 6.14.30 7.23.12",
    "requeue": "6.51.16 7.51.15 8.51.5",  # and the queue on disk
    "set_next": "5.45.10 6.45.10 7.45.10 8.44.0",
    "unzip_fail": "5.7.0",
    "user_agent": "5.43.3 6.14.28 7.9.0",
    "user_agent_os": "5.43.3 6.14.28 7.23.3",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One client: its platform, the `plugin_version` it reports, and the features of its code."""

    platform: Platform
    plugin_version: str
    features: frozenset[Feature] = field(repr=False)

    def has(self, feature: Feature) -> bool:
        return feature in self.features

    @property
    def ignored_download_fail(self) -> bool:
        """Whether its `download_fail` means nothing, because it is also sent when there is no update."""
        return self.platform not in _OF_OTHER_CLIENTS and not self.has("honest_download_fail")


@cache
def dialect(platform: Platform, plugin_version: str) -> Dialect:
    """Raises `ValueError` for a version that is not three numbers."""
    if platform in _OF_OTHER_CLIENTS:
        return Dialect(platform, plugin_version, _OF_OTHER_CLIENTS[platform])
    number = _number(plugin_version)
    era = _ERA_OF_THE_ACCIDENTAL if plugin_version in ACCIDENTAL else number
    return Dialect(platform, plugin_version, frozenset(name for name, since in _SINCE.items() if _reached(era, since)))


def _number(version: str) -> _Number:
    try:
        major, minor, patch = map(int, version.split("."))
    except ValueError:
        raise ValueError(f"a plugin version is three numbers, such as 8.51.23, not {version!r}") from None
    return major, minor, patch


def _reached(number: _Number, since: str) -> bool:
    firsts = [_number(version) for version in since.split()]
    own = [first for first in firsts if first[0] == number[0]]
    return number >= own[0] if own else number > firsts[-1]
