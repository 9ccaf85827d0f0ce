"""The action catalogue: what devices and Capgo's own backend report, each with its kind and its meaning.

The names are the plugin's and the backend's own (the sources of every published line from 3.x to 8.51, and the
backend's allow-list). An action that is not here is counted as `other`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What an action tells about: how an update ended, why it failed, how far it is, the bundle's or the app's life."""

    OUTCOME = "outcome"
    FAILURE = "failure"
    PROGRESS = "progress"
    LIFECYCLE = "lifecycle"
    HEALTH = "health"
    SERVER = "server"


class Action(NamedTuple):
    """One action: the word on the wire, its kind, its meaning in one line."""

    name: str
    kind: Kind
    meaning: str


OTHER: Final = "other"
"""What an action outside the catalogue is counted as."""

OUTCOMES: Final = ("set", "set_fail", "update_fail", "download_complete", "download_fail")
"""The series that are created at 0 when a version appears, so that no first failure is missed."""

FAILED_OUTCOMES: Final = ("set_fail", "update_fail", "download_fail")
"""Those of them that are no success."""

_TABLE: Final = {
    Kind.OUTCOME: {
        "set": "bundle made current; also at a rollback, and at every launch of Electron and React Native",
        "set_fail": "bundle to be set is not on disk",
        "update_fail": "the app did not call notifyAppReady in time and was rolled back",
        "download_complete": "download finished",
        "download_fail": "update check or download failed",
    },
    Kind.FAILURE: {
        "finish_download_fail": "unpacking, checksum or renaming failed after the download",
        "download_manifest_file_fail": "one file of a delta download failed",
        "download_manifest_checksum_fail": "one file of a delta download has a wrong checksum",
        "download_manifest_brotli_fail": "one file of a delta download can't be decompressed",
        "manifest_path_fail": "the manifest names a path outside the bundle",
        "checksum_fail": "the bundle's checksum is wrong",
        "checksum_required": "encryption is set up but the server gave no checksum",
        "session_key_required": "encryption is set up but the server gave no session key",
        "decrypt_fail": "decryption failed",
        "unzip_fail": "the zip file is broken",
        "windows_path_fail": "a zip entry has a backslash in its path",
        "canonical_path_fail": "a zip entry's path leads outside the bundle",
        "directory_path_fail": "the folder of a zip entry can't be made",
        "low_mem_fail": "out of memory during a download",
        "insufficient_disk_space": "the disk is full",
        "invalid_signature": "the bundle's signature is wrong (6.0.70 to 6.1.17)",
        "signature_not_provided": "the bundle has no signature (6.0.70 to 6.1.17)",
        "signature_validation_failed": "the signature can't be checked (6.0.70 to 6.1.17)",
        "backend_refusal": "the server answered the update check with an error or a message",
        "blocked_by_server_url": "server.url is set, so the updater is off",
        "rate_limit_reached": "the server answered 429",
    },
    Kind.PROGRESS: {
        **{f"download_{percent}": f"download at {percent} %" for percent in range(0, 100, 10)},
        "download_zip_start": "transfer of a full bundle begins",
        "download_zip_complete": "transfer of a full bundle ends",
        "download_manifest_start": "delta download begins",
        "download_manifest_complete": "delta download ends",
    },
    Kind.LIFECYCLE: {
        "set_next": "bundle queued for the next background or restart",
        "reset": "back to the native bundle, or the last good one",
        "revert": "rollback, as 3.3.x called it",
        "delete": "bundle removed from disk",
        "app_moved_to_foreground": "app became visible",
        "app_moved_to_background": "app was hidden",
        "app_launch_start": "process started",
        "app_launch_ready": "notifyAppReady called",
        "os_version_changed": "the operating system was updated",
        "native_app_version_changed": "the app was updated from the store",
    },
    Kind.HEALTH: {
        "app_launch_timeout": "notifyAppReady was not called in time",
        "app_crash": "the app crashed; on iOS also a forced quit or lack of memory",
        "app_crash_native": "native crash",
        "app_anr": "the app did not respond",
        "app_killed_low_memory": "killed for lack of memory",
        "app_killed_excessive_resource_usage": "killed for using too much",
        "app_initialization_failure": "the process failed to start",
        "app_memory_warning": "memory warning",
        "webview_javascript_error": "uncaught JavaScript error",
        "webview_unhandled_rejection": "unhandled promise rejection",
        "webview_resource_error": "a resource failed to load",
        "webview_security_policy_violation": "content security policy violated",
        "webview_unclean_restart": "the page restarted without an orderly end",
        "webview_render_process_gone": "the web view's renderer died",
        "webview_content_process_terminated": "the web view's content process ended",
        "webview_dom_content_loaded": "DOM ready, with timing",
        "webview_page_loaded": "page loaded, with timing",
    },
    Kind.SERVER: {
        "get": "a new version was handed out; React Native says it itself",
        "ping": "update check",
        "uninstall": "a bundle was replaced by another",
        "needPlanUpgrade": "the plan does not allow the update",
        "missingBundle": "the bundle does not exist",
        "noNew": "no newer version",
        "disablePlatformIos": "updates for iOS are off",
        "disablePlatformAndroid": "updates for Android are off",
        "disablePlatformElectron": "updates for Electron are off",
        "disableAutoUpdateToMajor": "major updates are off",
        "disableAutoUpdateToMinor": "minor updates are off",
        "disableAutoUpdateToPatch": "patch updates are off",
        "disableAutoUpdateMetadata": "the bundle's metadata forbids the update",
        "disableAutoUpdateUnderNative": "updates below the native version are off",
        "disableAutoUpdate": "automatic updates are off",
        "cannotUpdateViaPrivateChannel": "the device may not use this channel",
        "channelMisconfigured": "the channel is misconfigured",
        "disableDevBuild": "development builds get no updates",
        "disableProdBuild": "production builds get no updates",
        "disableEmulator": "emulators get no updates",
        "disableDevice": "real devices get no updates",
        "cannotGetBundle": "the bundle can't be read",
        "NoChannelOrOverride": "no channel applies to the device",
        "setChannel": "the device chose its channel",
        "getChannel": "the device asked for its channel",
        "rateLimited": "the device asked too often",
        "keyMismatch": "the device has another public key",
        "InvalidIp": "the address is not allowed",
        "customIdBlocked": "the app may not set a custom id",
    },
}

CATALOGUE: Final[Mapping[str, Action]] = MappingProxyType(
    {name: Action(name, kind, meaning) for kind, actions in _TABLE.items() for name, meaning in actions.items()}
)
