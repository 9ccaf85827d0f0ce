"""The label policy: which series an event belongs to.

What the event says of its device (`words`) is found with it, since both depend on the same fields.

Every label value comes from a closed set or has a bounded form, whatever a client sends; how many of them there may
be is the ledger's business. Facts about the plugin are cited where a rule rests on one.
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

from exporter.wire import bounds
from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.bounds import APP_ID_LENGTH, VERSION_LENGTH
from exporter.wire.events import Event, Reason, Rejected
from exporter.wire.families import VISITS, action_of
from exporter.wire.plugins import Habits, habits_of
from exporter.wire.words import Word, words_of

REACT_NATIVE: Final = "react-native"
"""What the React Native client says in `install_source`; its `platform` is the phone's, and it behaves like no other
client there: it sends `set` at every launch, as Electron's does, and numbers its own versions.
"""

PLATFORMS: Final = frozenset({"android", "ios", "electron", REACT_NATIVE, "web"})
UNKNOWN_VERSION: Final = "unknown"
INVALID_VERSION: Final = "__invalid__"
IgnoredReason = Literal["legacy_download_fail"]
IGNORED_REASONS: Final[tuple[IgnoredReason, ...]] = get_args(IgnoredReason)

_BUNDLE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_APP_ID: Final = re.compile(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)+")

_KEPT: Final = 1024
"""Combinations that are remembered, each for all actions: a few MB, or 15 where a stranger chooses them."""


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


class Meaning(NamedTuple):
    """What an event comes to, and what it says of its device."""

    outcome: Outcome
    word: Word


Label = Callable[[Event], Mapping[str, Meaning]]
"""By action, what events mean that are like this one in all else; it has all actions."""


class _Actions(dict[str, Meaning]):
    """By action, series and word of events that are alike in all else; remembers no more than the catalogue has."""

    def __init__(self, version: Version, habits: Habits, words: Mapping[str, Word]) -> None:
        self._version = version
        self._words = words
        self._mean(OTHER, Series(version, OTHER))
        self._mean(VISITS.action, Series(version, f"{VISITS.key}:{habits.reports}"))
        if habits.fails_without_update:
            self._mean("download_fail", Ignored("legacy_download_fail"))
        if version.platform == REACT_NATIVE and _BUNDLE_ID.fullmatch(version.version):
            # Of a bundle that can't be set it tells the id, one for each device, and not the version.
            self._mean("set_fail", Series(version._replace(version=UNKNOWN_VERSION), "set_fail"))

    def _mean(self, action: str, outcome: Outcome) -> Meaning:
        self[action] = meaning = Meaning(outcome, self._words[action])
        return meaning

    def __missing__(self, action: str) -> Meaning:
        return self._mean(action, Series(self._version, action)) if action in CATALOGUE else self[OTHER]


class _Refusal(dict[str, Meaning]):
    """What any action becomes of events that are refused."""

    def __init__(self, reason: Reason) -> None:
        self._meaning = Meaning(Rejected(reason), Word.NOTHING)

    def __missing__(self, _action: str) -> Meaning:
        return self._meaning


def policy(apps: Collection[str]) -> Label:
    """Make the function that labels events; `apps` are the only app ids taken, if there are any.

    A fleet sends few distinct combinations, so they are remembered, and with them their versions: to compare one with
    itself takes no look at its fields.
    """
    allowed = frozenset(apps)
    version_of = lru_cache(_KEPT)(Version)

    @lru_cache(_KEPT)
    def actions(
        app_id: str, platform: str | None, name: str | None, build: str | None, test: bool, habits: Habits
    ) -> Mapping[str, Meaning]:
        bounds.check(app_id, platform, name, build)
        if not is_app_id(app_id):
            return _Refusal("invalid_app_id")
        if allowed and app_id not in allowed:
            return _Refusal("app_not_allowed")
        version = version_of(app_id, _platform(platform), version_label(name, build), test)
        return _Actions(version, habits, words_of(name, habits.names_what_runs))

    def label(event: Event) -> Mapping[str, Meaning]:
        platform = REACT_NATIVE if event.install_source == REACT_NATIVE else event.platform
        test = event.is_emulator is True or event.is_prod is False
        try:
            habits = habits_of(platform, event.plugin_version, event.version_os)
            return actions(event.app_id, platform, event.version_name, event.version_build, test, habits)
        except bounds.TooLongError:
            return label(_cut(event))

    return label


def _cut(event: Event) -> Event:
    """An event whose labels are the same, without what of its texts is too long to matter."""
    texts = {
        name: getattr(event, name)
        for name in ("platform", "version_name", "version_build", "version_os", "plugin_version")
    }
    return Event(
        app_id=event.app_id[: bounds.CUT],
        action=event.action,
        is_emulator=event.is_emulator,
        is_prod=event.is_prod,
        install_source=event.install_source,
        **{name: text and text[: bounds.CUT] for name, text in texts.items()},
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
