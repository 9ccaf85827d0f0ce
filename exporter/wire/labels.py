"""The label policy: which series an event belongs to.

Every label value comes from a closed set or has a bounded form, whatever a client sends; how many of them there may
be is the ledger's business. Facts about the plugin are cited where a rule rests on one.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.events import Event, Rejected

PLATFORMS: Final = frozenset({"android", "ios", "electron", "web"})
UNKNOWN_VERSION: Final = "unknown"
INVALID_VERSION: Final = "__invalid__"
VERSION_LENGTH: Final = 64
APP_ID_LENGTH: Final = 128

IgnoredReason = Literal["legacy_download_fail"]
IGNORED_REASONS: Final[tuple[IgnoredReason, ...]] = get_args(IgnoredReason)

_APP_ID: Final = re.compile(r"[a-zA-Z0-9]+(\.[a-zA-Z0-9_-]+)+")
_PLUGIN_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?!\d)", re.ASCII)
_KEPT_SHAPES: Final = 16384


class Version(NamedTuple):
    """What is born, expires and is compared on a dashboard: a version of an app on a platform.

    `test` tells a developer's own devices from production ones; they are counted in a family of their own.
    """

    app_id: str
    platform: str
    version: str
    test: bool


class Series(NamedTuple):
    """One counter: an action of a version."""

    version: Version
    action: str


class Ignored(NamedTuple):
    """A well-formed event that says nothing; it is answered ok and counted as ignored."""

    reason: IgnoredReason


Outcome = Series | Ignored | Rejected
Label = Callable[[Sequence[Event | Rejected]], list[Outcome]]


def policy(apps: Collection[str]) -> Label:
    """Make the function that labels the elements of a body; `apps` are the only app ids taken, if there are any.

    A fleet sends few distinct combinations, so they are remembered, and with them their versions: to compare one with
    itself takes no look at its fields. What is no event stays rejected.
    """
    allowed = frozenset(apps)

    version_of = lru_cache(_KEPT_SHAPES)(Version)

    @lru_cache(_KEPT_SHAPES)
    def label(
        app_id: str,
        action: str,
        platform: str | None,
        version_name: str | None,
        version_build: str | None,
        test: bool,
        plugin_version: str | None,
    ) -> Outcome:
        if not is_app_id(app_id):
            return Rejected("invalid_app_id")
        if allowed and app_id not in allowed:
            return Rejected("app_not_allowed")
        if action == "download_fail" and _means_no_update(platform, plugin_version):
            return Ignored("legacy_download_fail")
        version = version_of(app_id, _platform(platform), version_label(version_name, version_build), test)
        return Series(version, action if action in CATALOGUE else OTHER)

    def label_all(items: Sequence[Event | Rejected]) -> list[Outcome]:
        return [
            item
            if isinstance(item, Rejected)
            else label(
                item.app_id,
                item.action,
                item.platform,
                item.version_name,
                item.version_build,
                item.is_emulator is True or item.is_prod is False,
                # Only one action looks at the plugin version: without it the combinations stay few.
                item.plugin_version if item.action == "download_fail" else None,
            )
            for item in items
        ]

    return label_all


def is_app_id(text: str) -> bool:
    """Whether it has the form of an app's id."""
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


def _means_no_update(platform: str | None, plugin_version: str | None) -> bool:
    """Whether this plugin sends `download_fail` at every launch that finds no update.

    Plugins before 6.14.25 and 7.17.0 do, and so do the accidental releases 9.x and 10.x, which are of the age of 5.0;
    5.43 and later are backports of the newer code. Electron counts its own versions from 0.0.1 and does not.
    """
    if platform not in ("android", "ios"):
        return False
    match = _PLUGIN_VERSION.match(plugin_version or "")
    if match is None:
        return True
    number = tuple(map(int, match.groups()))
    return (
        number < (5, 43, 0)
        or (6, 0, 0) <= number < (6, 14, 25)
        or (7, 0, 0) <= number < (7, 17, 0)
        or (9, 0, 0) <= number < (11, 0, 0)
    )
