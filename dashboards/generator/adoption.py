"""Panels about how a version spreads over the devices of an app."""

from dashboards.generator import colors
from dashboards.generator.charts import STEP, lines
from dashboards.generator.dashboard import DOWNLOADS
from dashboards.generator.devices import Devices
from dashboards.generator.formulas import Events
from dashboards.generator.panels import Panel, Query, names, override, stat
from dashboards.generator.selectors import BUNDLES, ONE_VERSION
from dashboards.generator.tables import Column, Label, field, link, table
from dashboards.generator.update_panels import SURELY_FAILED, failed, surely_failed

_HEARD = "1d"
_GRAIN = "5m"
_SHOWN = 4


def adoption_panels(app: Events, devices: Devices) -> list[Panel]:
    return [_spread(devices), _times(devices), _versions(app, devices)]


def _share(devices: Devices) -> str:
    """Share of the devices heard from within a day that run the version."""
    return f"{devices.where(ONE_VERSION).running(_HEARD)} / {devices.running(_HEARD)}"


def _spread(devices: Devices) -> Panel:
    others = devices.where('version!="$version"').running(_HEARD, "version")
    return lines(
        "Devices by version",
        "Share of the app's devices heard from within a day that run each version: `capgo_devices`. Blue: this "
        "version; grey: the others. Good: blue grows as the rollout is widened.",
        (9, 8),
        Query(_share(devices), "$version"),
        Query(f"topk({_SHOWN}, {others} / on () group_left () {devices.running(_HEARD)})", "{{version}}"),
        unit="percentunit",
        decimals=1,
        top=1,
        min_interval=STEP,
        overrides=[
            override("byFrameRefID", "A", colors.fixed(colors.CHOSEN)),
            override("byFrameRefID", "B", colors.fixed(colors.OTHERS)),
        ],
        no_value="Not counted",
    )


def _times(devices: Devices) -> Panel:
    def reached(part: float) -> str:
        share = f"({_share(devices)})"
        before, there = f"count_over_time(({share} < {part})[30d:{_GRAIN}])", f"({share} >= {part})"
        return f"({before} * 300 and {there} or {there} * 0 or {share} * 0 - 1)"

    return stat(
        "Adopted",
        "Share of the devices heard from within a day that run this version now, and how long it took from its first "
        "device until 50 % and 90 % ran it. Always: in all of the last 30 days that Prometheus knows of. Good: as for "
        "the versions before.",
        (4, 8),
        Query(_share(devices), "now"),
        Query(reached(0.5), "50 % after"),
        Query(reached(0.9), "90 % after"),
        unit="s",
        decimals=1,
        mappings=names({"-1": ("not yet", "text"), "0": ("always", "text")}),
        named=True,
        no_value="Not counted",
        overrides=[override("byFrameRefID", "A", {"unit": "percentunit"})],
    )


def _versions(app: Events, devices: Devices) -> Panel:
    bundles, running = app.where(BUNDLES), devices.where(BUNDLES)
    return table(
        "Versions of this app",
        "Devices: heard from within a day, by the version they run. Failed: of the update attempts. Any "
        "failure: devices whose newest attempt stands at one, a failed download included. At least: the "
        "lower end of the share's 95 % interval. Choose a version to judge it. Good: no orange, no red.",
        (11, 8),
        {
            "version": Label(
                "Version",
                links=[
                    link("Its downloads", DOWNLOADS, app_id="${app_id:percentencode}", version=field("Version")),
                ],
            )
        },
        [
            Column("Devices", running.running(_HEARD, "version"), width=86),
            Column("Attempts", bundles.attempts("version")),
            Column("Failed", failed(bundles, "version"), "percentunit", 1),
            Column("at least", surely_failed(bundles, "version"), "percentunit", 1, SURELY_FAILED),
            Column("any failure", running.standing("failed", "version"), width=88),
        ],
        sort="Devices",
    )
