"""What failures and mishaps are called, wherever they are shown: in words, and as the plugin names them."""

from typing import Final

from dashboards.generator.panels import Json

MEANINGS: Final = {
    "update_fail": "Rolled back",
    "set_fail": "Bundle missing",
    "finish_download_fail": "Unpacking",
    "decrypt_fail": "Decryption failed",
    "download_fail": "Check or download failed",
    "unzip_fail": "Broken zip",
    "checksum_fail": "Wrong checksum",
    "checksum_required": "No checksum given",
    "session_key_required": "No session key given",
    "low_mem_fail": "Out of memory",
    "insufficient_disk_space": "Disk full",
    "windows_path_fail": "Backslash in a path",
    "canonical_path_fail": "Path leads outside",
    "directory_path_fail": "Folder not made",
    "download_manifest_file_fail": "Not fetched",
    "download_manifest_checksum_fail": "Wrong checksum",
    "download_manifest_brotli_fail": "Not decompressed",
    "manifest_path_fail": "Path leads outside",
    "app_crash": "Crash",
    "app_crash_native": "Native crash",
    "app_anr": "Hung",
    "app_launch_timeout": "Not ready in time",
    "app_initialization_failure": "Start failed",
    "app_killed_low_memory": "Memory kill",
    "app_killed_excessive_resource_usage": "Killed",
    "app_memory_warning": "Memory warning",
    "webview_render_process_gone": "Renderer gone",
    "webview_javascript_error": "Script error",
    "webview_unhandled_rejection": "Rejection",
    "webview_resource_error": "Not loaded",
    "webview_security_policy_violation": "Blocked",
}

WORDS: Final = {action: f"{meaning} ({action})" for action, meaning in MEANINGS.items()}


def in_words(words: dict[str, str]) -> Json:
    """A table's cells of these texts, shown as others."""
    options = {text: {"text": shown, "index": index} for index, (text, shown) in enumerate(words.items())}
    return {"mappings": [{"type": "value", "options": options}]}
