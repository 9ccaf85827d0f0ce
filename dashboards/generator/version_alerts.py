"""When somebody should look at an app, or at one of its versions."""

from typing import Final

from dashboards.generator import dashboard
from dashboards.generator import thresholds as limits
from dashboards.generator.alert import Alert, Severity
from dashboards.generator.recording import of_version
from dashboards.generator.recordings import DOWNLOADS_WORSE, STUCK, WORSE, of_app, surely_of_version
from dashboards.generator.selectors import EVENTS, JOB, NAMED_APPS, selector
from dashboards.generator.timescale import Timescale


def version_alerts(scale: Timescale) -> list[Alert]:
    return [
        _failing(scale),
        _worse(scale),
        _lost(scale),
        _losing_more(scale),
        _stuck(scale),
        _silent(scale),
        *_burning(scale),
    ]


def _failing(scale: Timescale) -> Alert:
    attempts, failures = of_version("update_attempts", "1h"), of_version("update_failures", "1h")
    return Alert(
        "CapgoUpdatesFailing",
        "critical",
        surely_of_version("updates_failed"),
        ">",
        limits.FAILED_BAD,
        (f"{attempts} >= {limits.MIN_EVENTS}", f"{failures} >= {limits.MIN_FAILURES}"),
        scale("5m"),
        "<app_id> <version> on <platform>: updates fail",
        "At least <value:humanizePercentage> of the attempts of the last hour failed (95 % confidence). Consider "
        "stopping the rollout.",
        dashboard.ROLLOUT,
        "What failed, and where",
        ("app_id", "version"),
        "Stop the rollout; Rollout names the platform and the kind",
    )


def _worse(scale: Timescale) -> Alert:
    attempts, failures = of_version("update_attempts", "1h"), of_version("update_failures", "1h")
    base_attempts = of_version("other_update_attempts", "1d")
    return Alert(
        "CapgoVersionWorse",
        "warning",
        WORSE,
        ">",
        limits.TIMES_OTHERS_BAD,
        (
            f"{attempts} >= {limits.MIN_EVENTS}",
            f"{base_attempts} >= {limits.MIN_EVENTS}",
            f"{failures} >= {limits.MIN_FAILURES}",
        ),
        scale("10m"),
        "<app_id> <version> on <platform>: fails more than the other versions",
        "Its failed share of the last hour is surely <value:humanize> times that of the app's other versions on the "
        f"same platform over a day (and {limits.FAILED_FLOOR:.1%}).",
        dashboard.ROLLOUT,
        "Worse than the baseline?",
        ("app_id", "version"),
        "Hold the rollout; Rollout compares the failures",
    )


def _lost(scale: Timescale) -> Alert:
    begun = of_version("downloads_started", "1h")
    return Alert(
        "CapgoDownloadsNotFinishing",
        "warning",
        surely_of_version("downloads_lost"),
        ">",
        limits.UNFINISHED_BAD,
        (f"{begun} >= {limits.MIN_EVENTS}",),
        scale("15m"),
        "<app_id> <version> on <platform>: downloads do not finish",
        "At least <value:humanizePercentage> of the downloads begun within the last hour did not complete (95 % "
        "confidence).",
        dashboard.DOWNLOADS,
        "Downloads by version and platform",
        ("app_id", "version", "platform"),
        "Below 70 %: old plugins only, or the server? Above: the bundle",
    )


def _losing_more(scale: Timescale) -> Alert:
    return Alert(
        "CapgoDownloadsWorse",
        "warning",
        DOWNLOADS_WORSE,
        ">",
        limits.TIMES_OTHERS_BAD,
        (
            f"{of_version('downloads_started', '6h')} >= {limits.MIN_EVENTS}",
            f"{of_version('downloads_lost', '6h')} >= {limits.MIN_LOST}",
            f"{of_version('other_downloads_started', '1d')} >= {limits.MIN_EVENTS}",
        ),
        scale("15m"),
        "<app_id> <version> on <platform>: loses more downloads than the other versions",
        "Its lost share of the last six hours is surely <value:humanize> times that of the app's other versions on "
        f"the same platform over a day (and {limits.LOST_FLOOR:.0%}).",
        dashboard.ROLLOUT,
        "Where downloads stop",
        ("app_id", "version"),
        "Below 70 %: old plugins only, or the server? Above: the bundle",
    )


def _stuck(scale: Timescale) -> Alert:
    return Alert(
        "CapgoDevicesStuck",
        "warning",
        surely_of_version("devices_stuck", "1d"),
        ">",
        limits.STUCK_BAD,
        (
            f"{STUCK} >= {limits.MIN_STUCK}",
            f"{of_version('devices_installed', '1d')} >= {limits.MIN_EVENTS}",
        ),
        scale("1h"),
        "<app_id> <version> on <platform>: devices are stuck",
        "At least <value:humanizePercentage> of the devices that tried it have stood at a download or a failure for a "
        "day (95 % confidence).",
        dashboard.ROLLOUT,
        "Where its devices stand now",
        ("app_id", "version"),
        "Rollout: do they stop at a download, or fail? Then as for that",
    )


def _silent(scale: Timescale) -> Alert:
    def hour(offset: str = "") -> str:
        return f"sum by (app_id) (increase({selector(EVENTS, NAMED_APPS)}[{scale('1h')}]{offset}))"

    # Weekends are quiet, and the days after them are not: so the same day of the week, where that is known.
    usual = " or ".join(hour(f" offset {scale(ago)}") for ago in ("7d", "1d"))
    return Alert(
        "CapgoAppSilent",
        "warning",
        # A new ledger has no counter of an app that never reached it; nor has one that is down, which is told of.
        f"({hour()} or ({usual}) * 0 and on () group({selector('up', JOB)} == 1))",
        "<",
        1,
        (f"({usual}) > 100",),
        scale("15m"),
        "<app_id>: no events for an hour",
        "There were more than 100 in the same hour a week ago (or yesterday, if the app was not there yet). Either "
        "nobody uses it, or its posts no longer arrive.",
        dashboard.OVERVIEW,
        "Since the last event",
        ("app_id",),
        "Do other apps report? If so: statsUrl, domain, certificate",
    )


_BURNS: Final[tuple[tuple[str, Severity, float, str, str, str], ...]] = (
    ("CapgoErrorBudgetBurningFast", "critical", 14.4, "1h", "5m", "2m"),
    ("CapgoErrorBudgetBurning", "critical", 6.0, "6h", "30m", "15m"),
    ("CapgoErrorBudgetBurningSlowly", "warning", 1.0, "3d", "6h", "1h"),
)
"""Name, severity, burn rate, long and short window, wait: the multi-window alerts of the SRE Workbook, chapter 5."""


def _burning(scale: Timescale) -> list[Alert]:
    return [_burn(scale, name, severity, rate, long, short, wait) for name, severity, rate, long, short, wait in _BURNS]


def _burn(scale: Timescale, name: str, severity: Severity, rate: float, long: str, short: str, wait: str) -> Alert:
    def burned(window: str) -> str:
        return f"{of_app('update_failures', window)} / {of_app('update_attempts', window)} / {1 - limits.OBJECTIVE:g}"

    attempts, failures = of_app("update_attempts", long), of_app("update_failures", long)
    return Alert(
        name,
        severity,
        burned(long),
        ">",
        rate,
        (
            f"{burned(short)} > {rate:g}",
            f"{attempts} >= {limits.MIN_EVENTS}",
            f"{failures} >= {limits.MIN_FAILURES}",
        ),
        scale(wait),
        "<app_id>: failed updates use up the error budget",
        f"Over {long} the app's updates failed <value:humanize> times as often as the {limits.OBJECTIVE:.0%} "
        f"objective allows, and over the last {short} still more than {rate:g} times.",
        dashboard.OVERVIEW,
        "Surely worst",
        ("app_id",),
        "Overview names the version; then as for CapgoUpdatesFailing",
    )
