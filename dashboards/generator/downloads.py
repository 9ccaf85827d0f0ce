"""The dashboard Downloads: do bundles arrive, and where do they stop?"""

from dashboards.generator import funnel, selectors
from dashboards.generator import thresholds as limits
from dashboards.generator.dashboard import DOWNLOADS, ROLLOUT, Row, dashboard, first_seen
from dashboards.generator.formulas import Events, or_zero, share
from dashboards.generator.panels import TOO_FEW, Column, Json, Panel, Query, bar_gauge, field, link, stat, table
from dashboards.generator.selectors import ANY_APP, ANY_VERSION, PLATFORM, PLUGIN, TARGETS
from dashboards.generator.shared_panels import (
    AT_LEAST,
    FINISHED,
    count_bars,
    finished_lines,
    finished_tile,
    lost_bars,
    reached_bars,
)
from dashboards.generator.timescale import Timescale
from dashboards.generator.variables import EVENTS_VARIABLE, SCOPE

_LINE = "app_id, version, platform"


def downloads(scale: Timescale) -> Json:
    events = Events(EVENTS_VARIABLE, "$__range", (*TARGETS, ANY_APP, PLATFORM, ANY_VERSION))
    return dashboard(
        DOWNLOADS,
        "Downloads",
        "The way of bundles to the devices: how many arrive, at which step they stop, and what goes wrong on the way.",
        [
            Row(
                "Do downloads arrive?",
                [
                    *_tiles(events),
                    finished_lines(
                        "Downloads finished by version and platform",
                        events.over(scale("1h")),
                        _LINE,
                        "{{version}} {{platform}} {{app_id}}",
                        (12, 10),
                    ),
                    reached_bars("How far downloads get", events, (6, 10), "the versions chosen"),
                    lost_bars("Where downloads stop", events, (6, 10), "the versions chosen"),
                ],
            ),
            Row("Which version and platform?", [_lines(events)]),
            Row("Is it one platform, or one way of transfer?", _platforms(events)),
            Row("What goes wrong on the way?", _reasons(events)),
        ],
        SCOPE,
        [first_seen(*TARGETS, ANY_APP, PLATFORM, ANY_VERSION)],
    )


def _tiles(events: Events) -> list[Panel]:
    unpacked = events.where(PLUGIN).count("finish_download_fail")
    return [
        finished_tile(events, (5, 5)),
        stat(
            "Started",
            "Downloads begun: `download_zip_start + download_manifest_start`, or where older plugins send none the "
            "furthest progress reported, for each version and platform. Electron and React Native report none.",
            (5, 5),
            Query(f"{funnel.started(events)} or vector(0)"),
            decimals=0,
        ),
        stat(
            "Completed",
            "`download_complete`, the one reliable count of downloads. Near the edges of a short time range it may "
            "exceed the starts.",
            (5, 5),
            Query(f"{funnel.finished(events)} or vector(0)"),
            decimals=0,
        ),
        stat(
            "Not finished",
            "Started and not completed: `started - download_complete`, added up over versions and platforms. The app "
            "was closed, the network went away, or a failure of the row below.",
            (5, 5),
            Query(f"sum({funnel.unfinished(events, _LINE)}) or vector(0)"),
            decimals=0,
        ),
        stat(
            "Broken bundles",
            "`finish_download_fail`: the bundle arrived, but its checksum or unpacking failed (Android). Good: 0.",
            (4, 5),
            Query(f"{unpacked} or vector(0)"),
            decimals=0,
        ),
    ]


def _lines(events: Events) -> Panel:
    begun = funnel.started(events, _LINE)
    steps = [Column(f"{step} %", f"{funnel.reached(events, step, _LINE)} and {begun} > 0") for step in (10, 70, 90)]
    return table(
        "Downloads by version and platform",
        "The most unfinished first. 70 %: the network's end; 90 %: unpacked. Steps are those of downloads that "
        "report progress: a second download in one run of an Android app reports none, so a step may stand below the "
        f"completions. Good: finished above {1 - limits.UNFINISHED_WARNING:.0%}.",
        (24, 10),
        {"app_id": "App", "version": "Version", "platform": "Platform"},
        [
            Column("Started", f"{begun} > 0"),
            *steps,
            Column("Completed", f"{funnel.finished(events, _LINE)} and {begun} > 0"),
            Column("Not finished", f"{funnel.unfinished(events, _LINE)} and {begun} > 0"),
            Column("Finished", funnel.finished_share(events, _LINE, AT_LEAST), "percentunit", 1, FINISHED, TOO_FEW),
        ],
        sort="Not finished",
        links={"Version": [link("Rollout of this version", ROLLOUT, app_id=field("App"), version=field("Version"))]},
        widths={"App": 220},
    )


def _platforms(events: Events) -> list[Panel]:
    ways = " or ".join(_transferred(events.where(PLUGIN), way) for way in ("zip", "manifest"))
    return [
        lost_bars("Lost at each step on Android", events.where('platform="android"'), (7, 9), "Android devices"),
        lost_bars("Lost at each step on iOS", events.where('platform="ios"'), (7, 9), "iOS devices"),
        bar_gauge(
            "Finished by platform",
            "`download_complete / started` on each platform. Good: equal and green.",
            (5, 9),
            Query(f"sort({funnel.finished_share(events, 'platform', AT_LEAST)})", "{{platform}}"),
            unit="percentunit",
            decimals=1,
            thresholds=FINISHED,
            top=1,
            no_value=TOO_FEW,
        ),
        bar_gauge(
            "Transfers finished",
            "Transfers that ended, of those begun, of whole zips and of manifests (only the changed files): "
            "`download_*_complete / download_*_start`. A manifest that fails where zips arrive points at its files. "
            f"Good: above {1 - limits.UNFINISHED_WARNING:.0%}.",
            (5, 9),
            Query(ways, "{{way}}"),
            unit="percentunit",
            decimals=1,
            thresholds=FINISHED,
            top=1,
            no_value=TOO_FEW,
        ),
    ]


def _reasons(events: Events) -> list[Panel]:
    mobile = events.where(PLUGIN)
    failures = mobile.count(selectors.DOWNLOAD_FAILURES, "platform, action")
    return [
        count_bars(
            "Failures of downloads",
            "What devices report on the way, by action. `download_fail` is also sent when a check for updates fails, "
            "and under the version that runs, so it belongs to no version. `unzip_fail`, `checksum_fail` and "
            "`finish_download_fail`: a bad bundle; `insufficient_disk_space`, `low_mem_fail`: the device. Good: low, "
            "and no rise at a version's mark.",
            (10, 9),
            Query(f"{events.per_bar(selectors.DOWNLOAD_FAILURES, 'action')} > 0", "{{action}}"),
        ),
        table(
            "Failures by platform",
            "The same over the time range, by platform and action. Good: few beside the downloads started.",
            (7, 9),
            {"platform": "Platform", "action": "Action"},
            [Column("Events", f"{failures} > 0", width=90)],
            sort="Events",
            widths={"Platform": 100},
        ),
        table(
            "Manifest files that failed",
            "Files, not downloads, by version; Android sends two events for a file that can't be fetched. `file`: "
            "not fetched, `checksum`: wrong content, `brotli`: not decompressed, `path`: outside the bundle. Good: "
            "empty.",
            (7, 9),
            {"version": "Version", "action": "Action"},
            [Column("Events", f"{mobile.count(selectors.MANIFEST_FILES, 'version, action')} > 0", width=90)],
            sort="Events",
            widths={"Version": 90},
        ),
    ]


def _transferred(events: Events, way: str) -> str:
    """The share of transfers begun in this way that ended."""
    begun = events.count(f"download_{way}_start")
    ended = share(or_zero(events.count(f"download_{way}_complete"), begun), begun, AT_LEAST)
    return f'label_replace({ended}, "way", "{way}", "", "")'
