"""What Prometheus works out in advance of versions' health: each measure over hours, and of others over a day.

A new version has no past, so hours delay nothing, and gather rare events.
"""

from collections.abc import Iterator
from typing import Final

from dashboards.generator.health_measures import CRASHES, MEASURES, Measure, Reports
from dashboards.generator.recording import Recording, of_others, of_version
from dashboards.generator.selectors import BUNDLES
from dashboards.generator.timescale import Timescale

_PREFIX: Final = "capgo"
_BY: Final = "app_id, platform, version"
WINDOW: Final = "6h"
OTHERS_WINDOW: Final = "1d"


SURELY_ON_ANDROID: Final = f"app_platform_version:capgo_crashes_on_android:surely{WINDOW}"
"""The crashes of a visit that a version surely exceeds, where their level means something."""


def health_recordings(scale: Timescale) -> list[Recording]:
    return [*(recording for measure in MEASURES for recording in _measure(scale, measure)), _on_android(scale)]


def part_of(measure: Measure, window: str = WINDOW) -> str:
    """The name of a measure's events for each app, platform and version."""
    return of_version(measure.name, window)


def whole_of(measure: Measure, window: str = WINDOW) -> str:
    """The name of what they are counted of."""
    return of_version(measure.of, window)


def others_of(what: str) -> str:
    """The name of the same of the app's other versions on that platform."""
    return of_version(f"other_{what}", OTHERS_WINDOW)


def times_others(measure: Measure) -> str:
    """The name of a measure's *surely x the others*."""
    return f"app_platform_version:capgo_{measure.name}:times_others{WINDOW}"


def _measure(scale: Timescale, measure: Measure) -> Iterator[Recording]:
    for window in (WINDOW, OTHERS_WINDOW):
        reports = Reports(_PREFIX, scale(window), (BUNDLES,))
        yield Recording(whole_of(measure, window), measure.whole(reports, _BY))
        yield Recording(part_of(measure, window), measure.part(reports, _BY))
    for what in (measure.of, measure.name):
        yield Recording(others_of(what), of_others(what))
    others = f"{others_of(measure.name)} / {others_of(measure.of)}"
    yield Recording(times_others(measure), measure.times(part_of(measure), whole_of(measure), others))


def _on_android(scale: Timescale) -> Recording:
    reports = Reports(_PREFIX, scale(WINDOW), (BUNDLES, 'platform="android"'))
    return Recording(SURELY_ON_ANDROID, CRASHES.surely(CRASHES.part(reports, _BY), CRASHES.whole(reports, _BY)))
