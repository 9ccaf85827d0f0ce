"""What an event tells of the device that sent it: the version it runs, or how far an attempt at another one has come.

Which bundle an event's `version_name` names depends on the action and on the client (sources: `sendStats` and its
callers in the plugin's `CapgoUpdater.java`, `DownloadService.java` and `CapgoUpdater.swift`).
"""

from collections.abc import Mapping
from enum import IntEnum, auto
from typing import Final


class Word(IntEnum):
    """What one event says; which version it is about is the event's own, but for `BREAKS`."""

    __hash__ = int.__hash__  # that of an enumeration is a call of Python's, and words are looked up for each event

    RUNS = auto()
    """The device runs this version."""

    SETS = auto()
    """It runs this version from now on."""

    BEGINS = auto()
    """A download of this version is under way."""

    GOES_ON = auto()
    """The same, by what may arrive late: posts that the download worker sends for itself, when it ends."""

    COMPLETES = auto()
    """This version is downloaded."""

    FAILS = auto()
    """This version failed."""

    BREAKS = auto()
    """The download under way failed; the event names another version, or none."""

    NOTHING = auto()
    """The device is there, and no more."""


_PERCENTS: Final = tuple(f"download_{percent}" for percent in range(0, 100, 10))

_TABLE: Final[Mapping[Word, tuple[str, ...]]] = {
    Word.RUNS: (
        *("reset", "revert", "app_moved_to_foreground", "app_moved_to_background"),
        *("app_launch_start", "app_launch_ready", "os_version_changed", "native_app_version_changed"),
        *("app_crash", "app_crash_native", "app_anr", "app_killed_low_memory"),
        *("app_killed_excessive_resource_usage", "app_memory_warning"),
        *("webview_javascript_error", "webview_unhandled_rejection", "webview_resource_error"),
        *("webview_security_policy_violation", "webview_unclean_restart", "webview_render_process_gone"),
        *("webview_content_process_terminated", "webview_dom_content_loaded", "webview_page_loaded"),
    ),
    Word.SETS: ("set",),
    Word.BEGINS: (*_PERCENTS, "download_zip_start", "download_manifest_start"),
    Word.GOES_ON: (
        *("download_zip_complete", "download_manifest_complete"),
        # A zip may follow, so these are no failure of the version yet.
        *("download_manifest_file_fail", "download_manifest_checksum_fail", "download_manifest_brotli_fail"),
        "manifest_path_fail",
    ),
    Word.COMPLETES: ("download_complete", "set_next"),
    Word.FAILS: ("set_fail", "update_fail", "finish_download_fail", "decrypt_fail"),
    Word.BREAKS: (
        *("download_fail", "unzip_fail", "checksum_fail", "checksum_required", "session_key_required"),
        *("low_mem_fail", "insufficient_disk_space"),
        *("windows_path_fail", "canonical_path_fail", "directory_path_fail"),
        *("invalid_signature", "signature_not_provided", "signature_validation_failed"),
    ),
}


class _Words(dict[str, Word]):
    """By action; those that are not here say one and the same."""

    def __init__(self, words: Mapping[str, Word], other: Word) -> None:
        super().__init__(words)
        self._other = other

    def __missing__(self, action: str) -> Word:
        return self._other


WORDS: Final[Mapping[str, Word]] = _Words(
    {action: word for word, actions in _TABLE.items() for action in actions}, Word.NOTHING
)
"""By action."""

_OF_WHAT_RUNS: Final[Mapping[str, Word]] = _Words({}, Word.RUNS)
"""Of a client that names what runs in each of its events."""

_NATIVE: Final = "builtin"
_INSTEAD: Final[Mapping[Word, Word]] = {
    Word.BEGINS: Word.NOTHING,
    Word.GOES_ON: Word.NOTHING,
    Word.COMPLETES: Word.NOTHING,
    Word.SETS: Word.RUNS,
}
_OF_THE_NATIVE: Final[Mapping[str, Word]] = _Words(
    {action: _INSTEAD.get(word, word) for action, word in WORDS.items()}, Word.NOTHING
)
"""Of the bundle that came with the app, which no client downloads or installs: iOS names it in a download before it has
noted the other one's name, React Native at a launch without another one.
"""


def words_of(version_name: str | None, names_what_runs: bool) -> Mapping[str, Word]:
    """What each action says in events with that `version_name`, of a client that `names_what_runs` or not."""
    if names_what_runs:
        return _OF_WHAT_RUNS
    return _OF_THE_NATIVE if version_name == _NATIVE else WORDS
