"""Panels about downloads that several dashboards show of their own selection."""

from collections.abc import Sequence
from typing import Final

from dashboards.generator import thresholds as limits
from dashboards.generator.formulas import Events
from dashboards.generator.panels import Panel, steps
from dashboards.generator.phases import LINE, completed, phases, started
from dashboards.generator.tables import Column, Label, table
from dashboards.generator.update_panels import AT_LEAST

SURELY_LOST: Final = steps(("orange", limits.UNFINISHED_WARNING), ("red", limits.UNFINISHED_BAD), base="text")
PHONES: Final = {"Android": 'platform="android"', "iOS": 'platform="ios"'}

_WIDTHS: Final = (64, 72, 80)

WHERE: Final = (
    "0–70 %: the bytes; what stops there is the network or the server of bundles. 70–90 %: checksum and unpacking on "
    "the device; a bad bundle or a full disk. 90–100 %: putting it in place. Counted are attempts, not devices: one "
    "that tries three times counts three times. What is on its way at the end of the time range counts as lost."
)


def phase_columns(events: Events) -> list[Column]:
    """How many downloads of each version and platform stopped in each phase."""
    return [
        Column(phase.short, phase.lost, width=width) for phase, width in zip(phases(events, LINE), _WIDTHS, strict=True)
    ]


def phase_table(version: Events, baseline: Events, size: tuple[int, int]) -> Panel:
    """Where the downloads of a version stop on both kinds of phones, beside the baseline."""
    columns = []
    for number, (phone, matcher) in enumerate(PHONES.items()):
        mine, theirs, apart = version.where(matcher), baseline.where(matcher), " " * number
        columns += [
            Column(phone, _counts(mine)),
            Column(f"share{apart}", _shares(mine), "percentunit", 1),
            Column(f"usual{apart}", _shares(theirs), "percentunit", 1),
        ]
    return table(
        "Where downloads stop",
        "Downloads of this version: begun, lost in each phase, completed; their share of those begun, and what is "
        f"usual: the baseline's share. {WHERE}",
        size,
        {"phase": Label("Phase", 150)},
        columns,
        sort="Phase",
        ascending=True,
    )


def _counts(events: Events) -> str:
    lost = [(phase.name, phase.lost) for phase in phases(events, "")]
    return _rows([("0 % started", started(events)), *lost, ("100 % completed", completed(events))])


def _shares(events: Events) -> str:
    parts = [(phase.name, phase.lost) for phase in phases(events, "")]
    rows = _rows([*parts, ("100 % completed", completed(events))])
    return f"({rows}) / on () group_left () ({started(events)} >= {AT_LEAST})"


def _rows(counts: Sequence[tuple[str, str]]) -> str:
    return " or ".join(f'label_replace({expr}, "phase", "{name}", "", "")' for name, expr in counts)
