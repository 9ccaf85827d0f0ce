"""The dashboard Overview: is anything wrong with any app, and which version is it?"""

from dashboards.generator import funnel, selectors
from dashboards.generator import thresholds as limits
from dashboards.generator.dashboard import DOWNLOADS, OVERVIEW, ROLLOUT, Row, dashboard, first_seen
from dashboards.generator.formulas import Events, share
from dashboards.generator.panels import (
    TOO_FEW,
    Column,
    Json,
    Panel,
    Query,
    field,
    lines,
    link,
    stat,
    steps,
    table,
)
from dashboards.generator.selectors import ANY_APP, PLATFORM, TARGETS
from dashboards.generator.shared_panels import (
    AT_LEAST,
    BAR,
    FAILED,
    FINISHED,
    app_failed,
    count_bars,
    failed,
    failed_over_time,
    finished_lines,
    finished_tile,
    reached_bars,
    surely_failed,
)
from dashboards.generator.timescale import Timescale
from dashboards.generator.variables import EVENTS_VARIABLE, OVERVIEW_SCOPE

_VERSION = "app_id, version"
_LINE = "app_id, version, platform"


def overview(scale: Timescale) -> Json:
    events = Events(EVENTS_VARIABLE, "$__range", (*TARGETS, ANY_APP, PLATFORM))
    hour = events.over(scale("1h"))
    return dashboard(
        OVERVIEW,
        "Overview",
        "Over-the-air bundle updates of all apps: what fails, where downloads stop, which version is it.",
        [
            Row(
                "Is anything wrong, and which version is it?",
                [
                    *_tiles(events),
                    *_trends(hour),
                    reached_bars("How far downloads get", events, (6, 10), "all versions"),
                ],
            ),
            Row("Which app, version and platform?", [_versions(events)]),
            Row("What fails, and what is installed?", _counts(events)),
            Row("Is every app alive, and what do its devices run?", [_silence(), _running(hour)]),
            Row("What do Electron and React Native apps report?", [_other_clients(events)]),
        ],
        OVERVIEW_SCOPE,
        [first_seen(*TARGETS, ANY_APP, PLATFORM)],
    )


def _tiles(events: Events) -> list[Panel]:
    share_of: Json = {"unit": "percentunit", "decimals": 2, "thresholds": FAILED, "no_value": TOO_FEW}
    lowest = surely_failed(events, _LINE)
    return [
        stat(
            "Failed updates",
            "Failed share of update attempts: `(set_fail + update_fail) / (set + set_fail - update_fail)`. A "
            "rollback (`update_fail`) comes after a `set` of the same version and puts the version before in place "
            "with another `set`, which is no attempt; attempts are at least the failures. Good: below "
            f"{limits.FAILED_WARNING:.0%}. Electron and React Native are left out: they send `set` at each launch.",
            (4, 5),
            Query(app_failed(events)),
            **share_of,
        ),
        stat(
            "Rolled back",
            "Installed bundles that the plugin rolled back because the app never called `notifyAppReady`: "
            f"`update_fail / (set - update_fail)`. Good: below {limits.FAILED_WARNING:.0%}; more means a bundle that "
            "does not start.",
            (4, 5),
            Query(share(events.rollbacks(), events.app_installs(), AT_LEAST)),
            **share_of,
        ),
        finished_tile(events, (4, 5)),
        stat(
            "Installs",
            "Updates installed: `set - update_fail`, as each rollback sends another `set` for the version before. "
            "Low by the rollbacks to the bundle the app came with, which send none, but at least as many as "
            "rollbacks. Electron and React Native are left out.",
            (3, 5),
            Query(f"{events.app_installs()} or vector(0)"),
            decimals=0,
        ),
        stat(
            "Surely failing most",
            "The version and platform whose failed share is surely the highest: the lower end of Wilson's interval of "
            "`(set_fail + update_fail) / (set + set_fail)` at 95 % confidence, so few attempts count for little. "
            f"Good: green; above {limits.FAILED_BAD:.0%} an alert fires.",
            (9, 5),
            Query(f"topk(1, {lowest})", "{{version}} on {{platform}}, {{app_id}}"),
            named=True,
            unit="percentunit",
            decimals=1,
            thresholds=FAILED,
            no_value=TOO_FEW,
        ),
    ]


def _trends(hour: Events) -> list[Panel]:
    return [
        failed_over_time(
            "Failed updates by version",
            "`(set_fail + update_fail) / (set + set_fail)` of each version. Good: all lines near zero. A rollback "
            "adds a `set` to the version before, which flatters that one a little.",
            (9, 10),
            Query(failed(hour, _VERSION), "{{version}} {{app_id}}"),
        ),
        finished_lines("Downloads finished by version", hour, _VERSION, "{{version}} {{app_id}}", (9, 10)),
    ]


def _versions(events: Events) -> Panel:
    columns = [
        Column("Installs", events.installs(_LINE)),
        Column("Set failed", events.where(selectors.PLUGIN).count("set_fail", _LINE)),
        Column("Rolled back", events.rollbacks(_LINE)),
        Column("Failed", failed(events, _LINE), "percentunit", 2, FAILED, TOO_FEW),
        Column(
            "Surely above",
            surely_failed(events, _LINE),
            "percentunit",
            2,
            FAILED,
            TOO_FEW,
        ),
        Column("Downloads", funnel.started(events, _LINE)),
        Column(
            "Downloads finished", funnel.finished_share(events, _LINE, AT_LEAST), "percentunit", 1, FINISHED, TOO_FEW
        ),
    ]
    return table(
        "Versions",
        "Every version and platform, the surely worst first. Installs: `set` (those by rollbacks of newer versions "
        "included). Failed: `(set_fail + update_fail) / (set + set_fail)`. Surely above: the lower end of its 95 % "
        "interval. Downloads finished: `download_complete / started`. Good: no red. A version opens in Rollout, an "
        "app in Downloads.",
        (24, 10),
        {"app_id": "App", "version": "Version", "platform": "Platform"},
        columns,
        sort="Surely above",
        links={
            "App": [link("Downloads of this app", DOWNLOADS, app_id=field("App"))],
            "Version": [link("Rollout of this version", ROLLOUT, app_id=field("App"), version=field("Version"))],
        },
        widths={"App": 220},
    )


def _counts(events: Events) -> list[Panel]:
    every = f"{selectors.BLAMING}|{selectors.UNBLAMING}"
    return [
        count_bars(
            "Failures by kind",
            "What devices report as failed, by action. `download_fail` is also sent when a mere check for updates "
            "fails, and under the version that runs: judge downloads by the funnel. Failing files of manifests are "
            "in Downloads. Good: low, and no new colour after a version appears.",
            (12, 9),
            Query(f"{events.per_bar(every, 'action')} > 0", "{{action}}"),
        ),
        count_bars(
            "Installs by version",
            "`set` by version. Good: a new version takes over. A `set` of an old version while a new one is rolled "
            "out is a rollback, or a device that was late.",
            (12, 9),
            Query(f"{events.where(selectors.PLUGIN).per_bar('set', _VERSION)} > 0", "{{version}} {{app_id}}"),
        ),
    ]


def _silence() -> Panel:
    newest = selectors.own("last_event_timestamp_seconds", ANY_APP)
    return stat(
        "Since the last event",
        "Time since an exporter counted an event of the app, since its start: `time() - last event`. Good: seconds "
        "to minutes for an app in use. Test devices count as well.",
        (8, 9),
        Query(f"time() - max by (app_id) ({newest})", "{{app_id}}"),
        named=True,
        unit="s",
        decimals=0,
        thresholds=steps(("orange", 3600), ("red", 14400)),
        no_value="Nothing since start",
    )


def _running(hour: Events) -> Panel:
    seen = "app_moved_to_foreground"
    return lines(
        "Versions in use",
        "Share of the times an app came to the foreground, by the version it ran, within a moving hour: "
        "`app_moved_to_foreground` by version, of all of the same app. The only counter that tells what devices run; "
        "it counts visits, not devices. Good: the newest version of each app grows to nearly all.",
        (16, 9),
        Query(
            f"{hour.count(seen, _VERSION)} / on (app_id) group_left () ({hour.count(seen, 'app_id')} > 0)",
            "{{version}} {{app_id}}",
        ),
        unit="percentunit",
        decimals=1,
        top=1,
        min_interval=BAR,
    )


def _other_clients(events: Events) -> Panel:
    others = events.where(selectors.OTHER_CLIENTS)
    return table(
        "Electron and React Native",
        "These clients send `set` at each launch, so it says how often a version runs, not how often it is installed; "
        "there is no failed share to be had. React Native on Android names no version in `set_fail`, so those are "
        "under `unknown`. Good: failures are few beside completed downloads.",
        (24, 6),
        {"app_id": "App", "version": "Version", "platform": "Platform"},
        [
            Column("Launches", others.count("set", _LINE)),
            Column("Set failed", others.count("set_fail", _LINE)),
            Column("Downloads completed", others.count("download_complete", _LINE)),
            Column("Downloads failed", others.count("download_fail", _LINE)),
        ],
        sort="Launches",
        widths={"App": 220},
    )
