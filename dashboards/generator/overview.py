"""The dashboard Overview: is anything wrong with any app, and with which version?"""

from dataclasses import replace
from typing import Final

from dashboards.generator import colors, selectors
from dashboards.generator.alerts import groups
from dashboards.generator.alerts_table import alerts_table
from dashboards.generator.charts import bars
from dashboards.generator.dashboard import OVERVIEW, Row, dashboard, first_seen
from dashboards.generator.devices import Devices
from dashboards.generator.download_panels import WHERE, phase_columns
from dashboards.generator.formulas import Events
from dashboards.generator.panels import TOO_FEW, Json, Panel, Query, stat, steps
from dashboards.generator.phases import lost_share, started
from dashboards.generator.selectors import ANY_APP, BUNDLES, PLATFORM, PLUGIN, TARGETS
from dashboards.generator.tables import Column, Label, field, table
from dashboards.generator.tiles import active_tile, data_tile
from dashboards.generator.timescale import Timescale
from dashboards.generator.update_panels import (
    ANY_CLIENT,
    APP,
    AT_LEAST,
    failed,
    failed_over_time,
    failure_bars,
    surely_failed,
    version_label,
)
from dashboards.generator.update_panels import PLATFORM as PLATFORM_LABEL
from dashboards.generator.variables import EVENTS_VARIABLE, OVERVIEW_SCOPE, PREFIX
from dashboards.generator.worst import verdict_column, worst_table

_LINE: Final = "app_id, version, platform"
_SHOWN: Final = 3
"""Lines of versions in a graph: more can't be told apart."""


def overview(scale: Timescale) -> Json:
    scope = (*TARGETS, ANY_APP, PLATFORM)
    events, devices = Events(EVENTS_VARIABLE, "$__range", scope), Devices(PREFIX, "$__range", scope)
    alerts = [alert for group in groups(scale) for alert in group.alerts]
    return dashboard(
        OVERVIEW,
        "Overview",
        "Over-the-air bundle updates of all apps: is anything wrong, with which version, and where to look next.",
        [
            Row(
                "Is anything wrong, and with which version?",
                [
                    worst_table(events, (17, 9)),
                    active_tile(devices, (4, 9)),
                    data_tile(ANY_APP, size=(3, 9)),
                    alerts_table(alerts, (24, 5), 'app_id=~"$app_id|"'),
                    _versions(events, devices, (24, 11)),
                ],
            ),
            Row("Since when, and what fails?", _trends(events, events.over(scale("1h")))),
            Row("Is every app heard from?", [_silence(), _heard(events), _others(events, devices)]),
        ],
        OVERVIEW_SCOPE,
        [first_seen(*scope)],
    )


def _versions(events: Events, devices: Devices, size: tuple[int, int]) -> Panel:
    phones = devices.where(PLUGIN)
    return table(
        "Versions",
        "Every version and platform, the worst verdict first, and of those what hurts users most. Verdict: as Surely "
        "worst has it, and of what. "
        "Attempts: `set + set_fail` (those by rollbacks of newer versions included), at least those that failed. "
        "Updates failed: "
        "`set_fail + update_fail`, of the attempts; any failure: devices whose newest "
        "attempt is this version and stands at a failure now, a failed download included. Devices: heard from within a "
        "day, that run it. Started: downloads; lost: not completed, of those. "
        f"Then how many were lost where. {WHERE} Good: no orange, no red. A version opens in "
        "Rollout, an app in Downloads.",
        size,
        {"version": version_label(field("App")), "platform": replace(PLATFORM_LABEL, width=66), "app_id": APP},
        [
            verdict_column(events, "Verdict", 122),
            Column("Attempts", events.attempts(_LINE), width=72),
            Column("Updates failed", failed(events, _LINE), "percentunit", 1, no_value=TOO_FEW, width=110),
            Column("any failure", phones.standing("failed", _LINE), width=86),
            Column("Devices", phones.running("1d", _LINE), width=64),
            Column("Started", started(events, _LINE), width=60),
            Column("Lost", lost_share(events, _LINE, AT_LEAST), "percentunit", 1, no_value=TOO_FEW, width=62),
            *phase_columns(events),
        ],
        sort="Verdict",
    )


def _trends(events: Events, hour: Events) -> list[Panel]:
    bundles = events.where(BUNDLES)
    worst = f"topk({_SHOWN}, {surely_failed(bundles.at_the_end(), _LINE)})"
    return [
        failed_over_time(
            "Failed updates over time",
            f"The {_SHOWN} versions and platforms that surely fail most: `(set_fail + update_fail) / (set + "
            "set_fail)`. Good: all lines below the objective.",
            (12, 9),
            Query(
                f"{failed(hour.where(BUNDLES), _LINE)} and on ({_LINE}) {worst}", "{{version}} {{platform}} {{app_id}}"
            ),
            overrides=colors.by_first_word(),
        ),
        failure_bars(
            "Failures by kind",
            "What devices report as failed of a version. What they report without naming one is in Rollout and "
            "Downloads. Good: low, and no rise at the mark of a version.",
            (12, 9),
            events.where(PLUGIN),
            selectors.BLAMING,
        ),
    ]


def _silence() -> Panel:
    newest = selectors.own("last_event_timestamp_seconds", ANY_APP, selectors.NAMED_APPS)
    return stat(
        "Since the last event",
        "Time since an exporter counted an event of the app: `time() - last event`. Good: seconds to minutes for an "
        "app in use. Test devices count as well.",
        (5, 7),
        Query(f"time() - max by (app_id) ({newest})", "{{app_id}}"),
        named=True,
        unit="s",
        decimals=0,
        thresholds=steps(("orange", 3600), ("red", 14400)),
        no_value="Nothing since start",
    )


def _heard(events: Events) -> Panel:
    every = f"sum by (app_id) (rate({selectors.selector(events.name, *events.matchers)}[$__rate_interval]))"
    return bars(
        "Events by app",
        "All events. Good: no app falls silent; CapgoAppSilent fires where an hour has none "
        "and the same hour a week ago had more than 100.",
        (7, 7),
        Query(f"{every} * $__interval_ms / 1000", "{{app_id}}"),
        of="events",
        overrides=colors.by_first_word(),
    )


def _others(events: Events, devices: Devices) -> Panel:
    clients = events.where(selectors.OTHER_CLIENTS)
    return table(
        "Clients that set at each launch",
        "Electron's and React Native's clients send `set` at each launch, so it says how often a version runs, not "
        "how often it is installed; of attempts there is no failed share to be had. Devices: heard from within a day. "
        "Good: failures are few.",
        (12, 7),
        {"version": Label("Version", 70), "platform": ANY_CLIENT, "app_id": APP},
        [
            Column("Devices", devices.where(selectors.OTHER_CLIENTS).running("1d", _LINE), width=72),
            Column("Launches", clients.count("set", _LINE), width=88),
            Column("Failed", clients.count("set_fail|download_fail", _LINE), width=66),
        ],
        sort="Launches",
        no_value="None",
    )
