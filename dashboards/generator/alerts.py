"""When somebody should look: each alert once, for Prometheus' rule files and for Grafana's own rules.

Both forms evaluate the same text, made of exporter metrics and of what `recordings` prepares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dashboards.generator import budgets, dashboard
from dashboards.generator import thresholds as limits
from dashboards.generator.recordings import WORSE, of_app, of_version, surely_of_version
from dashboards.generator.selectors import EVENTS, EXPORTER, JOB_NAME, NAMED_APPS, selector
from dashboards.generator.timescale import Timescale

_JOB: Final = f'job="{JOB_NAME}"'


@dataclass(frozen=True)
class Alert:
    """Fires for each series whose `value` lies beyond the threshold, where the `guards` hold, for some time.

    In `summary` and `description`, `<value:format>` is the value and `<label>` a label.
    """

    name: str
    severity: Literal["critical", "warning"]
    value: str
    comparison: Literal[">", "<"]
    threshold: float
    guards: tuple[str, ...]
    wait: str
    summary: str
    description: str
    dashboard: str
    panel: str
    variables: tuple[str, ...] = ()
    """Labels that fill in the dashboard's variables of the same names."""

    @property
    def guarded(self) -> str:
        """The value where the guards hold."""
        return "\nand ".join((self.value, *self.guards))

    @property
    def expr(self) -> str:
        """The condition as one expression of PromQL."""
        return "\nand ".join((f"{self.value} {self.comparison} {self.threshold:g}", *self.guards))


@dataclass(frozen=True)
class Group:
    name: str
    alerts: Sequence[Alert]


def groups(scale: Timescale) -> list[Group]:
    return [
        Group("live-updates", [_failing(scale), _worse(scale), _unfinished(scale), _silent(scale), *_burning(scale)]),
        Group("capgo-exporter", [*_state(scale), *_losing(scale), _full(scale), _duplicates(scale), _slow(scale)]),
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
        "Failed updates",
        ("app_id", "version"),
    )


def _worse(scale: Timescale) -> Alert:
    attempts, failures = of_version("update_attempts", "1h"), of_version("update_failures", "1h")
    base_attempts = of_version("other_update_attempts", "1d")
    return Alert(
        "CapgoVersionWorse",
        "warning",
        WORSE,
        ">",
        limits.WORSE_SURELY,
        (
            f"{attempts} >= {limits.MIN_EVENTS}",
            f"{base_attempts} >= {limits.MIN_EVENTS}",
            f"{failures} >= {limits.MIN_FAILURES}",
        ),
        scale("10m"),
        "<app_id> <version> on <platform>: fails more than the other versions",
        "Its failed share of the last hour lies <value:humanize> standard deviations above that of the app's other "
        "versions on the same platform over a day.",
        dashboard.ROLLOUT,
        "Worse than baseline?",
        ("app_id", "version"),
    )


def _unfinished(scale: Timescale) -> Alert:
    begun = of_version("downloads_started", "1h")
    return Alert(
        "CapgoDownloadsNotFinishing",
        "warning",
        surely_of_version("downloads_unfinished"),
        ">",
        limits.UNFINISHED_BAD,
        (f"{begun} >= {limits.MIN_EVENTS}",),
        scale("15m"),
        "<app_id> <version> on <platform>: downloads do not finish",
        "At least <value:humanizePercentage> of the downloads begun within the last hour did not complete (95 % "
        "confidence).",
        dashboard.DOWNLOADS,
        "Where downloads stop",
        ("app_id", "version", "platform"),
    )


def _silent(scale: Timescale) -> Alert:
    events = selector(EVENTS, NAMED_APPS)
    now = f"sum by (app_id) (increase({events}[{scale('1h')}]))"
    yesterday = f"sum by (app_id) (increase({events}[{scale('1h')}] offset {scale('1d')}))"
    return Alert(
        "CapgoAppSilent",
        "warning",
        now,
        "<",
        1,
        (f"{yesterday} > 100",),
        scale("15m"),
        "<app_id>: no events for an hour",
        "There were more than 100 in the same hour yesterday. Either nobody uses the app, or its posts no longer "
        "arrive.",
        dashboard.OVERVIEW,
        "Since the last event",
        ("app_id",),
    )


_BURNS: Final = (
    ("CapgoErrorBudgetBurningFast", "critical", 14.4, "1h", "5m", "2m"),
    ("CapgoErrorBudgetBurning", "critical", 6.0, "6h", "30m", "15m"),
    ("CapgoErrorBudgetBurningSlowly", "warning", 1.0, "3d", "6h", "1h"),
)
"""Name, severity, burn rate, long and short window, wait: the multi-window alerts of the SRE Workbook, chapter 5."""


def _burning(scale: Timescale) -> list[Alert]:
    return [
        _burn(scale, name, "critical" if severity == "critical" else "warning", rate, long, short, wait)
        for name, severity, rate, long, short, wait in _BURNS
    ]


def _burn(
    scale: Timescale, name: str, severity: Literal["critical", "warning"], rate: float, long: str, short: str, wait: str
) -> Alert:
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
        "Failed updates",
        ("app_id",),
    )


def _own(name: str, *matchers: str) -> str:
    return selector(f"{EXPORTER}_{name}", _JOB, *matchers)


def _state(scale: Timescale) -> list[Alert]:
    up = selector("up", _JOB)
    return [
        Alert(
            "CapgoExporterDown",
            "critical",
            f"({up} or absent({up}) - 1)",
            "<",
            1,
            (),
            scale("5m"),
            "The exporter <instance> is down",
            "Prometheus can't scrape it, or knows of none. Current plugins keep their events and send them when it "
            "is back; older ones lose them.",
            dashboard.EXPORTER,
            "Scraped",
        ),
        Alert(
            "CapgoExporterNotReady",
            "critical",
            _own("ready"),
            "<",
            1,
            (),
            scale("5m"),
            "The exporter <instance> does not take events",
            "It can't write its ledger and answers 503. Current plugins send again each second; older ones lose "
            "their events.",
            dashboard.EXPORTER,
            "Ready",
        ),
        Alert(
            "CapgoCommitsFailing",
            "critical",
            f"sum by (instance) (increase({_own('commit_errors_total')}[{scale('15m')}]))",
            ">",
            0,
            (),
            scale("1m"),
            "The exporter <instance> fails to write its ledger",
            "<value:humanize> commits failed within 15 minutes; nothing of them was counted and clients were told to "
            "retry. A full disk?",
            dashboard.EXPORTER,
            "Commits failed",
        ),
    ]


def _losing(scale: Timescale) -> list[Alert]:
    window = scale("15m")

    def part(counter: str, by: str, whole: str) -> tuple[str, str]:
        some = f"sum by ({by}) (increase({_own(counter)}[{window}]))"
        every = f"sum by (instance) (increase({_own(whole)}[{window}]))"
        matching = "" if by == "instance" else "on (instance) group_left () "
        return f"{some} / {matching}({every} > 0)", f"{some} > 10"

    refused, some_refused = part("requests_refused_total", "instance, reason", "requests_total")
    rejected, some_rejected = part("events_rejected_total", "instance, reason", "events_received_total")
    folded, some_folded = part("events_folded_total", "instance, label", "events_received_total")
    return [
        _not_stored(scale),
        Alert(
            "CapgoRequestsRefused",
            "warning",
            refused,
            ">",
            limits.REFUSED_BAD,
            (some_refused,),
            scale("10m"),
            "The exporter <instance> refuses posts: <reason>",
            "<value:humanizePercentage> of the posts of the last 15 minutes were refused as a whole for this reason.",
            dashboard.EXPORTER,
            "Requests refused",
        ),
        Alert(
            "CapgoEventsRejected",
            "warning",
            rejected,
            ">",
            limits.REJECTED_BAD,
            (some_rejected,),
            scale("10m"),
            "The exporter <instance> can't count events: <reason>",
            "<value:humanizePercentage> of the events of the last 15 minutes were rejected for this reason.",
            dashboard.EXPORTER,
            "Events rejected",
        ),
        Alert(
            "CapgoEventsFolding",
            "warning",
            folded,
            ">",
            limits.FOLDED_BAD,
            (some_folded,),
            scale("10m"),
            "The exporter <instance> folds events: <label>",
            "<value:humanizePercentage> of the events of the last 15 minutes were counted under __overflow__ instead "
            "of their own <label>.",
            dashboard.EXPORTER,
            "Events folded",
        ),
    ]


def _not_stored(scale: Timescale) -> Alert:
    return Alert(
        "CapgoEventStoreDropping",
        "warning",
        f"sum by (instance, reason) (increase({_own('event_store_dropped_total')}[{scale('15m')}]))",
        ">",
        0,
        (),
        scale("5m"),
        "The exporter <instance> loses events on their way to the log store: <reason>",
        "<value:humanize> events of the last 15 minutes will not be found in *Events*. They were counted all the same.",
        dashboard.EXPORTER,
        "Lost on the way to the log store",
    )


def _full(scale: Timescale) -> Alert:
    series = f'label_replace({budgets.series_used(_own)}, "label", "series", "", "")'
    return Alert(
        "CapgoBudgetNearlyFull",
        "warning",
        f"({budgets.labels_used(_own)} or {series})",
        ">",
        limits.BUDGET_WARNING,
        (),
        scale("30m"),
        "The exporter <instance> has nearly used up its budget: <label>",
        "<value:humanizePercentage> of the budget are in use; beyond it new names are counted under __overflow__.",
        dashboard.EXPORTER,
        "Budgets used",
    )


def _duplicates(scale: Timescale) -> Alert:
    def count(counter: str) -> str:
        return f"sum by (instance) (increase({_own(counter)}[{scale('15m')}]))"

    return Alert(
        "CapgoDuplicatesSurging",
        "warning",
        f"{count('events_duplicate_total')} / ({count('events_received_total')} > 0)",
        ">",
        limits.DUPLICATES_BAD,
        (f"{count('events_duplicate_total')} > 100",),
        scale("15m"),
        "The exporter <instance> receives many retries",
        "<value:humanizePercentage> of the events of the last 15 minutes had been counted before: replies do not "
        "reach the clients.",
        dashboard.EXPORTER,
        "Duplicates",
    )


def _slow(scale: Timescale) -> Alert:
    buckets = f"sum by (instance, le) (rate({_own('commit_seconds_bucket')}[{scale('15m')}]))"
    return Alert(
        "CapgoCommitsSlow",
        "warning",
        f"histogram_quantile(0.99, {buckets})",
        ">",
        limits.COMMIT_SECONDS_BAD,
        (),
        scale("15m"),
        "The exporter <instance> writes its ledger slowly",
        "One commit in a hundred takes longer than <value:humanizeDuration>. A slow or crowded disk; soon it will "
        "refuse posts.",
        dashboard.EXPORTER,
        "Time to commit",
    )
