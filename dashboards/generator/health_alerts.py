"""When somebody should look at a version that installs fine: five alerts, most of them by comparison."""

from typing import Final

from dashboards.generator import dashboard
from dashboards.generator import thresholds as limits
from dashboards.generator.alert import Alert, Severity
from dashboards.generator.health_measures import CRASHES, ERRORS, NOT_READY, SLOW, Measure
from dashboards.generator.health_recordings import SURELY_ON_ANDROID, others_of, part_of, times_others, whole_of
from dashboards.generator.selectors import BUNDLES, FIRST_SEEN, selector
from dashboards.generator.timescale import Timescale, seconds

FINDINGS: Final = "Worse than the other versions"
"""The panel of Health that all of them lead to."""


_NEWS: Final = "7d"
"""How long a version is looked at: beside the one that mends it, the one before would look worse."""


def health_alerts(scale: Timescale) -> list[Alert]:
    return [_crashes_more(scale), _not_ready(scale), _crashing(scale), _errors_rising(scale), _starts_slower(scale)]


def _crashes_more(scale: Timescale) -> Alert:
    return _worse(
        scale,
        CRASHES,
        "CapgoVersionCrashesMore",
        "critical",
        "10m",
        "crashes more than the other versions",
        "of its visits ended in a crash",
        "It installed fine, so nothing rolls it back. Consider stopping the rollout.",
        "Stop the rollout; Health says how it crashes",
    )


def _not_ready(scale: Timescale) -> Alert:
    return _worse(
        scale,
        NOT_READY,
        "CapgoLaunchesNotReady",
        "critical",
        "10m",
        "does not come up",
        "of its launches never got ready (a white screen, a hang)",
        "It may be that no device reports a failed update. Consider stopping the rollout.",
        "Stop the rollout; Health shows the launches",
    )


def _errors_rising(scale: Timescale) -> Alert:
    return _worse(
        scale,
        ERRORS,
        "CapgoScriptErrorsRising",
        "warning",
        "15m",
        "throws more than the other versions",
        "script errors came in a visit to it",
        "The event log has their messages.",
        "Hold the rollout; the event log has the messages",
    )


def _starts_slower(scale: Timescale) -> Alert:
    return _worse(
        scale,
        SLOW,
        "CapgoStartsSlower",
        "warning",
        "30m",
        "starts slower than the other versions",
        "of its launches took more than five seconds",
        "What does it do before it calls notifyAppReady?",
        "Hold the rollout; Health shows whether it fades",
    )


def _worse(
    scale: Timescale,
    measure: Measure,
    name: str,
    severity: Severity,
    wait: str,
    summary: str,
    what: str,
    advice: str,
    first_step: str,
) -> Alert:
    return Alert(
        name,
        severity,
        times_others(measure),
        ">",
        limits.TIMES_OTHERS_BAD,
        (*_enough(measure), f"{others_of(measure.of)} >= {measure.min_others}\nunless {_known(scale)}"),
        scale(wait),
        f"<app_id> <version> on <platform>: {summary}",
        f"Within six hours surely <value:humanize> times as many {what} as in the app's other versions on this "
        f"platform within a day, with {measure.floor:.1%} added to theirs. {advice}",
        dashboard.HEALTH,
        FINDINGS,
        ("app_id", "version"),
        first_step,
    )


def _known(scale: Timescale) -> str:
    """The versions that are no news, also where Prometheus was away a week ago, or not there yet."""
    first_seen = f"min by (app_id, platform, version) ({selector(FIRST_SEEN, BUNDLES)})"
    return f"{first_seen} < time() - {seconds(scale(_NEWS))}"


def _crashing(scale: Timescale) -> Alert:
    """Needs no other version; not for iOS, where a force quit of the app is called a crash."""
    return Alert(
        "CapgoVersionCrashing",
        "warning",
        SURELY_ON_ANDROID,
        ">",
        limits.CRASHING,
        _enough(CRASHES),
        scale("10m"),
        "<app_id> <version> on <platform>: crashes",
        "At least <value:humanizePercentage> of the visits to it of the last six hours ended in a crash (95 % "
        "confidence). If the other versions crash as often, the cause is not this bundle.",
        dashboard.HEALTH,
        FINDINGS,
        ("app_id", "version"),
        "Health: if the baseline crashes as often, it is not this bundle",
    )


def _enough(measure: Measure) -> tuple[str, str]:
    return f"{whole_of(measure)} >= {measure.min_whole}", f"{part_of(measure)} >= {measure.min_part}"
