"""The dashboard Rollout: one version of an app against a baseline."""

from dashboards.generator import colors
from dashboards.generator.adoption import adoption_panels
from dashboards.generator.charts import bars
from dashboards.generator.dashboard import ROLLOUT, Row, dashboard, first_seen
from dashboards.generator.devices import Devices
from dashboards.generator.download_panels import phase_table
from dashboards.generator.formulas import Events, share
from dashboards.generator.installed_tables import installed_table, rates_table
from dashboards.generator.panels import Json, Panel, Query, override
from dashboards.generator.rollout_tables import attempts_table, failures_table, standing_table, steps_table
from dashboards.generator.selectors import (
    BUNDLES,
    ONE_APP,
    ONE_VERSION,
    OTHER_VERSIONS,
    PLATFORM,
    PLUGIN,
    TARGETS,
    UNBLAMING,
)
from dashboards.generator.tiles import data_tile
from dashboards.generator.timescale import Timescale
from dashboards.generator.update_panels import AT_LEAST, failed, failed_over_time, failure_bars
from dashboards.generator.variables import EVENTS_VARIABLE, PREFIX, ROLLOUT_SCOPE
from dashboards.generator.verdicts import verdict_table


def rollout(scale: Timescale) -> Json:
    scope = (*TARGETS, ONE_APP, PLATFORM)
    app, devices = Events(EVENTS_VARIABLE, "$__range", scope), Devices(PREFIX, "$__range", scope)
    version, baseline = app.where(ONE_VERSION), app.where(*OTHER_VERSIONS, BUNDLES)
    tried, others = devices.where(ONE_VERSION), devices.where(*OTHER_VERSIONS, BUNDLES)
    return dashboard(
        ROLLOUT,
        "Rollout",
        "One version of an app against a baseline: does it fail, on how many devices, where and why, is it adopted.",
        [
            Row(
                "Is the rollout of $version healthy?",
                [
                    verdict_table(version, baseline, (13, 5)),
                    standing_table(tried, scale("1h"), (11, 5)),
                    installed_table(version, baseline, (20, 5)),
                    data_tile(ONE_APP, size=(4, 5)),
                    failures_table(version, (11, 8)),
                    phase_table(version, baseline, (13, 8)),
                ],
            ),
            Row("Since when, and does it go on?", _over_time(scale, app, version, baseline, tried)),
            Row("Do devices adopt it?", adoption_panels(app, devices)),
            Row(
                "How far do devices get, and attempts?",
                [
                    steps_table(version, baseline, tried, others, (24, 5)),
                    attempts_table(version, baseline, (24, 5)),
                    rates_table(version, tried, (24, 5)),
                ],
            ),
        ],
        ROLLOUT_SCOPE,
        [first_seen(*scope, BUNDLES)],
    )


def _over_time(scale: Timescale, app: Events, version: Events, baseline: Events, tried: Devices) -> list[Panel]:
    hour, before = version.over(scale("1h")), baseline.over(scale("1h"))
    base = share(before.failures("platform"), before.attempts("platform"), AT_LEAST)
    return [
        failed_over_time(
            "Failed updates against the baseline",
            "`(set_fail + update_fail) / (set + set_fail)` of this version (blue) and of the baseline (grey), by "
            "platform. Good: no distance between them.",
            (10, 8),
            Query(failed(hour, "platform"), "$version {{platform}}"),
            Query(base, "baseline {{platform}}"),
            overrides=[
                override("byFrameRefID", "A", colors.fixed(colors.CHOSEN)),
                override("byFrameRefID", "B", colors.fixed(colors.OTHERS)),
                colors.IOS_DASHED,
            ],
        ),
        bars(
            "Devices newly failed",
            "Devices on which this version failed for the first time. Good: none; what goes "
            "on tomorrow is what goes on now.",
            (6, 8),
            Query(f"{tried.per_bar('failed', 'platform')} > 0", "{{platform}}"),
            of="devices",
            overrides=colors.platforms(),
            no_value="None failed",
        ),
        failure_bars(
            "Failures that name no version",
            "Failures of the whole app that clients send under the version that was running, or under none: look "
            "whether they rise when this version appears. A broken zip or a wrong checksum: a bad bundle; disk full, "
            "out of memory: the device; a check failed: also without any update. Good: no rise at the mark.",
            (8, 8),
            app.where(PLUGIN),
            UNBLAMING,
        ),
    ]
