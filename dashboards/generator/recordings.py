"""What Prometheus works out in advance, so that an alert's expression can be read, and is cheap.

The names follow Prometheus' custom: labels that are kept, what is counted, window. Grafana's own alerts read them too.
"""

from dataclasses import dataclass
from typing import Final

from dashboards.generator import funnel
from dashboards.generator.formulas import Events, surely, z_score
from dashboards.generator.selectors import BUNDLES, EVENTS, NAMED_APPS
from dashboards.generator.timescale import Timescale

_BY_VERSION: Final = "app_id, platform, version"
BURN_WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")


@dataclass(frozen=True)
class Recording:
    """`record` is the name under which Prometheus keeps the value of `expr`."""

    record: str
    expr: str


def of_version(what: str, window: str) -> str:
    """The name of a count for each app, platform and version; versions that name no bundle are left out."""
    return f"app_platform_version:capgo_{what}:increase{window}"


def of_app(what: str, window: str) -> str:
    """The name of a count for each app."""
    return f"app:capgo_{what}:increase{window}"


def recordings(scale: Timescale) -> list[Recording]:
    return [*_versions(scale), *_apps(scale)]


def longterm(scale: Timescale) -> list[Recording]:
    """What years later can still be asked: every event of an hour, over all exporters."""
    events = f"sum by (app_id, platform, version, action) (increase({EVENTS}[{scale('1h')}]))"
    return [Recording("app_platform_version_action:capgo_events:increase1h", f"{events} > 0")]


def surely_of_version(what: str) -> str:
    """The name of the share that is surely exceeded (95 % confidence) within an hour."""
    return f"app_platform_version:capgo_{what}:surely1h"


WORSE: Final = "app_platform_version:capgo_updates_failed:zscore1h"
"""z-score of a version's failed share within an hour against the other versions of a day."""


def _versions(scale: Timescale) -> list[Recording]:
    hour, day = (Events(EVENTS, scale(window), (BUNDLES,)) for window in ("1h", "1d"))
    attempts, failures = of_version("update_attempts", "1h"), of_version("update_failures", "1h")
    others = of_version("other_update_attempts", "1d"), of_version("other_update_failures", "1d")
    begun, unfinished = of_version("downloads_started", "1h"), of_version("downloads_unfinished", "1h")
    return [
        Recording(attempts, hour.attempts(_BY_VERSION)),
        Recording(failures, hour.failures(_BY_VERSION)),
        Recording(surely_of_version("updates_failed"), surely(failures, attempts)),
        Recording(of_version("update_attempts", "1d"), day.attempts(_BY_VERSION)),
        Recording(of_version("update_failures", "1d"), day.failures(_BY_VERSION)),
        Recording(others[0], _of_others("update_attempts")),
        Recording(others[1], _of_others("update_failures")),
        Recording(WORSE, z_score(failures, attempts, others[1], others[0])),
        Recording(begun, funnel.started(hour, _BY_VERSION)),
        Recording(unfinished, funnel.unfinished(hour, _BY_VERSION)),
        Recording(surely_of_version("downloads_unfinished"), surely(unfinished, begun)),
    ]


def _of_others(what: str) -> str:
    """For each version, the count of the other versions of the same app and platform."""
    own = of_version(what, "1d")
    return f"0 * {own} + on (app_id, platform) group_left () sum by (app_id, platform) ({own}) - {own}"


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
