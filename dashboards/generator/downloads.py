"""The dashboard Downloads: do bundles arrive, and where do they stop?"""

from typing import Final

from dashboards.generator import colors, selectors
from dashboards.generator import thresholds as limits
from dashboards.generator.charts import STEP, bar_gauge, lines
from dashboards.generator.dashboard import DOWNLOADS, Row, dashboard, first_seen
from dashboards.generator.devices import Devices
from dashboards.generator.download_panels import SURELY_LOST, WHERE, phase_columns
from dashboards.generator.formulas import Events
from dashboards.generator.funnel import STEPS, lost_at
from dashboards.generator.panels import TOO_FEW, Json, Panel, Query, stat, steps
from dashboards.generator.phases import LINE, completed, lost, lost_share, started, surely_lost
from dashboards.generator.selectors import ANY_APP, ANY_VERSION, BUNDLES, PLATFORM, PLUGIN, TARGETS
from dashboards.generator.tables import Column, Label, field, table
from dashboards.generator.tiles import data_tile
from dashboards.generator.timescale import Timescale
from dashboards.generator.transfers import transfers_table
from dashboards.generator.update_panels import APP, AT_LEAST, FAILURE, failure_bars, version_label
from dashboards.generator.update_panels import PLATFORM as PLATFORM_LABEL
from dashboards.generator.variables import EVENTS_VARIABLE, PREFIX, SCOPE

_SHOWN: Final = 3


def downloads(scale: Timescale) -> Json:
    scope = (*TARGETS, ANY_APP, PLATFORM, ANY_VERSION)
    events, devices = Events(EVENTS_VARIABLE, "$__range", scope), Devices(PREFIX, "$__range", scope)
    return dashboard(
        DOWNLOADS,
        "Downloads",
        "The way of bundles to the devices: how many are lost, where they stop, and what goes wrong on the way.",
        [
            Row(
                "Do bundles arrive, and where do they stop?",
                [
                    *_tiles(events, devices, scale("1h")),
                    _versions(events, devices, (24, 7)),
                    transfers_table(events, (14, 7)),
                    _steps(events, (10, 7)),
                ],
            ),
            Row("Since when, and what goes wrong?", [_over_time(events.over(scale("1h")), events), _failures(events)]),
            Row("Which failures are those?", _reasons(events)),
        ],
        SCOPE,
        [first_seen(*scope)],
    )


def _tiles(events: Events, devices: Devices, hour: str) -> list[Panel]:
    worst = surely_lost(events.where(BUNDLES), LINE, AT_LEAST)
    return [
        stat(
            "Surely losing most",
            "The version and platform that surely lose the largest share of their downloads: the lower end of its 95 % "
            f"interval. Good: green; CapgoDownloadsNotFinishing fires above {limits.UNFINISHED_BAD:.0%}, "
            "CapgoDownloadsWorse where it is more than in the other versions.",
            (8, 4),
            Query(f"topk(1, {worst})", "{{version}} {{platform}}, at least"),
            named=True,
            unit="percentunit",
            decimals=1,
            thresholds=steps(("orange", limits.UNFINISHED_WARNING), ("red", limits.UNFINISHED_BAD)),
            no_value=TOO_FEW,
        ),
        stat(
            "Devices on their way now",
            "Devices whose newest attempt is a download that has begun and not ended, or a bundle that waits to be "
            "set: `capgo_rollout_devices`. Heard from within 30 days. Good: few beside the devices that start one.",
            (6, 4),
            Query(f"{devices.standing('downloading')} or vector(0)", "downloading"),
            Query(f"{devices.standing('downloaded')} or vector(0)", "downloaded, not set"),
            decimals=0,
            named=True,
        ),
        stat(
            "Downloads now",
            "Downloads that began within the last hour, and those that did not complete within it.",
            (6, 4),
            Query(f"{started(events.over(hour))} or vector(0)", "begun in an hour"),
            Query(f"{lost(events.over(hour))} or vector(0)", "not completed"),
            decimals=0,
            named=True,
        ),
        data_tile(ANY_APP, size=(4, 4)),
    ]


def _versions(events: Events, devices: Devices, size: tuple[int, int]) -> Panel:
    columns = [
        Column("Started", f"{started(events, LINE)} > 0", width=66),
        Column("Completed", f"{completed(events, LINE)} and {started(events, LINE)} > 0", width=84),
        Column("Lost", lost_share(events, LINE, AT_LEAST), "percentunit", 1, no_value=TOO_FEW, width=66),
        Column("at least", surely_lost(events, LINE, AT_LEAST), "percentunit", 1, SURELY_LOST, TOO_FEW, 82),
        *phase_columns(events),
        Column("Devices", f"{devices.reached('downloading', LINE)} > 0", width=70),
        Column(
            "arrived", f"{devices.reached('downloaded', LINE)} and {devices.reached('downloading', LINE)} > 0", width=66
        ),
    ]
    return table(
        "Downloads by version and platform",
        "The surely worst first. Started: announced by the client, or for older plugins the furthest progress "
        "reported; lost: of those, not completed; at least: the lower end of that share's 95 % interval; then how "
        f"many were lost where. {WHERE} Devices: that began to download the version, each once, and how many of them "
        "have the bundle. Good: no orange, no red.",
        size,
        {"version": version_label(field("App")), "platform": PLATFORM_LABEL, "app_id": APP},
        columns,
        sort="at least",
    )


def _over_time(hour: Events, events: Events) -> Panel:
    worst = f"topk({_SHOWN}, {surely_lost(events.where(BUNDLES).at_the_end(), LINE, AT_LEAST)})"
    return lines(
        "Lost downloads over time",
        f"The {_SHOWN} versions and platforms that surely lose most: share of the downloads started within a moving "
        "hour that did not complete; a gap is an hour with fewer downloads than the minimum. Good: low, and together.",
        (12, 9),
        Query(
            f"{lost_share(hour.where(BUNDLES), LINE, AT_LEAST)} and on ({LINE}) {worst}",
            "{{version}} {{platform}} {{app_id}}",
        ),
        unit="percentunit",
        decimals=1,
        min_interval=STEP,
        overrides=colors.by_first_word(),
    )


def _steps(events: Events, size: tuple[int, int]) -> Panel:
    return bar_gauge(
        "Lost at each step on Android, all versions",
        "Downloads on Android, of all versions chosen above, that stopped between two steps of ten percent. Together "
        "they are what Android loses in each phase; the steps that devices report tell which part of that falls on "
        "which step. Where devices skip more steps than they lose downloads, a loss shows at the first step. iOS says "
        "nothing reliable in between.",
        size,
        *(Query(f"{lost_at(events, step)} or vector(0)", f"{step} → {step + 10} %") for step in STEPS),
    )


def _failures(events: Events) -> Panel:
    return failure_bars(
        "Failures of downloads",
        "What devices report on the way. A check failed: also without any update, and under the version that runs, so "
        "it belongs to no version. A broken zip, a wrong checksum, unpacking failed: a bad bundle; disk full, out of "
        "memory: the device. Good: low, and no rise at a version's mark.",
        (12, 9),
        events.where(PLUGIN),
        selectors.DOWNLOAD_FAILURES,
    )


def _reasons(events: Events) -> list[Panel]:
    mobile = events.where(PLUGIN)
    failures = mobile.count(selectors.DOWNLOAD_FAILURES, "platform, action")
    return [
        table(
            "Failures by platform",
            "Failures of downloads over the time range. Good: few beside the downloads started.",
            (24, 9),
            {"platform": PLATFORM_LABEL, "action": FAILURE},
            [Column("Events", f"{failures} > 0", width=70)],
            sort="Events",
            no_value="Nothing failed",
        ),
        table(
            "Files that failed",
            "Downloads of changed files only (manifests): files, not downloads, by version; Android sends two events "
            "for a file that can't be fetched. Good: empty.",
            (24, 7),
            {"version": Label("Version", 80), "action": FAILURE, "app_id": APP},
            [Column("Events", f"{mobile.count(selectors.MANIFEST_FILES, 'app_id, version, action')} > 0", width=70)],
            sort="Events",
            no_value="Nothing failed",
        ),
    ]
