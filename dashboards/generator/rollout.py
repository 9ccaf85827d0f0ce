"""The dashboard Rollout: one version against a baseline."""

from dashboards.generator import selectors
from dashboards.generator import thresholds as limits
from dashboards.generator.dashboard import DOWNLOADS, EVENTS, ROLLOUT, Row, dashboard, first_seen
from dashboards.generator.formulas import Events, share, z_score
from dashboards.generator.panels import (
    PLAIN,
    TOO_FEW,
    Column,
    Json,
    Panel,
    Query,
    bar_gauge,
    field,
    lines,
    link,
    ranges,
    stat,
    table,
)
from dashboards.generator.selectors import BUNDLES, ONE_APP, ONE_VERSION, OTHER_VERSIONS, PLATFORM, TARGETS
from dashboards.generator.shared_panels import (
    AT_LEAST,
    BAR,
    FAILED,
    count_bars,
    failed,
    failed_over_time,
    finished_tile,
    lost_bars,
    reached_bars,
    surely_failed,
)
from dashboards.generator.timescale import Timescale
from dashboards.generator.variables import EVENTS_VARIABLE, ROLLOUT_SCOPE

_CHOSEN = {"app_id": "${app_id:percentencode}", "version": "${version:percentencode}"}
_COLORS = {"A": "blue", "B": "#8e8e8e"}


def rollout(scale: Timescale) -> Json:
    app = Events(EVENTS_VARIABLE, "$__range", (*TARGETS, ONE_APP, PLATFORM))
    version = app.where(ONE_VERSION)
    baseline = app.where(*OTHER_VERSIONS, BUNDLES)
    return dashboard(
        ROLLOUT,
        "Rollout",
        "One version of an app against a baseline: does it fail, where and why, do its downloads arrive, is it "
        "adopted.",
        [
            Row(
                "Is the rollout of $version healthy?",
                [
                    *_tiles(version, baseline),
                    _trend(version.over(scale("1h")), baseline.over(scale("1h"))),
                    reached_bars("How far downloads get", version, (6, 10), "this version"),
                    lost_bars("Where downloads stop", version, (6, 10), "this version"),
                ],
            ),
            Row("Which platform fails, and why?", [*_reasons(version), _unblaming(app)]),
            Row("Is it the bundle, or are networks bad everywhere?", _comparison(version, baseline)),
            Row("Do devices adopt it?", _adoption(app, app.over(scale("1h")))),
        ],
        ROLLOUT_SCOPE,
        [first_seen(*TARGETS, ONE_APP, PLATFORM, BUNDLES)],
    )


def _tiles(version: Events, baseline: Events) -> list[Panel]:
    share_of: Json = {"unit": "percentunit", "decimals": 2, "thresholds": FAILED, "no_value": TOO_FEW}
    return [
        stat(
            "Failed updates",
            "Failed share of the attempts to run this version: `(set_fail + update_fail) / (set + set_fail)`. A "
            "rollback (`update_fail`) comes after a `set`, so it is no attempt of its own. Good: below "
            f"{limits.FAILED_WARNING:.0%}.",
            (4, 5),
            Query(failed(version, "version")),
            **share_of,
            background=True,
            links=[link("Which devices, and what do they say?", EVENTS, **_CHOSEN)],
        ),
        stat(
            "Surely above",
            "The true failed share is above this with 95 % confidence (lower end of Wilson's interval): how far the "
            f"tile to the left can be trusted with the attempts so far. Good: below {limits.FAILED_WARNING:.0%}; "
            f"above {limits.FAILED_BAD:.0%} an alert fires.",
            (4, 5),
            Query(surely_failed(version, "version")),
            **share_of,
        ),
        stat(
            "Baseline failed",
            "The same share of the baseline, by default every other version of the app. This version's rollbacks "
            "send a `set` for the version before, which flatters the baseline by a few of its attempts.",
            (4, 5),
            Query(share(baseline.failures(), baseline.attempts(), AT_LEAST)),
            **share_of,
        ),
        _worse(version, baseline),
        finished_tile(version, (4, 5)),
        stat(
            "Installs",
            "`set` of this version. Those that were rolled back afterwards are among them. Electron and "
            "React Native are left out: they send `set` at each launch.",
            (4, 5),
            Query(f"{version.installs()} or vector(0)"),
            decimals=0,
        ),
    ]


def _worse(version: Events, baseline: Events) -> Panel:
    return stat(
        "Worse than baseline?",
        f"z-score of the two failed shares: `(p1 - p2) / √(p (1 - p) (1 / n1 + 1 / n2))`. Below {limits.WORSE_MAYBE} "
        f"the difference may be chance, above {limits.WORSE_SURELY:.0f} an alert fires. Good: no.",
        (4, 5),
        Query(
            z_score(
                version.failures(),
                f"({version.attempts()} >= {AT_LEAST})",
                baseline.failures(),
                f"({baseline.attempts()} >= {AT_LEAST})",
            )
        ),
        decimals=1,
        mappings=ranges(
            (None, limits.WORSE_MAYBE, "No", "green"),
            (limits.WORSE_MAYBE, limits.WORSE_SURELY, "Maybe", "orange"),
            (limits.WORSE_SURELY, None, "Yes", "red"),
        ),
        thresholds=PLAIN,
        no_value=TOO_FEW,
    )


def _trend(version: Events, baseline: Events) -> Panel:
    return failed_over_time(
        "Failed updates against the baseline",
        "`(set_fail + update_fail) / (set + set_fail)` of this version and of the baseline. Good: no distance "
        "between them.",
        (12, 10),
        Query(failed(version, "version"), "$version"),
        Query(share(baseline.failures(), baseline.attempts(), AT_LEAST), "baseline"),
        colors=_COLORS,
    )


def _reasons(version: Events) -> list[Panel]:
    by_kind = f"{selectors.BLAMING}|{selectors.MANIFEST_FILES}"
    attempts = version.attempts("platform")
    failures = version.where(selectors.PLUGIN).count(by_kind, "platform, action")
    return [
        bar_gauge(
            "Failed updates by platform",
            "`(set_fail + update_fail) / (set + set_fail)` of this version on each platform. Good: equal and green; "
            "one platform alone points at native code or the bundle's build for it.",
            (6, 8),
            Query(f"sort_desc({failed(version, 'platform')})", "{{platform}}"),
            unit="percentunit",
            decimals=2,
            thresholds=FAILED,
            top=0.1,
            no_value=TOO_FEW,
        ),
        table(
            "What failed where",
            "Failures that name this version, by platform and action. Share: of the attempts on that platform, or of "
            "nothing where there were none. `set_fail`: the bundle is not on disk; `update_fail`: it did not start "
            "and was rolled back; `finish_download_fail`: unpacking or checksum. Manifest failures count files, two "
            "events each on Android. Good: empty, or small shares.",
            (10, 8),
            {"platform": "Platform", "action": "Action"},
            [
                Column("Events", f"{failures} > 0"),
                Column(
                    "Per attempt",
                    f"({failures} > 0) / on (platform) group_left () ({attempts} > 0)",
                    "percentunit",
                    1,
                    no_value="-",
                ),
            ],
            sort="Events",
            links={"Action": [_devices_of_this_failure()]},
            widths={"Platform": 80, "Events": 80, "Per attempt": 100},
        ),
    ]


def _devices_of_this_failure() -> Json:
    failure = {"platform": field("Platform"), "action": "${__value.raw:percentencode}"}
    return link("Which devices, and what do they say?", EVENTS, **_CHOSEN, **failure)


def _unblaming(app: Events) -> Panel:
    return count_bars(
        "Failures that name no version",
        "Failures of the whole app that clients send under the version that was running, or under none: look whether "
        "they rise when this version appears. `unzip_fail` and `checksum_fail`: a bad bundle; "
        "`insufficient_disk_space` and `low_mem_fail`: the device; `download_fail`: also a check for updates that "
        "failed. Good: no rise at the version's mark.",
        (8, 8),
        Query(f"{app.per_bar(selectors.UNBLAMING, 'action')} > 0", "{{action}}"),
    )


def _comparison(version: Events, baseline: Events) -> list[Panel]:
    return [
        lost_bars(
            "Lost at each step on Android", version.where('platform="android"'), (8, 9), "this version on Android"
        ),
        lost_bars("Lost at each step on iOS", version.where('platform="ios"'), (8, 9), "this version on iOS"),
        lost_bars("Lost at each step in the baseline", baseline, (8, 9), "the baseline"),
    ]


def _adoption(app: Events, hour: Events) -> list[Panel]:
    seen = "app_moved_to_foreground"
    whole: Json = {"unit": "percentunit", "decimals": 1, "stacked": True, "top": 1, "min_interval": BAR}
    of_all = "/ on () group_left ()"
    return [
        lines(
            "Share of installs",
            "Each version's share of `set`, within a moving hour: which version devices are being given. Good: this "
            "version grows as the rollout is widened.",
            (12, 9),
            Query(f"{hour.installs('version')} {of_all} ({hour.installs()} > 0)", "{{version}}"),
            **whole,
        ),
        lines(
            "Share of visits",
            "Each version's share of `app_moved_to_foreground`, within a moving hour: which version devices run. It "
            "counts visits, not devices. Good: this version follows its share of installs.",
            (12, 9),
            Query(f"{hour.count(seen, 'version')} {of_all} ({hour.count(seen)} > 0)", "{{version}}"),
            **whole,
        ),
        table(
            "Versions of this app",
            "The versions that were installed in the time range; choose one above to judge it. Installs: `set`. "
            "Failed: `(set_fail + update_fail) / (set + set_fail)`. Good: no red.",
            (24, 7),
            {"version": "Version"},
            [
                Column("Installs", f"{app.installs('version')} > 0"),
                Column("Failures", f"{app.failures('version')} and {app.installs('version')} > 0"),
                Column("Failed", failed(app, "version"), "percentunit", 2, FAILED, TOO_FEW),
                Column("Visits", f"{app.count(seen, 'version')} and {app.installs('version')} > 0"),
            ],
            sort="Installs",
            links={
                "Version": [
                    link(
                        "Judge this version",
                        ROLLOUT,
                        app_id="${app_id:percentencode}",
                        version="${__value.raw:percentencode}",
                    ),
                    link(
                        "Its downloads",
                        DOWNLOADS,
                        app_id="${app_id:percentencode}",
                        version="${__value.raw:percentencode}",
                    ),
                ]
            },
        ),
    ]
