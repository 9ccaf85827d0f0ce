"""What one looks at when an exporter is to grow: budgets, memory, disk."""

from dashboards.generator import budgets
from dashboards.generator import thresholds as limits
from dashboards.generator.charts import bar_gauge, limit, limits_look, lines
from dashboards.generator.colors import BLUE, CYAN, MAGENTA, named
from dashboards.generator.panels import Panel, Query, stat, steps
from dashboards.generator.replicas import RATE
from dashboards.generator.selectors import own, process

_BUDGET = steps(("orange", limits.BUDGET_WARNING), ("red", 1))
_STATES = {
    'state="shown"': "on /metrics",
    'state="held"': "waiting for a scrape",
    'state="dormant"': "of versions out of use",
    'state="forgotten"': "of versions long gone",
}


def budget_panels() -> list[Panel]:
    return [
        bar_gauge(
            "Budgets used",
            "How much of each budget is in use, in the exporter where it is fullest: `label_values / label_limit`, "
            "`series` of the limit less what is kept for `__overflow__`, and `devices / devices_limit`. Beyond it "
            "names are counted under `__overflow__`, and those devices forgotten that were silent for longest. Good: "
            f"below {limits.BUDGET_WARNING:.0%}, where CapgoBudgetNearlyFull fires. Apps named by `--apps` have no "
            "limit.",
            (6, 7),
            Query(f"max by (label) ({budgets.used(own)})", "{{label}}"),
            unit="percentunit",
            thresholds=_BUDGET,
            top=1,
        ),
        lines(
            "Names asked for",
            "How many distinct values clients have asked for, of each label: `label_demand`. Good: flat, or a step "
            "for each release. Far above the budget: forged names, or a budget that is too small.",
            (5, 7),
            Query(f"max by (label) ({own('label_demand')})", "{{label}}"),
            unit="none",
            decimals=0,
            axis="distinct values",
            overrides=named({"app_id": CYAN, "version": BLUE}),
        ),
        bar_gauge(
            "Events in the ledger",
            "All events ever counted, by where their series are: on `/metrics`; waiting until Prometheus has seen the "
            "series at its former value; of versions out of use, which come back where they were; of versions long "
            "gone. Good: waiting is a passing few.",
            (8, 7),
            *(Query(f"sum({own('ledger_events', matcher)})", words) for matcher, words in _STATES.items()),
        ),
        stat(
            "Devices forgotten",
            "Devices forgotten within the time range, or not taken in, for lack of room: `devices_dropped_total`; "
            "the latter once for each of their posts. Their events count, but what is said of devices lacks them. "
            "Good: 0; else raise `--max-devices`.",
            (5, 7),
            Query(f"sum(increase({own('devices_dropped_total')}[$__range]))"),
            decimals=0,
            thresholds=steps(("orange", 0.5)),
            no_value="Not counted",
        ),
    ]


def resource_panels() -> list[Panel]:
    return [
        lines(
            "Processor",
            "Cores in use by the busiest exporter. One core is the most that Python makes of it. Good: below 0.7.",
            (6, 7),
            Query(f"max(sum by (instance) (rate({process('process_cpu_seconds_total')}[{RATE}])))", "busiest"),
            limit(1, "one core"),
            unit="none",
            decimals=2,
            axis="cores",
            overrides=[*named({"busiest": BLUE}), *limits_look(one="#c7c7d1")],
        ),
        lines(
            "Memory",
            "Resident memory of the largest and of the smallest exporter. Good: flat; it grows with series and with "
            "remembered events.",
            (6, 7),
            Query(f"max({process('process_resident_memory_bytes')})", "largest"),
            Query(f"min({process('process_resident_memory_bytes')})", "smallest"),
            unit="bytes",
            overrides=named({"largest": BLUE, "smallest": CYAN}),
        ),
        lines(
            "Ledgers on disk",
            "Bytes of all ledgers, their write-ahead logs included. Good: grows to a plateau; full disks make an "
            "exporter refuse posts.",
            (6, 7),
            Query(f"sum({own('ledger_bytes')})", "all"),
            unit="bytes",
            overrides=named({"all": BLUE}),
        ),
        lines(
            "File descriptors",
            "Open descriptors of those allowed, where they are fewest; each connection needs one. Good: below 50 %.",
            (6, 7),
            Query(f"max({process('process_open_fds')} / {process('process_max_fds')})", "fullest"),
            unit="percentunit",
            decimals=1,
            overrides=named({"fullest": MAGENTA}),
        ),
        stat(
            "Restarts",
            "Changes of the processes' start times within the time range. Good: 0, or one for each deployment.",
            (6, 4),
            Query(f"sum(changes({process('process_start_time_seconds')}[$__range])) or vector(0)"),
            decimals=0,
        ),
        stat(
            "Event log lines dropped",
            "Lines that the event log's writer could not keep up with; the events were counted. Good: 0.",
            (6, 4),
            Query(f"sum(increase({own('event_log_dropped_total')}[$__range])) or vector(0)"),
            decimals=0,
            thresholds=steps(("orange", 0.5)),
        ),
        stat(
            "Events in a post",
            "Mean of `batch_events`. Near 1: older plugins, one post an event. A rise after an outage: clients "
            "deliver what they kept.",
            (6, 4),
            Query(
                f"sum(increase({own('batch_events_sum')}[$__range])) / "
                f"(sum(increase({own('batch_events_count')}[$__range])) > 0)"
            ),
            decimals=1,
        ),
        stat(
            "Event series",
            "Event series on `/metrics` of all exporters, which is what Prometheus has to store.",
            (6, 4),
            Query(f"sum({own('series')})"),
            decimals=0,
        ),
    ]
