"""Metric names, label matchers and groups of actions. What each action means is told in `dashboards/README.md`."""

from typing import Final

PRODUCTION: Final = "capgo"
TEST: Final = "capgo_test"
"""How the names of metrics begin that count production devices, and test devices."""
EVENTS: Final = f"{PRODUCTION}_events_total"
FIRST_SEEN: Final = "capgo_version_first_seen_timestamp_seconds"
EXPORTER: Final = "capgo_exporter"
JOB_NAME: Final = "capgo-exporter"
JOB: Final = f'job="{JOB_NAME}"'
"""For alerts, where variables can't be used."""

# Matchers of the dashboards' variables.
TARGETS: Final = ('job=~"$job"', 'instance=~"$instance"')
ANY_APP: Final = 'app_id=~"$app_id"'
ONE_APP: Final = 'app_id="$app_id"'
NAMED_APPS: Final = 'app_id!~"__.*"'
"""Without `__overflow__`, which is many apps, or none."""
PLATFORM: Final = 'platform=~"$platform"'
ANY_VERSION: Final = 'version=~"$version"'
ONE_VERSION: Final = 'version="$version"'
OTHER_VERSIONS: Final = ('version=~"$baseline"', 'version!="$version"')

NO_BUNDLE: Final = "unknown|builtin|__.*"
"""Values of `version` that name no bundle: missing, the native one without a version, folded or unprintable."""
BUNDLES: Final = f'version!~"{NO_BUNDLE}"'

_OTHER_CLIENTS: Final = "electron|react-native"
PLUGIN: Final = f'platform!~"{_OTHER_CLIENTS}"'
"""The plugin itself. The clients for Electron and React Native send `set` at every launch: theirs is no update."""
OTHER_CLIENTS: Final = f'platform=~"{_OTHER_CLIENTS}"'

FATAL: Final = "app_crash|app_crash_native|app_anr|app_initialization_failure"
"""Without what the system kills, mostly in the background, and without renderers, which are counted as crashes too."""

ATTEMPTS: Final = "set|set_fail"
FAILURES: Final = "set_fail|update_fail"
STARTS: Final = "download_(zip|manifest)_start"
TRANSFERS: Final = "download_(zip|manifest)_complete"

# Failures that name the version that failed, and those sent under the version that was running, or under none: the
# plugin's CapgoUpdater.java and CapgoUpdater.swift call sendStats without a version for the second group.
BLAMING: Final = "set_fail|update_fail|finish_download_fail|decrypt_fail"
BLAMED_DOWNLOADS: Final = "finish_download_fail|decrypt_fail"
MANIFEST_FILES: Final = "download_manifest_(file|checksum|brotli)_fail|manifest_path_fail"
UNBLAMING: Final = (
    "download_fail|unzip_fail|checksum_fail|checksum_required|session_key_required|low_mem_fail|"
    "insufficient_disk_space|windows_path_fail|canonical_path_fail|directory_path_fail"
)
DOWNLOAD_FAILURES: Final = f"finish_download_fail|decrypt_fail|{UNBLAMING}"


def selector(name: str, *matchers: str) -> str:
    return f"{name}{{{','.join(matchers)}}}"


def own(name: str, *matchers: str) -> str:
    """One of the exporter's own metrics, of the chosen jobs and instances."""
    return selector(f"{EXPORTER}_{name}", *TARGETS, *matchers)


def watched(name: str, *matchers: str) -> str:
    """One of the exporter's own metrics, as alerts select it."""
    return selector(f"{EXPORTER}_{name}", JOB, *matchers)


def process(name: str) -> str:
    """A metric that every Python exporter has, or Prometheus adds to each scrape."""
    return selector(name, *TARGETS)
