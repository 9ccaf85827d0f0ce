"""The exporters side by side, a line each: where two are alike, lines in a graph would hide one another."""

from typing import Final

from dashboards.generator.panels import Panel, names, steps
from dashboards.generator.selectors import own, process
from dashboards.generator.tables import Column, Label, table
from dashboards.generator.thresholds import COMMIT_SECONDS_BAD, COMMIT_SECONDS_WARNING

RATE: Final = "$__rate_interval"
_UP: Final = names({"0": ("down", "red"), "1": ("up", "green")})
_READY: Final = names({"0": ("not ready", "red"), "1": ("ready", "green")})
_SLOW: Final = steps(("orange", COMMIT_SECONDS_WARNING), ("red", COMMIT_SECONDS_BAD), base="text")


def quantile(share: float, histogram: str, window: str = RATE, by: str = "le") -> str:
    return f"histogram_quantile({share}, sum by ({by}) (rate({own(f'{histogram}_bucket')}[{window}])))"


def replicas_table(size: tuple[int, int]) -> Panel:
    """What each exporter does now."""
    started, build = process("process_start_time_seconds"), own("build_info")
    release = f"max by (instance, version) ({build} * ignoring (version) group_left () (time() - {started}))"
    return table(
        "Exporters",
        "Each exporter now. Scraped: Prometheus' last scrape was answered (while it loads its ledger it is not); "
        "ready: it can count posts. Running for: since its process started; counts survive a restart. Commit and "
        "reply: the slowest in a hundred of the time range. Oldest retry known without the disk: minutes mean that "
        "`--dedup-memory` is small for the traffic. Good: alike, up and ready.",
        size,
        {"instance": Label("Exporter", 150), "version": Label("Release", 70)},
        [
            Column("Running for", release, "s", 1),
            Column("Scraped", f"max by (instance) ({process('up')})", mappings=_UP),
            Column("Ready", f"max by (instance) ({own('ready')})", mappings=_READY),
            Column("Events", f"sum by (instance) (rate({own('events_received_total')}[{RATE}]))", "eps", 2),
            Column("Commit", quantile(0.99, "commit_seconds", "$__range", "instance, le"), "s", 1, _SLOW),
            Column("Reply", quantile(0.99, "request_seconds", "$__range", "instance, le"), "s", 1),
            Column("Scrape", f"max by (instance) ({process('scrape_duration_seconds')})", "s", 1),
            Column("Oldest retry", f"max by (instance) ({own('dedup_span_seconds')})", "s", 1),
            Column("Memory", f"max by (instance) ({process('process_resident_memory_bytes')})", "bytes", 0),
            Column("Cores", f"sum by (instance) (rate({process('process_cpu_seconds_total')}[{RATE}]))", "none", 2),
        ],
        sort="Exporter",
        ascending=True,
        no_value="No exporter",
    )
