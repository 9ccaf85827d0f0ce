"""The dashboard Health: is a version that installed fine broken?"""

from typing import Final

from dashboards.generator.charts import bar_gauge
from dashboards.generator.dashboard import HEALTH, ROLLOUT, Row, dashboard, first_seen
from dashboards.generator.health_alerts import FINDINGS
from dashboards.generator.health_comparison import Comparison
from dashboards.generator.health_details import comes_up, crashes, errors, starts
from dashboards.generator.health_measures import Reports
from dashboards.generator.health_verdicts import findings, verdict
from dashboards.generator.panels import Json, Panel, Query
from dashboards.generator.selectors import BUNDLES, ONE_APP, ONE_VERSION, OTHER_VERSIONS, PLATFORM, TARGETS, own
from dashboards.generator.tables import Column, Label, field, link, table
from dashboards.generator.tiles import data_tile
from dashboards.generator.timescale import Timescale
from dashboards.generator.update_panels import PLATFORM as PLATFORM_LABEL
from dashboards.generator.variables import PREFIX, ROLLOUT_SCOPE
from dashboards.generator.verdicts import installing

_LINES: Final = 5
_APP: Final = "${app_id:percentencode}"
_ROLLOUT: Final = (link("Rollout of this version", ROLLOUT, app_id=_APP, version="${version:percentencode}"),)
_VERSION: Final = Label(
    "Version",
    76,
    [
        link("Health of this version", HEALTH, app_id=_APP, version=field("Version")),
        link("Rollout of this version", ROLLOUT, app_id=_APP, version=field("Version")),
    ],
)


def health(scale: Timescale) -> Json:
    app = Reports(PREFIX, "$__range", (*TARGETS, ONE_APP, PLATFORM))
    both = Comparison(app.where(ONE_VERSION), app.where(*OTHER_VERSIONS, BUNDLES))
    bundles = app.where(BUNDLES)
    return dashboard(
        HEALTH,
        "Health",
        "What a version does after it installed fine: does it crash, does it come up, what do its pages throw, how "
        "fast does it start.",
        [
            Row(
                "Is $version broken once it runs?",
                [
                    verdict(
                        "Worse than the baseline?",
                        both.version,
                        both.baseline,
                        (20, 5),
                        installing(both.version.events, both.baseline.events, _ROLLOUT),
                    ),
                    data_tile(ONE_APP, size=(4, 5)),
                    _findings(bundles),
                ],
            ),
            Row("Does it crash more than the versions before, and how?", crashes(scale, both)),
            Row("Does it come up, or does the screen stay white?", comes_up(scale, both)),
            Row("Which errors do its pages throw?", errors(both)),
            Row("Does it start slower?", starts(scale, both)),
            Row("Can I trust this?", _trust(bundles)),
        ],
        ROLLOUT_SCOPE,
        [first_seen(*TARGETS, ONE_APP, PLATFORM, BUNDLES)],
    )


def _findings(bundles: Reports) -> Panel:
    return findings(
        FINDINGS,
        bundles,
        (24, 12),
        {"version": _VERSION, "platform": PLATFORM_LABEL, "what": Label("What")},
    )


def _trust(bundles: Reports) -> list[Panel]:
    by = "version, platform"
    visits = f"({bundles.visits(by)} > 0)"

    def part(reports: str) -> str:
        reporters = bundles.where(f'reports="{reports}"')
        return f"{reporters.visits(by)} / {visits}"

    return [
        table(
            "Who can report",
            "Visits by what their clients can report: crashes and errors of pages (plugin 8.46, 7.50, 6.50, 5.50 and "
            "newer), errors only (those on Android before 11), or nothing. Where all report nothing, nothing is "
            "known: not that all is well.",
            (16, 8),
            {"version": _VERSION, "platform": PLATFORM_LABEL},
            [
                Column("Visits", f"topk({_LINES}, {visits})"),
                Column("Crashes, errors", part("crashes"), "percentunit", 0),
                Column("Errors only", part("errors"), "percentunit", 0),
                Column("Nothing", part("nothing"), "percentunit", 0),
            ],
            sort="Visits",
            only="Visits",
        ),
        bar_gauge(
            "Durations not taken",
            "Durations of launches and page loads that were left out, of all apps, by reason: no number, a clock "
            "that was set back, or more than ten minutes, in which the app was suspended. Their events count.",
            (8, 8),
            Query(f"sum by (reason) (increase({own('durations_dropped_total')}[$__range]))", "{{reason}}"),
        ),
    ]
