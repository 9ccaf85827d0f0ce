"""The dashboard Exporter: can the counts be trusted?"""

from typing import Final

from dashboards.generator import budgets
from dashboards.generator import thresholds as limits
from dashboards.generator.charts import lines
from dashboards.generator.colors import BLUE, CYAN, GREY, MAGENTA, fixed, named
from dashboards.generator.dashboard import EXPORTER, Row, dashboard, first_seen
from dashboards.generator.event_store_panels import event_store_panels
from dashboards.generator.exporter_resources import budget_panels, resource_panels
from dashboards.generator.panels import PLAIN, Json, Panel, Query, override, ranges, stat, steps
from dashboards.generator.replicas import RATE, quantile, replicas_table
from dashboards.generator.selectors import TARGETS, own, process
from dashboards.generator.tables import Column, Label, table
from dashboards.generator.variables import EXPORTER_SCOPE

_NONE_GOOD: Final = steps(("red", 0.5))
_READY: Final = ranges((None, 0.5, "all", "green"), (0.5, None, "not all", "red"))


def exporter() -> Json:
    return dashboard(
        EXPORTER,
        "Exporter",
        "The exporters themselves: do they take every event, how fast, and how full are their budgets.",
        [
            Row(
                "Does every exporter take every event?",
                [*_tiles(), replicas_table((24, 5)), _becomes((12, 8)), _turned_away((12, 8))],
            ),
            Row("Is it fast, and are replies right?", _speed()),
            Row("Does the log store get its events?", event_store_panels()),
            Row("How full are its budgets?", budget_panels(), collapsed=True),
            Row("What does it use?", resource_panels(), collapsed=True),
        ],
        EXPORTER_SCOPE,
        [first_seen(*TARGETS)],
        since="now-6h",
    )


def _tiles() -> list[Panel]:
    ready = f"(count({own('ready')} == 1) or vector(0))"
    return [
        stat(
            "Ready",
            "Whether all exporters that Prometheus knows answer it (`up`) and can count posts "
            "(`capgo_exporter_ready`). CapgoExporterDown and CapgoExporterNotReady fire after five minutes. Good: all.",
            (4, 4),
            Query(f"count({process('up')}) - {ready}"),
            mappings=_READY,
            no_value="No exporter",
        ),
        stat(
            "Commits failed",
            "Writes to the ledger that failed within the time range; their events were refused with 503 and nothing "
            "of them was counted. CapgoCommitsFailing fires at once. Good: 0.",
            (4, 4),
            Query(f"sum(increase({own('commit_errors_total')}[$__range])) or vector(0)"),
            decimals=0,
            thresholds=_NONE_GOOD,
        ),
        _share(
            "Posts refused",
            "Posts refused as a whole, of all posts; none of their events was counted. CapgoRequestsRefused fires "
            f"above {limits.REFUSED_BAD:.0%} for one reason.",
            ("requests_refused_total", "requests_total"),
            limits.REFUSED_BAD,
            "of posts",
        ),
        _share(
            "Events rejected",
            "Events that can't be counted, of all received; their neighbours in the same post were. "
            f"CapgoEventsRejected fires above {limits.REJECTED_BAD:.0%} for one reason.",
            ("events_rejected_total", "events_received_total"),
            limits.REJECTED_BAD,
            "of events",
        ),
        _share(
            "Retries",
            "Events that had been counted before, of all received. They cost nothing but work; a surge means that "
            f"replies do not reach the clients. CapgoDuplicatesSurging fires above {limits.DUPLICATES_BAD:.0%}.",
            ("events_duplicate_total", "events_received_total"),
            limits.DUPLICATES_BAD,
            "of events",
        ),
        stat(
            "Fullest budget",
            "The share of a budget that is in use, of the one that is fullest. Beyond it names are counted under "
            f"`__overflow__`, and devices forgotten. CapgoBudgetNearlyFull fires above {limits.BUDGET_WARNING:.0%}.",
            (4, 4),
            Query(f"topk(1, max by (label) ({budgets.used(own)}))", "{{label}}"),
            unit="percentunit",
            decimals=0,
            thresholds=steps(("orange", limits.BUDGET_WARNING), ("red", 1)),
            named=True,
        ),
    ]


def _share(title: str, description: str, counters: tuple[str, str], bad: float, of: str) -> Panel:
    part, whole = (f"sum(increase({own(counter)}[$__range]))" for counter in counters)
    return stat(
        title,
        f"{description} Good: green.",
        (4, 4),
        Query(f"({part} or vector(0)) / ({whole} > 0)", "share"),
        Query(f"{whole} or vector(0)", of),
        unit="percentunit",
        decimals=1,
        thresholds=steps(("orange", bad / 2), ("red", bad)),
        named=True,
        no_value="No events",
        overrides=[override("byFrameRefID", "B", {"unit": "none", "decimals": 0, "thresholds": PLAIN})],
    )


def _becomes(size: tuple[int, int]) -> Panel:
    become = {
        "counted": "events_counted_total",
        "counted before": "events_duplicate_total",
        "rejected": "events_rejected_total",
        "ignored": "events_ignored_total",
    }
    rates = {name: f"sum(rate({own(counter)}[{RATE}]))" for name, counter in become.items()}
    return lines(
        "What becomes of events",
        "Events received a second: counted; counted before (retries); rejected (they can't be counted, by the reasons "
        "beside this); ignored (known to say nothing, such as `download_fail` of old plugins without an update). "
        "Together they are all that was received. Good: nearly all are counted.",
        size,
        *(Query(expr, name) for name, expr in rates.items()),
        unit="eps",
        stacked=True,
        overrides=named(dict(zip(become, (BLUE, CYAN, MAGENTA, GREY), strict=True))),
    )


def _turned_away(size: tuple[int, int]) -> Panel:
    """Everything that is not simply counted, by reason."""
    whole = {"posts": "requests_total", "events": "events_received_total"}
    kinds = [
        ("posts refused", "requests_refused_total", "reason", "posts"),
        ("events rejected", "events_rejected_total", "reason", "events"),
        ("events ignored", "events_ignored_total", "reason", "events"),
        ("under __overflow__", "events_folded_total", "label", "events"),
    ]

    def rows(expr: str) -> str:
        parts = []
        for kind, counter, label, of in kinds:
            count = f"(sum by ({label}) (increase({own(counter)}[$__range])) >= 0.5)"
            every = f"(sum(increase({own(whole[of])}[$__range])) > 0)"
            shown = expr.format(count=count, every=every)
            why = shown if label == "reason" else f'label_replace({shown}, "reason", "budget of $1", "label", "(.*)")'
            parts.append(f'label_replace(sum by (reason) ({why}), "kind", "{kind}", "", "")')
        return " or ".join(parts)

    return table(
        "Turned away or set aside",
        "Within the time range, by reason, and the share of all posts or events. Refused posts: `overloaded` and "
        "`storage_unavailable` are sent again by current plugins; all others are lost by their sender's mistake. "
        "Rejected events: no client of the plugin, or an app that `--apps` does not name. Under `__overflow__`: in "
        "every sum, but not under their own name; CapgoEventsFolding fires above "
        f"{limits.FOLDED_BAD:.0%}. Good: empty.",
        size,
        {"kind": Label("What", 150), "reason": Label("Why")},
        [
            Column("Count", rows("{count}"), width=76),
            Column("Share", rows("{count} / on () group_left () {every}"), "percentunit", 2, width=62),
            Column("of all", rows("{count} * 0 + on () group_left () {every}"), width=66),
        ],
        sort="Count",
        no_value="Nothing was turned away",
    )


def _speed() -> list[Panel]:
    def latency(title: str, description: str, histogram: str) -> Panel:
        return lines(
            title,
            f"{description} The median and the slowest in a hundred, from the buckets of `{histogram}`, over all "
            "exporters; the slowest of them stands in the table above.",
            (8, 8),
            Query(quantile(0.5, histogram), "median"),
            Query(quantile(0.99, histogram), "slowest 1 %"),
            unit="s",
            overrides=named({"median": CYAN, "slowest 1 %": BLUE}),
        )

    return [
        latency(
            "Time to answer a post",
            "From a post being read to its reply being ready. Good: milliseconds; near "
            f"{limits.REQUEST_SECONDS_BAD:.0f} s it sheds load.",
            "request_seconds",
        ),
        latency(
            "Time to commit",
            "One transaction of the ledger; posts that wait together share one. Good: below 10 ms; a slow disk shows "
            f"here first, and CapgoCommitsSlow fires above {limits.COMMIT_SECONDS_BAD:g} s.",
            "commit_seconds",
        ),
        lines(
            "Posts by reply",
            "Posts answered a second on the public port, by status code. Good: 200. 429 and 503: overload or a "
            "ledger that can't be written; other 4xx: something that is no client of the plugin.",
            (8, 8),
            Query(f"sum by (code) (rate({own('requests_total')}[{RATE}]))", "{{code}}"),
            unit="reqps",
            overrides=[
                *named({"200": BLUE}),
                override("byRegexp", "/^5|^429/", fixed(MAGENTA)),
            ],
        ),
    ]
