"""Downloads by the way in which a bundle comes, which also tells old plugins from newer ones.

Plugins since 5.43.3, 6.25.2 and 7.26.0 announce when a transfer begins and ends; downloads beyond those are of older
ones.
"""

from typing import Final

from dashboards.generator.download_panels import SURELY_LOST
from dashboards.generator.formulas import Events, or_zero, surely_missing
from dashboards.generator.panels import TOO_FEW, Panel
from dashboards.generator.phases import LINE, completed, started, transferred
from dashboards.generator.selectors import STARTS, TRANSFERS
from dashboards.generator.tables import Column, Label, field, table
from dashboards.generator.update_panels import APP, AT_LEAST, PLATFORM, version_label

_WAYS: Final = {"zip": "newer (zip)", "manifest": "newer (files)"}
_OLDER: Final = "older"


def transfers_table(events: Events, size: tuple[int, int]) -> Panel:
    ways = [(name, *_announced(events, way)) for way, name in _WAYS.items()] + [(_OLDER, *_older(events))]
    begun = _rows([(name, f"({whole} >= {AT_LEAST})") for name, whole, _ in ways])
    lost = _rows([(name, f"clamp_min(1 - {ended} / ({whole} >= {AT_LEAST}), 0)") for name, whole, ended in ways])
    least = _rows([(name, surely_missing(ended, whole, AT_LEAST)) for name, whole, ended in ways])
    return table(
        "Lost in the network, by plugin and kind",
        "Is it one kind of download, or only where the plugin is old? Plugins since 5.43.3, 6.25.2 and 7.26.0 "
        "announce each transfer of a whole bundle (zip), or of changed files only; the downloads beyond those are of "
        "older plugins, told by their progress. Lost: of those begun, the ones that stopped before 70 %. At least: "
        "the lower end of that share's 95 % interval. The surely worst first. Good: all alike.",
        size,
        {
            "version": version_label(field("App")),
            "platform": PLATFORM,
            "app_id": APP,
            "way": Label("Plugin", 105),
        },
        [
            Column("Started", begun, width=65),
            Column("Lost", lost, "percentunit", 1, no_value=TOO_FEW, width=60),
            Column("at least", least, "percentunit", 1, SURELY_LOST, TOO_FEW, 82),
        ],
        sort="at least",
        no_value=TOO_FEW,
    )


def _announced(events: Events, way: str) -> tuple[str, str]:
    """Transfers begun in this way, and those that ended."""
    begun = events.count(f"download_{way}_start", LINE)
    return begun, or_zero(events.count(f"download_{way}_complete", LINE), begun)


def _older(events: Events) -> tuple[str, str]:
    """Downloads that nobody announced, and those of them of which all bytes arrived."""
    known = completed(events, LINE)
    begun, ended = (or_zero(events.count(actions, LINE), known) for actions in (STARTS, TRANSFERS))
    return f"({started(events, LINE)} - {begun})", f"clamp_min({transferred(events, LINE)} - {ended}, 0)"


def _rows(counts: list[tuple[str, str]]) -> str:
    return " or ".join(f'label_replace({expr}, "way", "{name}", "", "")' for name, expr in counts)
