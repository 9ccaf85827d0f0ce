"""The label policy: which series an event belongs to.

Every label value comes from a closed set or has a bounded form, whatever a client sends; how many of them there may
be is the ledger's business. Facts about the plugin are cited where a rule rests on one.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.events import Event, Reason, Rejected
from exporter.wire.families import action_of
from exporter.wire.plugins import fails_without_update

REACT_NATIVE: Final = "react-native"
"""What the React Native client says in `install_source`; its `platform` is the phone's, and it behaves like no other
client there: it sends `set` at every launch, as Electron's does, and numbers its own versions.
"""

PLATFORMS: Final = frozenset({"android", "ios", "electron", REACT_NATIVE, "web"})
UNKNOWN_VERSION: Final = "unknown"
INVALID_VERSION: Final = "__invalid__"
VERSION_LENGTH: Final = 64
APP_ID_LENGTH: Final = 128

IgnoredReason = Literal["legacy_download_fail"]
IGNORED_REASONS: Final[tuple[IgnoredReason, ...]] = get_args(IgnoredReason)

_BUNDLE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_APP_ID: Final = re.compile(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)+")

_KEPT: Final = 1024
"""Combinations that are remembered, each for all actions: a few MB, or 15 where a stranger chooses them."""

_CUT: Final = max(APP_ID_LENGTH, VERSION_LENGTH) + 1
"""Characters of a text that are looked at: what is longer than a label may be stays so, and no word of ours is."""


class Version(NamedTuple):
    """What is born, expires and is compared on a dashboard: a version of an app on a platform.

    `test` tells a developer's own devices from production ones; they are counted in a family of their own.
    """

    app_id: str
    platform: str
    version: str
    test: bool


class Series(NamedTuple):
    """One counter of a version, by its name in `families`."""

    version: Version
    name: str

    @property
    def action(self) -> str:
        """That of the events which it counts."""
        return action_of(self.name)


series_of: Final = lru_cache(16 * _KEPT)(Series)
"""One object for each series: to find it costs less than to make one, and what counts in it finds it faster."""


class Ignored(NamedTuple):
    """A well-formed event that says nothing; it is answered ok and counted as ignored."""

    reason: IgnoredReason


Outcome = Series | Ignored | Rejected
Label = Callable[[Sequence[Event | Rejected]], list[Outcome]]


class _Actions(dict[str, Outcome]):
    """What the actions become of events that are alike in all else; remembers no more than the catalogue has."""

    def __init__(self, version: Version, plugin: str | None) -> None:
        self._version = version
        self[OTHER] = Series(version, OTHER)
        if fails_without_update(version.platform, plugin):
            self["download_fail"] = Ignored("legacy_download_fail")
        if version.platform == REACT_NATIVE and _BUNDLE_ID.fullmatch(version.version):
            # Of a bundle that can't be set it tells the id, one for each device, and not the version.
            self["set_fail"] = Series(version._replace(version=UNKNOWN_VERSION), "set_fail")

    def __missing__(self, action: str) -> Outcome:
        if action in CATALOGUE:
            self[action] = Series(self._version, action)
            return self[action]
        return self[OTHER]


class _Refusal(dict[str, Outcome]):
    """What any action becomes of events that are refused."""

    def __init__(self, reason: Reason) -> None:
        self._rejected = Rejected(reason)

    def __missing__(self, _action: str) -> Outcome:
        return self._rejected


class _TooLongError(Exception):
    """A text is longer than matters, so nothing is remembered by it."""


def policy(apps: Collection[str]) -> Label:
    """Make the function that labels the elements of a body; `apps` are the only app ids taken, if there are any.

    A fleet sends few distinct combinations, so they are remembered, and with them their versions: to compare one with
    itself takes no look at its fields. What is no event stays rejected.
    """
    allowed = frozenset(apps)
    version_of = lru_cache(_KEPT)(Version)

    @lru_cache(_KEPT)
    def actions(
        app_id: str, platform: str | None, name: str | None, build: str | None, test: bool, plugin: str | None
    ) -> Mapping[str, Outcome]:
        if any(text is not None and len(text) > _CUT for text in (app_id, platform, name, build, plugin)):
            raise _TooLongError
        if not is_app_id(app_id):
            return _Refusal("invalid_app_id")
        if allowed and app_id not in allowed:
            return _Refusal("app_not_allowed")
        return _Actions(version_of(app_id, _platform(platform), version_label(name, build), test), plugin)

    def label_all(items: Sequence[Event | Rejected]) -> list[Outcome]:
        try:
            return [
                item
                if isinstance(item, Rejected)
                else actions(
                    item.app_id,
                    REACT_NATIVE if item.install_source == REACT_NATIVE else item.platform,
                    item.version_name,
                    item.version_build,
                    item.is_emulator is True or item.is_prod is False,
                    # Only one action looks at the plugin version: without it the combinations stay few.
                    item.plugin_version if item.action == "download_fail" else None,
                )[item.action]
                for item in items
            ]
        except _TooLongError:
            return label_all([_cut(item) for item in items])

    return label_all


def _cut(item: Event | Rejected) -> Event | Rejected:
    """An event whose labels are the same, without what of its texts is too long to matter."""
    if isinstance(item, Rejected):
        return item
    texts = {name: getattr(item, name) for name in ("platform", "version_name", "version_build", "plugin_version")}
    return Event(
        app_id=item.app_id[:_CUT],
        action=item.action,
        is_emulator=item.is_emulator,
        is_prod=item.is_prod,
        install_source=item.install_source,
        **{name: text and text[:_CUT] for name, text in texts.items()},
    )


def is_app_id(text: str) -> bool:
    """Whether a text has the form of an app's id: what Capacitor, Android or Apple take as one."""
    return len(text) <= APP_ID_LENGTH and _APP_ID.fullmatch(text) is not None


def _platform(platform: str | None) -> str:
    return platform if platform in PLATFORMS else "other"


def version_label(name: str | None, build: str | None) -> str:
    """The `version` label of an event: the bundle's version without what clients attach to it.

    A failing manifest file sends `1.2.3:path/of/file`, which would make a series per file (source: the plugin's
    `DownloadService.java`). Older plugins call the native bundle `builtin`, newer ones by the native version, which
    is also in `version_build`: taking that keeps one label through a plugin upgrade.
    """
    label = (name or "").partition(":")[0]
    if label == "builtin":
        label = build or label
    if not label:
        return UNKNOWN_VERSION
    # A lone surrogate is not printable, so what can't be encoded in UTF-8 ends here as well.
    if len(label) > VERSION_LENGTH or not label.isprintable() or label.startswith("__"):
        return INVALID_VERSION
    return label
