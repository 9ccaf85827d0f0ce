"""When a version that installs fine is told to be broken, and when not: claims, each beside its near miss."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dashboards.rule_cases import ANDROID, FOLDED, JOB, WEEK, Case, Series, of

IOS = ANDROID | {"platform": "ios"}
AT = "92m"
MINUTES = 120


def _given(labels: Mapping[str, str]) -> str:
    return ",".join((JOB, *(f'{name}="{value}"' for name, value in labels.items())))


def before(labels: Mapping[str, str]) -> dict[str, str]:
    """The version before."""
    return {**labels, "version": "1.4.1"}


def visits(labels: Mapping[str, str], reports: str = "crashes", rate: float = 10, **events: float) -> Series:
    """Visits a minute by clients that report this, and what they report."""
    counter = f'capgo_visits_total{{{_given(labels)},reports="{reports}"}}'
    return of(labels, MINUTES, "capgo-exporter-1", **events) | {counter: f"0+{rate}x{MINUTES}"}


def launches(labels: Mapping[str, str], started: float, ready: float) -> Series:
    """Launches a minute."""
    return of(labels, app_launch_start=started, app_launch_ready=ready)


def timed(labels: Mapping[str, str], launched: float, slow: float) -> Series:
    """Launches a minute that tell how long they took, and those of them that took more than five seconds."""
    given = _given(labels)
    rates = {'_bucket{%s,le="5.0"}': launched - slow, '_bucket{%s,le="+Inf"}': launched, "_count{%s}": launched}
    return {f"capgo_launch_seconds{name % given}": f"0+{rate:g}x{MINUTES}" for name, rate in rates.items()}


def seldom(series: Series, **events: int) -> Series:
    """These events of the version, of Android, happen all at once, an hour in."""
    return series | {
        f'capgo_events_total{{{_given(ANDROID)},action="{action}"}}': f"0x59 {number}x60"
        for action, number in events.items()
    }


HEALTHY = visits(before(ANDROID), rate=100, app_crash=0.1, app_anr=0.1)

CRASHES = [
    Case(
        "a version that installs fine and crashes in three visits of a hundred, where others do in two of a thousand",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | visits(ANDROID, set=10, app_crash_native=0.3),
        ANDROID,
    ),
    Case(
        "crashes of several kinds add up, each of them too few",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | visits(ANDROID, app_crash=0.04, app_crash_native=0.04, app_anr=0.04),
        ANDROID,
    ),
    Case(
        "a version that crashes as seldom as the others wakes nobody",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | visits(ANDROID, rate=50, app_crash=0.1),
    ),
    Case(
        "on iOS force quits look like crashes: where they are as many in both versions, nobody is woken",
        "CapgoVersionCrashesMore",
        AT,
        visits(before(IOS), rate=100, app_crash=4) | visits(IOS, app_crash=0.4),
    ),
    Case(
        "a crash in eight visits is too little to go by",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | seldom(visits(ANDROID, rate=0.09), app_crash=1),
    ),
    Case(
        "nor are four crashes, in however few visits",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | seldom(visits(ANDROID, rate=1), app_crash=4),
    ),
    Case(
        "nor are forty visits, however many of them crash",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | seldom(visits(ANDROID, rate=0.4), app_crash=8),
    ),
    Case(
        "three hundred visits to the other versions are too few to be compared with",
        "CapgoVersionCrashesMore",
        AT,
        visits(before(ANDROID), rate=3) | visits(ANDROID, app_crash=0.3),
    ),
    Case(
        "the first version of an app has nothing to be compared with",
        "CapgoVersionCrashesMore",
        AT,
        visits(ANDROID, app_crash=0.3),
    ),
    Case(
        "versions of the other platform are nothing to compare with",
        "CapgoVersionCrashesMore",
        AT,
        visits(before(IOS), rate=100) | visits(ANDROID, app_crash=0.3),
    ),
    Case(
        "visits of old clients, which report no crashes, do not make the other versions look better",
        "CapgoVersionCrashesMore",
        AT,
        visits(before(ANDROID), rate=20, app_crash=0.6)
        | visits(before(ANDROID), "nothing", rate=980, app_crash=0.6)
        | visits(ANDROID, app_crash=0.3),
    ),
    Case(
        "nor do they hide the crashes of the version",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY
        | visits(ANDROID, "nothing", rate=990, app_crash_native=0.3)
        | visits(ANDROID, "errors", rate=90, app_crash_native=0.3)
        | visits(ANDROID, app_crash_native=0.3),
        ANDROID,
    ),
    Case(
        "what the system kills for its memory, and renderers that are gone, are no crashes",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | visits(ANDROID, app_killed_low_memory=3, webview_render_process_gone=3, app_memory_warning=3),
    ),
    Case(
        "old exits, told by the first launches after a plugin upgrade, are counted under no version",
        "CapgoVersionCrashesMore",
        AT,
        HEALTHY | visits(ANDROID) | visits(ANDROID | {"version": "unknown"}, app_crash=8),
    ),
    Case(
        "beside the version that mends it, one that is known for a week looks worse, and is no news",
        "CapgoVersionCrashesMore",
        f"{WEEK + 92}m",
        {key: f"_x{WEEK} {values}" for key, values in (visits(ANDROID, app_crash=0.3) | HEALTHY).items()}
        | {f"capgo_version_first_seen_timestamp_seconds{{{_given(ANDROID)}}}": f"0x{WEEK + 120}"},
    ),
    Case(
        "nor is it where Prometheus was away a week ago, or was not there yet",
        "CapgoVersionCrashesMore",
        f"{WEEK + 92}m",
        {key: f"_x{WEEK} {values}" for key, values in (visits(ANDROID, app_crash=0.3) | HEALTHY).items()}
        | {f"capgo_version_first_seen_timestamp_seconds{{{_given(ANDROID)}}}": f"_x{WEEK} 0x120"},
    ),
    Case(
        "a version that came within the week is news, however long the app is known",
        "CapgoVersionCrashesMore",
        f"{WEEK + 92}m",
        {key: f"_x{WEEK} {values}" for key, values in (visits(ANDROID, app_crash=0.3) | HEALTHY).items()}
        | {
            f"capgo_version_first_seen_timestamp_seconds{{{_given(labels)}}}": f"_x{WEEK} {first}x120"
            for labels, first in ((before(ANDROID), 0), (ANDROID, 7200))
        },
        ANDROID,
    ),
    Case(
        "test devices crash without waking anybody",
        "CapgoVersionCrashesMore",
        AT,
        {
            key.replace("capgo_", "capgo_test_", 1): values
            for key, values in (HEALTHY | visits(ANDROID, app_crash=0.3)).items()
        },
    ),
]

CRASHING = [
    Case(
        "the first version of an app crashes in three visits of a hundred, and is compared with nothing",
        "CapgoVersionCrashing",
        AT,
        visits(ANDROID, app_crash=0.3),
        ANDROID,
    ),
    Case(
        "a version that crashes in a visit of two hundred is no alarm by itself",
        "CapgoVersionCrashing",
        AT,
        visits(ANDROID, rate=20, app_crash=0.1),
    ),
    Case("iOS has no level to be held against", "CapgoVersionCrashing", AT, visits(IOS, app_crash=0.4)),
    Case(
        "one crash in eight visits is no twelve percent",
        "CapgoVersionCrashing",
        AT,
        seldom(visits(ANDROID, rate=0.09), app_crash=1),
    ),
    Case(
        "versions beyond the budget, counted as one, are no version",
        "CapgoVersionCrashing",
        AT,
        visits(FOLDED, app_crash=0.3),
    ),
]

READY = [
    Case(
        "two launches of five stay white, and no device reports a failed update",
        "CapgoLaunchesNotReady",
        AT,
        launches(before(IOS), 50, 49) | launches(IOS, 5, 3),
        IOS,
    ),
    Case(
        "no launch of a version ever gets ready",
        "CapgoLaunchesNotReady",
        AT,
        launches(before(ANDROID), 50, 49) | of(ANDROID, app_launch_start=0.5),
        ANDROID,
    ),
    Case(
        "users who leave before the app is ready do so in all versions",
        "CapgoLaunchesNotReady",
        AT,
        launches(before(IOS), 50, 47) | launches(IOS, 5, 4.7),
    ),
    Case(
        "an app that never says that it is ready does so in all versions",
        "CapgoLaunchesNotReady",
        AT,
        of(before(IOS), app_launch_start=50) | of(IOS, app_launch_start=5),
    ),
    Case(
        "three launches of nine are too few to go by",
        "CapgoLaunchesNotReady",
        AT,
        launches(before(ANDROID), 50, 49) | launches(ANDROID, 0.1, 0.065),
    ),
    Case(
        "the first version of an app has nothing to be compared with",
        "CapgoLaunchesNotReady",
        AT,
        launches(IOS, 5, 3),
    ),
    Case(
        "clients that report no launches are no launches that never get ready",
        "CapgoLaunchesNotReady",
        AT,
        launches(before(ANDROID), 50, 49) | visits(ANDROID, "nothing", set=10),
    ),
]

ERRORS = [
    Case(
        "a version throws in every other visit, where others do in one of twenty",
        "CapgoScriptErrorsRising",
        AT,
        visits(before(IOS), rate=100, webview_javascript_error=5)
        | visits(IOS, webview_javascript_error=4, webview_unhandled_rejection=1),
        IOS,
    ),
    Case(
        "Androids too old to report crashes report errors of their pages",
        "CapgoScriptErrorsRising",
        AT,
        visits(before(ANDROID), "errors", rate=100, webview_javascript_error=5)
        | visits(ANDROID, "errors", webview_javascript_error=5),
        ANDROID,
    ),
    Case(
        "two pages that throw as many errors as a page may are no rise",
        "CapgoScriptErrorsRising",
        AT,
        visits(before(ANDROID), rate=100, webview_javascript_error=5)
        | seldom(visits(ANDROID, rate=1), webview_javascript_error=36),
    ),
    Case(
        "a version that throws as often as the others is no rise",
        "CapgoScriptErrorsRising",
        AT,
        visits(before(IOS), rate=100, webview_javascript_error=50) | visits(IOS, webview_javascript_error=5),
    ),
    Case(
        "resources that do not load, as in a tunnel, are no script errors",
        "CapgoScriptErrorsRising",
        AT,
        visits(before(IOS), rate=100) | visits(IOS, webview_resource_error=9),
    ),
]

SLOW = [
    Case(
        "three launches of ten take more than five seconds, where one of twenty-five did",
        "CapgoStartsSlower",
        AT,
        timed(before(ANDROID), 50, 2) | timed(ANDROID, 3, 0.9),
        ANDROID,
    ),
    Case(
        "launches that are a little slower are the first ones of a new bundle",
        "CapgoStartsSlower",
        AT,
        timed(before(ANDROID), 50, 2) | timed(ANDROID, 3, 0.27),
    ),
    Case(
        "where phones are slow, all versions are",
        "CapgoStartsSlower",
        AT,
        timed(before(ANDROID), 50, 15) | timed(ANDROID, 3, 0.9),
    ),
    Case(
        "the first version of an app has nothing to be compared with",
        "CapgoStartsSlower",
        AT,
        timed(ANDROID, 3, 0.9),
    ),
]

HEALTH = [*CRASHES, *CRASHING, *READY, *ERRORS, *SLOW]
