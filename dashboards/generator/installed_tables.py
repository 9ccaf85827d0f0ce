"""Tables of Rollout in numbers: how a version does once it is installed, and its failure rate by whom it is counted."""

from typing import Final

from dashboards.generator.devices import Devices
from dashboards.generator.formulas import Events, or_zero, share
from dashboards.generator.health_measures import CRASHES, NOT_READY, SLOW, Measure, Reports
from dashboards.generator.panels import TOO_FEW, Panel
from dashboards.generator.selectors import PLUGIN
from dashboards.generator.tables import Column, table
from dashboards.generator.update_panels import AT_LEAST, PLATFORM, failed

_BY: Final = "platform"


def installed_table(version: Events, baseline: Events, size: tuple[int, int]) -> Panel:
    """What devices report that run the version: what a failed update never tells."""
    mine, theirs = Reports.beside(version.where(PLUGIN)), Reports.beside(baseline.where(PLUGIN))

    def rates(measure: Measure, apart: str) -> list[Column]:
        return [
            Column(f"share{apart}", _rate(measure, mine), "percentunit", 1, no_value=TOO_FEW, width=56),
            Column(f"usual{apart}", _rate(measure, theirs), "percentunit", 1, no_value=TOO_FEW, width=56),
        ]

    return table(
        "Once it is installed",
        "Visits that tell: of devices that would tell of a crash, and how many ended in one. Launches: begun, and how "
        "many never called `notifyAppReady`, a white screen. "
        "Came up: those that did and told after how long, and how many took over five seconds. Usual: the baseline's "
        "share. A device that crashes ten times counts ten times. Kinds of crashes, and more, in Health. Good: as "
        "usual.",
        size,
        {_BY: PLATFORM},
        [
            Column("Visits that tell", CRASHES.whole(mine, _BY), width=104),
            Column("Crashes", CRASHES.part(mine, _BY), width=66),
            *rates(CRASHES, ""),
            Column("Launches", NOT_READY.whole(mine, _BY), width=78),
            Column("Never ready", NOT_READY.part(mine, _BY), width=94),
            *rates(NOT_READY, " "),
            Column("Came up", SLOW.whole(mine, _BY), width=70),
            Column("Slow", SLOW.part(mine, _BY), width=48),
            *rates(SLOW, "  "),
        ],
        sort="Platform",
        ascending=True,
        no_value="Not reported",
    )


def _rate(measure: Measure, reports: Reports) -> str:
    return f"{measure.part(reports, _BY)} / ({measure.whole(reports, _BY)} >= {AT_LEAST})"


def rates_table(version: Events, tried: Devices, size: tuple[int, int]) -> Panel:
    """The failure rate by devices beside that by attempts."""
    entered, installs = (tried.where(PLUGIN).entered(stage, _BY) for stage in ("failed", "installed"))
    failures = or_zero(entered, installs)
    return table(
        "Failure rate, by",
        "Device: those on which this version failed, of those on which it failed or was installed, however often each "
        "tried; failed downloads count, and one that was rolled back is in both. Attempt: `set_fail + update_fail`, of "
        "`set + set_fail`. Which of them to believe stands in dashboards/README.md. Good: low, and both alike.",
        size,
        {_BY: PLATFORM},
        [
            Column("Devices failed", failures),
            Column("of devices", f"({failures} + {installs})"),
            Column(
                "Device", share(failures, f"({failures} + {installs})", AT_LEAST), "percentunit", 1, no_value=TOO_FEW
            ),
            Column("Updates failed", version.failures(_BY)),
            Column("of attempts", version.attempts(_BY)),
            Column("Attempt", failed(version, _BY), "percentunit", 1, no_value=TOO_FEW),
        ],
        sort="Platform",
        ascending=True,
        no_value=TOO_FEW,
    )
