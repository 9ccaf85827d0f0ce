"""The dashboard Exporter: can the counts be trusted?"""

from dashboards.generator import budgets
from dashboards.generator import thresholds as limits
from dashboards.generator.dashboard import EXPORTER, Row, dashboard
from dashboards.generator.panels import Column, Json, Panel, Query, bar_gauge, lines, names, stat, steps, table
from dashboards.generator.selectors import own, process
from dashboards.generator.variables import EXPORTER_SCOPE

_BUDGET = steps(("orange", limits.BUDGET_WARNING), ("red", 1))
_RATE = "$__rate_interval"
_UP = {"0": ("down", "red"), "1": ("up", "green")}
_READY = {"0": ("not ready", "red"), "1": ("ready", "green")}
_ZERO_GOOD = steps(("orange", 0.5))


def exporter() -> Json:
    return dashboard(
        EXPORTER,
        "Exporter",
        "The exporters themselves: do they take every event, how fast, and how full are their budgets.",
        [
            Row("Is it up and taking events?", _health()),
            Row("What comes in, and what becomes of it?", _intake()),
            Row("Does it turn anything away?", _losses()),
            Row("Does the log store get its events?", _event_store()),
            Row("Is it fast?", _speed()),
            Row("How full are its budgets?", _budgets()),
            Row("What does it use?", _process()),
        ],
        EXPORTER_SCOPE,
        since="now-6h",
    )


def _health() -> list[Panel]:
    return [
        stat(
            "Scraped",
            "Whether the last scrape of each exporter was answered: `up`. While it loads its ledger it answers 503. "
            "Good: up.",
            (5, 5),
            Query(process("up"), "{{instance}}"),
            named=True,
            mappings=names(_UP),
            no_value="No exporter",
        ),
        stat(
            "Ready",
            "Whether posts can be counted: `capgo_exporter_ready`. Not ready: the ledger can't be written, clients "
            "are told to retry. Good: ready.",
            (5, 5),
            Query(own("ready"), "{{instance}}"),
            named=True,
            mappings=names(_READY),
            no_value="No exporter",
        ),
        stat(
            "Restarts",
            "Changes of the process' start time within the time range. Good: 0, or one for each deployment. Counts "
            "survive them.",
            (3, 5),
            Query(f"sum(changes({process('process_start_time_seconds')}[$__range])) or vector(0)"),
            decimals=0,
        ),
        stat(
            "Commits failed",
            "Writes to the ledger that failed within the time range; their events were refused with 503 and nothing "
            "of them was counted. Good: 0.",
            (3, 5),
            Query(f"sum(increase({own('commit_errors_total')}[$__range])) or vector(0)"),
            decimals=0,
            thresholds=_ZERO_GOOD,
        ),
        table(
            "Exporters",
            "The version of each exporter and the time since its process started: `build_info` and `time() - process "
            "start`.",
            (8, 5),
            {"instance": "Instance", "version": "Release"},
            [
                Column(
                    "Running for",
                    f"max by (instance, version) ({own('build_info')} * on (job, instance) group_left () (time() - "
                    f"{process('process_start_time_seconds')}))",
                    "s",
                    1,
                    width=120,
                )
            ],
            sort="Running for",
            widths={"Release": 90},
        ),
    ]


def _intake() -> list[Panel]:
    fates = {
        "counted": total_rate("events_counted_total"),
        "duplicate": total_rate("events_duplicate_total"),
        "rejected": total_rate("events_rejected_total"),
        "ignored": total_rate("events_ignored_total"),
    }
    return [
        lines(
            "Events by fate",
            "Events received a second, by what became of them: counted, duplicate (a retry of a counted one), "
            "rejected (can't be counted), ignored (known to say nothing). Together they are all that was received. "
            "Good: counted is nearly all.",
            (10, 8),
            *(Query(expr, fate) for fate, expr in fates.items()),
            unit="eps",
            stacked=True,
            calcs=("lastNotNull", "max"),
            colors={"A": "green", "B": "blue", "C": "red", "D": "#8e8e8e"},
        ),
        lines(
            "Posts by reply",
            "Posts answered a second on the public port, by status code. Good: 200. 429 and 503: overload or a "
            "ledger that can't be written; other 4xx: something that is no client of the plugin.",
            (8, 8),
            Query(f"sum by (code) (rate({own('requests_total')}[{_RATE}]))", "{{code}}"),
            unit="reqps",
        ),
        stat(
            "Events in a post",
            "Mean of `batch_events`. Near 1: older plugins, one post an event. A rise after an outage: clients "
            "deliver what they kept.",
            (3, 8),
            Query(
                f"sum(increase({own('batch_events_sum')}[$__range])) / "
                f"(sum(increase({own('batch_events_count')}[$__range])) > 0)"
            ),
            decimals=1,
        ),
        stat(
            "Duplicates",
            "Duplicates' share of events received within the time range. They cost nothing but work; a surge means "
            f"that replies do not reach the clients. Good: below {limits.DUPLICATES_BAD:.0%}.",
            (3, 8),
            Query(_share_of_received("events_duplicate_total")),
            unit="percentunit",
            decimals=1,
            thresholds=steps(("orange", limits.DUPLICATES_BAD / 2), ("red", limits.DUPLICATES_BAD)),
            no_value="No events",
        ),
    ]


def total_rate(counter: str) -> str:
    return f"sum(rate({own(counter)}[{_RATE}]))"


def _share_of_received(counter: str) -> str:
    received = f"sum(increase({own('events_received_total')}[$__range]))"
    return f"sum(increase({own(counter)}[$__range])) / ({received} > 0)"


def _losses() -> list[Panel]:
    def over_range(counter: str, label: str) -> Query:
        return Query(f"sort_desc(sum by ({label}) (increase({own(counter)}[$__range])))", f"{{{{{label}}}}}")

    return [
        bar_gauge(
            "Requests refused",
            "Posts refused as a whole, by reason; none of their events was counted. `overloaded` and "
            "`storage_unavailable` are sent again by current plugins, everything else is lost with its sender's "
            "mistake. Good: 0.",
            (8, 9),
            over_range("requests_refused_total", "reason"),
            long_names=True,
        ),
        bar_gauge(
            "Events rejected",
            "Events that can't be counted, by reason; their neighbours in the same post were. Good: 0 from real "
            "clients.",
            (8, 9),
            over_range("events_rejected_total", "reason"),
            long_names=True,
        ),
        bar_gauge(
            "Events ignored",
            "Events known to say nothing, by reason: `download_fail` of old plugins, sent at every launch without an "
            "update.",
            (8, 9),
            over_range("events_ignored_total", "reason"),
            long_names=True,
        ),
        bar_gauge(
            "Events folded",
            "Events counted under `__overflow__` because a budget was full or too many versions were born at once, "
            "by the label that was folded. They are in every sum, but not under their own name. Good: 0.",
            (8, 5),
            over_range("events_folded_total", "label"),
        ),
        stat(
            "Event log lines dropped",
            "Lines that the event log's writer could not keep up with; the events were counted. Good: 0.",
            (8, 5),
            Query(f"sum(increase({own('event_log_dropped_total')}[$__range])) or vector(0)"),
            decimals=0,
            thresholds=_ZERO_GOOD,
        ),
        stat(
            "Rejected share",
            f"Rejected events' share of all received within the time range. Good: below {limits.REJECTED_BAD:.0%}.",
            (8, 5),
            Query(_share_of_received("events_rejected_total")),
            unit="percentunit",
            decimals=1,
            thresholds=steps(("orange", limits.REJECTED_BAD / 2), ("red", limits.REJECTED_BAD)),
            no_value="No events",
        ),
    ]


def _event_store() -> list[Panel]:
    return [
        bar_gauge(
            "Lost on the way to the log store",
            "Events that `--event-store` could not hand over, by reason; they were counted. `given_up`: the store was "
            "away for over five minutes; `buffer_full`: it was away or slow while much happened; `refused`: it says "
            "why in the exporter's log. Good: 0, also without a store.",
            (8, 8),
            Query(f"sort_desc(sum by (reason) (increase({own('event_store_dropped_total')}[$__range])))", "{{reason}}"),
            long_names=True,
        ),
        lines(
            "Batches by the log store's reply",
            "Tries to hand over a batch, a second, by status code; `none` is no answer. Good: 200 or 204. 429 and 5xx "
            "are tried again, anything else is dropped. Nothing without a store.",
            (8, 8),
            Query(f"sum by (code) (rate({own('event_store_batches_total')}[{_RATE}]))", "{{code}}"),
            unit="reqps",
        ),
        lines(
            "Waiting for the log store",
            "Bytes of the posts whose events are still to be handed over, of each exporter; 16 MiB is the most. Good: "
            "near 0; a slope is a store that is away.",
            (8, 8),
            Query(own("event_store_buffered_bytes"), "{{instance}}"),
            unit="bytes",
        ),
    ]


def quantile(share: float, histogram: str, window: str = _RATE) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({own(f'{histogram}_bucket')}[{window}])))"


def _speed() -> list[Panel]:
    def latency(title: str, description: str, histogram: str, warning: float, bad: float) -> Panel:
        return lines(
            title,
            f"{description} The median and the slowest in a hundred, from the buckets of `{histogram}`.",
            (8, 8),
            Query(quantile(0.5, histogram), "half"),
            Query(quantile(0.99, histogram), "99 %"),
            unit="s",
            thresholds=steps(("orange", warning), ("red", bad)),
        )

    return [
        latency(
            "Time to answer a post",
            "From a post being read to its reply being ready. Good: milliseconds; near a second it begins to shed "
            "load.",
            "request_seconds",
            limits.REQUEST_SECONDS_WARNING,
            limits.REQUEST_SECONDS_BAD,
        ),
        latency(
            "Time to commit",
            "One transaction of the ledger; posts that wait together share one. Good: below 10 ms; a slow disk shows "
            "here first.",
            "commit_seconds",
            limits.COMMIT_SECONDS_WARNING,
            limits.COMMIT_SECONDS_BAD,
        ),
        lines(
            "Time to scrape",
            "How long Prometheus waits for each exporter's `/metrics`: `scrape_duration_seconds`. Good: well below "
            "the scrape's timeout.",
            (8, 8),
            Query(process("scrape_duration_seconds"), "{{instance}}"),
            unit="s",
        ),
    ]


def _budgets() -> list[Panel]:
    return [
        bar_gauge(
            "Budgets used",
            "How much of each budget is in use, in the exporter where it is fullest: `label_values / label_limit`, and "
            "`series` of the limit less what is kept for `__overflow__`. Beyond it names fold to that. Good: below "
            f"{limits.BUDGET_WARNING:.0%}. Apps named by `--apps` have no limit.",
            (6, 8),
            Query(f"max by (label) ({budgets.labels_used(own)})", "{{label}}"),
            Query(f"max({budgets.series_used(own)})", "series"),
            unit="percentunit",
            thresholds=_BUDGET,
            top=1,
        ),
        lines(
            "Names asked for",
            "How many distinct values clients have asked for, of each label: `label_demand`. Good: flat, or a step "
            "for each release. Far above the budget: forged names, or a budget that is too small.",
            (6, 8),
            Query(f"max by (label) ({own('label_demand')})", "{{label}}"),
            unit="none",
            decimals=0,
        ),
        lines(
            "Event series",
            "Event series on `/metrics` of each exporter, which is what Prometheus has to store. Good: below 80 % of "
            "the limit.",
            (6, 8),
            Query(own("series"), "{{instance}}"),
            unit="none",
            decimals=0,
        ),
        bar_gauge(
            "Events in the ledger",
            "All events ever counted, by where they are: shown on `/metrics`, held until Prometheus has seen the "
            "series at its former value, dormant (a version out of use), forgotten. Good: held is a passing few.",
            (6, 8),
            Query(f"sum by (state) ({own('ledger_events')})", "{{state}}"),
        ),
        lines(
            "Ledger on disk",
            "Bytes of the ledger, its write-ahead log included. Good: grows to a plateau; full disks make the "
            "exporter refuse posts.",
            (12, 7),
            Query(own("ledger_bytes"), "{{instance}}"),
            unit="bytes",
        ),
        lines(
            "Retries recognised without the disk",
            "Age of the oldest event that memory still recognises: `dedup_span_seconds`. Older retries are looked up "
            "on disk. Good: hours or more; minutes mean that `--dedup-memory` is small for the traffic.",
            (12, 7),
            Query(own("dedup_span_seconds"), "{{instance}}"),
            unit="s",
        ),
    ]


def _process() -> list[Panel]:
    descriptors = f"{process('process_open_fds')} / {process('process_max_fds')}"
    return [
        lines(
            "Processor",
            "Cores in use by each exporter. One core is the most that Python makes of it. Good: below 0.7.",
            (8, 7),
            Query(f"sum by (instance) (rate({process('process_cpu_seconds_total')}[{_RATE}]))", "{{instance}}"),
            unit="none",
            decimals=2,
        ),
        lines(
            "Memory",
            "Resident memory of each exporter. Good: flat; it grows with series and with remembered events.",
            (8, 7),
            Query(process("process_resident_memory_bytes"), "{{instance}}"),
            unit="bytes",
        ),
        lines(
            "File descriptors",
            "Open descriptors of those allowed; each connection needs one. Good: below half.",
            (8, 7),
            Query(descriptors, "{{instance}}"),
            unit="percentunit",
            decimals=1,
        ),
    ]
