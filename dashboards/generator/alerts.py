"""When somebody should look: each alert once, for Prometheus' rule files and for Grafana's own rules.

Both forms evaluate the same text, made of exporter metrics and of what `recordings` prepares.
"""

from dashboards.generator import budgets, dashboard
from dashboards.generator import thresholds as limits
from dashboards.generator.alert import Alert, Group
from dashboards.generator.health_alerts import health_alerts
from dashboards.generator.selectors import JOB, selector, watched
from dashboards.generator.timescale import Timescale
from dashboards.generator.upkeep_alerts import upkeep_alerts
from dashboards.generator.version_alerts import version_alerts


def groups(scale: Timescale, backup_within: str | None = None) -> list[Group]:
    """All of them; that about backups only where they have to be made within some time, such as `36h`."""
    return [
        Group("live-updates", version_alerts(scale)),
        Group("live-updates-health", health_alerts(scale)),
        Group("capgo-exporter", [*_state(scale), *_losing(scale), _full(scale), _duplicates(scale), _slow(scale)]),
        Group("capgo-exporter-upkeep", upkeep_alerts(scale, backup_within)),
    ]


def _state(scale: Timescale) -> list[Alert]:
    up = selector("up", JOB)
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
            "Exporters",
            first_step="Is the process running? Its log says why not",
        ),
        Alert(
            "CapgoExporterNotReady",
            "critical",
            watched("ready"),
            "<",
            1,
            (),
            scale("5m"),
            "The exporter <instance> does not take events",
            "It can't write its ledger and answers 503. Current plugins send again each second; older ones lose "
            "their events.",
            dashboard.EXPORTER,
            "Ready",
            first_step="Look at the disk: full, read-only, gone?",
        ),
        Alert(
            "CapgoCommitsFailing",
            "critical",
            f"sum by (instance) (increase({watched('commit_errors_total')}[{scale('15m')}]))",
            ">",
            0,
            (),
            scale("1m"),
            "The exporter <instance> fails to write its ledger",
            "<value:humanize> commits failed within 15 minutes; nothing of them was counted and clients were told to "
            "retry. A full disk?",
            dashboard.EXPORTER,
            "Commits failed",
            first_step="Look at the disk, and at the exporter's log",
        ),
    ]


def _losing(scale: Timescale) -> list[Alert]:
    window = scale("15m")

    def part(counter: str, by: str, whole: str) -> tuple[str, str]:
        some = f"sum by ({by}) (increase({watched(counter)}[{window}]))"
        every = f"sum by (instance) (increase({watched(whole)}[{window}]))"
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
            "Turned away or set aside",
            first_step="Exporter names the reason; overloaded: machine or disk",
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
            "Turned away or set aside",
            first_step="Exporter names the reason; is an app missing in --apps?",
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
            "Turned away or set aside",
            first_step="Raise the budget that is full, or name your --apps",
        ),
    ]


def _not_stored(scale: Timescale) -> Alert:
    return Alert(
        "CapgoEventStoreDropping",
        "warning",
        f"sum by (instance, reason) (increase({watched('event_store_dropped_total')}[{scale('15m')}]))",
        ">",
        0,
        (),
        scale("5m"),
        "The exporter <instance> loses events on their way to the log store: <reason>",
        "<value:humanize> events of the last 15 minutes will not be found in *Events*. They were counted all the same.",
        dashboard.EXPORTER,
        "Lost on the way to the log store",
        first_step="Is the log store up? Exporter names the reason",
    )


def _full(scale: Timescale) -> Alert:
    return Alert(
        "CapgoBudgetNearlyFull",
        "warning",
        f"({budgets.used(watched)})",
        ">",
        limits.BUDGET_WARNING,
        (),
        scale("30m"),
        "The exporter <instance> has nearly used up its budget: <label>",
        "<value:humanizePercentage> are in use; beyond it names are counted under __overflow__, and devices forgotten.",
        dashboard.EXPORTER,
        "Fullest budget",
        first_step="Raise --max-versions, --max-apps, --max-series or --max-devices",
    )


def _duplicates(scale: Timescale) -> Alert:
    def count(counter: str) -> str:
        return f"sum by (instance) (increase({watched(counter)}[{scale('15m')}]))"

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
        "Retries",
        first_step="Do replies reach the clients? Look at proxies' timeouts",
    )


def _slow(scale: Timescale) -> Alert:
    buckets = f"sum by (instance, le) (rate({watched('commit_seconds_bucket')}[{scale('15m')}]))"
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
        first_step="Look at the disk: slow, or shared?",
    )
