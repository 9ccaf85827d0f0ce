"""What exactly is wrong with a version: how it crashes, whether it comes up, what it throws, how slowly it starts."""

from typing import Final

from dashboards.generator.charts import STEP, bars, limit, limits_look, lines
from dashboards.generator.colors import kinds
from dashboards.generator.formulas import or_zero
from dashboards.generator.health_comparison import (
    BASELINE,
    BASELINE_LOOK,
    DASHED,
    VERSION_LOOK,
    Comparison,
    by_platform,
    kinds_table,
    looks,
    rate,
    rate_lines,
)
from dashboards.generator.health_measures import (
    CRASHES,
    ERRORS,
    NOT_READY,
    PAGE_ERRORS,
    SLOW,
    SLOW_SECONDS,
    Reports,
    launches,
    timed,
)
from dashboards.generator.health_verdicts import AT_LEAST
from dashboards.generator.panels import Panel, Query
from dashboards.generator.selectors import FATAL
from dashboards.generator.tables import Column, table
from dashboards.generator.timescale import Timescale
from dashboards.generator.update_panels import PLATFORM

_BESIDE: Final = (
    "app_killed_low_memory|app_killed_excessive_resource_usage|webview_render_process_gone|app_memory_warning"
)
"""Told at the same place, but no crashes."""


def crashes(scale: Timescale, both: Comparison) -> list[Panel]:
    return [
        *rate_lines(
            CRASHES,
            "Crashes",
            "Crashes a visit, of visits by clients that would tell. They tell at the next launch. On iOS a force "
            "quit of the app in front counts as well, so its level is another.",
            scale,
            both,
        ),
        kinds_table(
            CRASHES,
            f"{FATAL}|{_BESIDE}",
            "How it crashes",
            "By kind; of visits. Crashes, hangs (ANR) and failed starts are those of the tables above. Not among them: "
            "what the system kills, mostly in background, memory warnings, and renderers that are gone, of which the "
            "crash is told as well.",
            both,
        ),
    ]


def comes_up(scale: Timescale, both: Comparison) -> list[Panel]:
    by, version = "platform", both.version
    begun = launches(version, by)
    events = version.events
    return [
        *rate_lines(
            NOT_READY,
            "Never ready",
            "Launches of which the app never called `notifyAppReady`, of all: a white screen, a hang, a crash at "
            "once, or a user who left.",
            scale,
            both,
        ),
        table(
            "From install to ready",
            "This version over the time range. Installed: `set`. All visits: `app_moved_to_foreground`. Of clients "
            "that tell: launched (`app_launch_start`), ready (`app_launch_ready`), timed out (`app_launch_timeout`). "
            "Rolled back: `update_fail`. Nothing rolls back a version that was ready once. Installs without visits "
            "hours later are devices that die before they can report.",
            (24, 5),
            {"platform": PLATFORM},
            [
                Column("Installed", events.count("set", by)),
                Column("All visits", version.visits(by)),
                Column("Launched", begun),
                Column("Ready", or_zero(events.count("app_launch_ready", by), begun)),
                Column("Timed out", or_zero(events.count("app_launch_timeout", by), begun)),
                Column("Rolled back", events.count("update_fail", by)),
            ],
            sort="Installed",
        ),
    ]


def errors(both: Comparison) -> list[Panel]:
    return [
        bars(
            "Errors of its pages",
            "What the pages of this version throw, by kind. The messages are in the event log, and in *Events* if "
            "there is a log store.",
            (24, 7),
            Query(f"{both.version.events.per_bar(PAGE_ERRORS, 'action')} > 0", "{{action}}"),
            of="errors",
            overrides=kinds(),
            no_value="No errors",
        ),
        kinds_table(
            ERRORS,
            PAGE_ERRORS,
            "Which errors",
            "By kind; of visits by clients that tell, so 50 % is one error in two visits. A page reports at most 20, "
            "and one that fails throws many. Resources also fail to load where there is no network.",
            both,
        ),
    ]


def starts(scale: Timescale, both: Comparison) -> list[Panel]:
    by = "platform"

    def pages(reports: Reports) -> str:
        enough = reports.count("page_load_seconds_count", by)
        return f"{_quantile(reports, 0.9, 'page_load_seconds')} and {enough} >= {AT_LEAST}"

    return [
        *by_platform(_launch_time, scale, both),
        table(
            "How slow",
            "Over the time range, of launches that got ready: the share that took more than five seconds. And within "
            "how many seconds nine in ten pages were loaded, as far as buckets tell; just after an install they load "
            "slowly.",
            (24, 5),
            {"platform": PLATFORM},
            [
                Column("Over 5 s", rate(SLOW, both.version), "percentunit", 1),
                Column("Baseline", rate(SLOW, both.baseline), "percentunit", 1),
                Column("Came up", timed(both.version, by)),
                Column("Page loaded", pages(both.version), "s", 1),
                Column("Page loaded, baseline", pages(both.baseline), "s", 1),
            ],
            sort="Over 5 s",
        ),
    ]


def _launch_time(platform: str, hours: Comparison) -> Panel:
    def within(reports: Reports, share: float) -> str:
        return f"{_quantile(reports, share, 'launch_seconds')} and {timed(reports, 'platform')} >= {AT_LEAST}"

    return lines(
        f"Launch time on {platform}",
        "Seconds from the load of the plugin to `notifyAppReady`, within moving six hours: nine in ten launches took "
        "less, and the median (dashed). From buckets, so give or take a third. Dotted: five seconds, which Google "
        "Play calls excessive. Good: no distance to the baseline.",
        (12, 7),
        Query(within(hours.version, 0.9), "$version, 9 in 10"),
        Query(within(hours.version, 0.5), "$version, median"),
        Query(within(hours.baseline, 0.9), f"{BASELINE}, 9 in 10"),
        Query(within(hours.baseline, 0.5), f"{BASELINE}, median"),
        limit(float(SLOW_SECONDS), "objective"),
        unit="s",
        decimals=1,
        min_interval=STEP,
        overrides=[
            *looks(VERSION_LOOK, VERSION_LOOK | DASHED, BASELINE_LOOK, BASELINE_LOOK | DASHED),
            *limits_look(objective="orange"),
        ],
        calcs=(),
        no_value="Too few, or not reported",
    )


def _quantile(reports: Reports, share: float, histogram: str) -> str:
    return f"histogram_quantile({share:g}, {reports.count(f'{histogram}_bucket', 'platform, le')})"
