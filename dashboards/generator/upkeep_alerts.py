"""Alerts for whoever keeps the exporter running: nothing is lost from the counters, but something is neglected."""

from typing import Final

from dashboards.generator import dashboard
from dashboards.generator.alert import Alert
from dashboards.generator.selectors import JOB, selector, watched
from dashboards.generator.timescale import Timescale, seconds

_WINDOW: Final = "30m"
"""In which scrapes are counted. Neither it nor the wait is ever divided: the hold is in real seconds."""


def upkeep_alerts(scale: Timescale, backup_within: str | None) -> list[Alert]:
    return [_not_logged(scale), _hold_too_short(), *([_not_copied(backup_within)] if backup_within else [])]


def _not_logged(scale: Timescale) -> Alert:
    return Alert(
        "CapgoEventLogDropping",
        "warning",
        f"sum by (instance) (increase({watched('event_log_dropped_total')}[{scale('15m')}]))",
        ">",
        0,
        (),
        scale("5m"),
        "The exporter <instance> loses lines of its event log",
        "<value:humanize> lines of the last 15 minutes are missing. Their events were counted all the same.",
        dashboard.EXPORTER,
        "Exporters",
        first_step="Look for event_log_unwritable in the exporter's log",
    )


def _hold_too_short() -> Alert:
    # As many scrapes as the best half hour had: a Prometheus or an exporter that was away had fewer.
    scrapes = f"max_over_time(count_over_time({selector('up', JOB)}[{_WINDOW}])[2h:10m])"
    return Alert(
        "CapgoHoldTooShort",
        "warning",
        f"{watched('zero_hold_seconds')} * {scrapes} / {2 * seconds(_WINDOW)}",
        "<",
        1,
        (),
        "40m",
        "The exporter <instance> holds new series for less than two scrapes",
        "--zero-hold is only <value:humanize> times as long as two scrape intervals, so Prometheus misses the first "
        "events of new versions.",
        dashboard.EXPORTER,
        "Exporters",
        first_step="Raise --zero-hold, or scrape more often",
    )


def _not_copied(within: str) -> Alert:
    copied = watched("last_backup_timestamp_seconds")
    return Alert(
        "CapgoBackupMissing",
        "warning",
        f"time() - {copied}",
        ">",
        seconds(within),
        (f"last_over_time({copied}[1d] offset {within})",),  # a new exporter has that much time for its first copy
        "15m",
        f"The ledger of the exporter <instance> was not copied within {within}",
        "The newest copy was handed over <value:humanizeDuration> ago; if that is decades, there never was one.",
        dashboard.EXPORTER,
        "Exporters",
        first_step="What did the backup's last run say?",
    )
