"""What Prometheus works out in advance, so that an alert's expression can be read, and is cheap.

Grafana's own alerts read it too.
"""

from typing import Final

from dashboards.generator import phases
from dashboards.generator import thresholds as limits
from dashboards.generator.devices import Devices
from dashboards.generator.formulas import Events, surely, times
from dashboards.generator.health_recordings import health_recordings
from dashboards.generator.recording import Recording, of_others, of_version
from dashboards.generator.selectors import BUNDLES, EVENTS, NAMED_APPS, PRODUCTION
from dashboards.generator.timescale import Timescale

_BY_VERSION: Final = "app_id, platform, version"
BURN_WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")


def of_app(what: str, window: str) -> str:
    """The name of a count for each app."""
    return f"app:capgo_{what}:increase{window}"


def recordings(scale: Timescale) -> list[Recording]:
    return [*_versions(scale), *_apps(scale), *health_recordings(scale)]


def longterm(scale: Timescale) -> list[Recording]:
    """What years later can still be asked: every event of an hour, over all exporters."""
    events = f"sum by (app_id, platform, version, action) (increase({EVENTS}[{scale('1h')}]))"
    return [Recording("app_platform_version_action:capgo_events:increase1h", f"{events} > 0")]


def surely_of_version(what: str, window: str = "1h") -> str:
    """The name of the share that is surely exceeded (95 % confidence) within a window."""
    return f"app_platform_version:capgo_{what}:surely{window}"


WORSE: Final = "app_platform_version:capgo_updates_failed:times_others1h"
"""How many times the share that fails of the other versions in a day a version surely fails within an hour."""


DOWNLOADS_WORSE: Final = "app_platform_version:capgo_downloads_lost:times_others6h"
"""How many times the share that the other versions lose in a day a version surely loses within six hours."""

STUCK: Final = "app_platform_version:capgo_devices_stuck:for1d"
"""Devices that stand at a download or a failure for a day: at no moment of it were there fewer."""


def _versions(scale: Timescale) -> list[Recording]:
    return [*_updates(scale), *_downloads(scale), *_devices(scale)]


def _updates(scale: Timescale) -> list[Recording]:
    hour, day = (Events(EVENTS, scale(window), (BUNDLES,)) for window in ("1h", "1d"))
    attempts, failures = of_version("update_attempts", "1h"), of_version("update_failures", "1h")
    others = of_version("other_update_attempts", "1d"), of_version("other_update_failures", "1d")
    return [
        Recording(attempts, hour.attempts(_BY_VERSION)),
        Recording(failures, hour.failures(_BY_VERSION)),
        Recording(surely_of_version("updates_failed"), surely(failures, attempts)),
        Recording(of_version("update_attempts", "1d"), day.attempts(_BY_VERSION)),
        Recording(of_version("update_failures", "1d"), day.failures(_BY_VERSION)),
        Recording(others[0], of_others("update_attempts")),
        Recording(others[1], of_others("update_failures")),
        Recording(WORSE, times(surely_of_version("updates_failed"), f"{others[1]} / {others[0]}", limits.FAILED_FLOOR)),
    ]


def _downloads(scale: Timescale) -> list[Recording]:
    counts = []
    for window in ("1h", "6h", "1d"):
        events, begun = Events(EVENTS, scale(window), (BUNDLES,)), of_version("downloads_started", window)
        lost = f"{begun} - {phases.completed(events, _BY_VERSION)}"
        counts.append(Recording(begun, phases.started(events, _BY_VERSION)))
        counts.append(Recording(of_version("downloads_lost", window), lost))
    others = of_version("other_downloads_lost", "1d"), of_version("other_downloads_started", "1d")
    lost, begun = of_version("downloads_lost", "6h"), of_version("downloads_started", "6h")
    return [
        *counts,
        Recording(others[0], of_others("downloads_lost")),
        Recording(others[1], of_others("downloads_started")),
        Recording(
            surely_of_version("downloads_lost"),
            surely(of_version("downloads_lost", "1h"), of_version("downloads_started", "1h")),
        ),
        Recording(DOWNLOADS_WORSE, times(surely(lost, begun), f"{others[0]} / {others[1]}", limits.LOST_FLOOR)),
    ]


def _devices(scale: Timescale) -> list[Recording]:
    day = Devices(PRODUCTION, scale("1d"), (BUNDLES,))
    tried = "app_platform_version:capgo_devices_tried"
    return [
        Recording(tried, day.standing(".+", _BY_VERSION)),
        Recording(of_version("devices_installed", "1d"), day.entered("installed", _BY_VERSION)),
        Recording(STUCK, day.stood("downloading|failed", scale("3h"), _BY_VERSION)),
        Recording(surely_of_version("devices_stuck", "1d"), surely(STUCK, tried)),
    ]


def _apps(scale: Timescale) -> list[Recording]:
    return [
        recording
        for window in BURN_WINDOWS
        for events in [Events(EVENTS, scale(window), (NAMED_APPS,))]
        for recording in (
            Recording(of_app("update_attempts", window), events.app_attempts("app_id")),
            Recording(of_app("update_failures", window), events.failures("app_id")),
        )
    ]
