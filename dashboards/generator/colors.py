"""Colours: red, orange and green say how good something is; names have others, the same wherever they stand.

Grafana picks colours by a series' place in its panel. So each name that is known gets its own here, and a version or an
app one by its last character: neighbours differ, and 1.4.2 looks the same on all panels.
"""

from typing import Final

from dashboards.generator.panels import Json, override
from dashboards.generator.words import WORDS

BLUE, PURPLE, CYAN, MAGENTA, GREY = "#5794f2", "#b877d9", "#4cc9f0", "#d65db1", "#8e8e8e"
"""Grey is what stands in the background: a baseline, a limit, the unnamed."""

CHOSEN, OTHERS = BLUE, GREY
"""On Rollout: the version chosen, and all others."""

_BY_LAST_CHARACTER: Final = {
    "05afkpuz": BLUE,
    "16bglqv": PURPLE,
    "27chmrw": CYAN,
    "38dinsx": MAGENTA,
    "49ejoty": "#8ab8ff",
}
_KINDS: Final = {
    "update_fail": PURPLE,
    "set_fail": BLUE,
    "finish_download_fail": CYAN,
    "unzip_fail": MAGENTA,
    "checksum_fail": "#8ab8ff",
    "download_fail": GREY,
    "app_crash": "#7c4f9e",
    "app_crash_native": "#3d5a9e",
    "app_anr": "#2a8ca8",
    "app_launch_timeout": "#e0c3a0",
    "webview_javascript_error": "#f0b6dd",
    "webview_unhandled_rejection": "#a68a64",
    "webview_resource_error": "#d9b3ff",
    "webview_security_policy_violation": "#9c3f80",
}
"""Each its own: they lie upon each other in one bar."""
_OTHER_KINDS: Final = "#c7c7d1"
_PLATFORMS: Final = {"android": CYAN, "ios": PURPLE}

IOS_DASHED: Final = override("byRegexp", "/ ios( |$)/", {"custom.lineStyle": {"fill": "dash", "dash": [8, 6]}})
"""Nothing is told by colour alone."""


def fixed(color: str) -> Json:
    return {"color": {"mode": "fixed", "fixedColor": color}}


def by_first_word() -> list[Json]:
    """Series whose names begin with a version or an app; dashed for iOS."""
    words = [
        override("byRegexp", rf"/^[^ ]*[{characters}]( |$)/i", fixed(color))
        for characters, color in _BY_LAST_CHARACTER.items()
    ]
    return [*words, IOS_DASHED]


def kinds() -> list[Json]:
    """Failures by action, in words."""
    return [
        override("byName", action, {"displayName": words, **fixed(_KINDS.get(action, _OTHER_KINDS))})
        for action, words in WORDS.items()
    ]


def platforms() -> list[Json]:
    return [override("byRegexp", f"/^{platform}/", fixed(color)) for platform, color in _PLATFORMS.items()]


def named(colors: dict[str, str]) -> list[Json]:
    """Series by their whole names."""
    return [override("byName", name, fixed(color)) for name, color in colors.items()]
