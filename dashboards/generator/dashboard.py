"""A dashboard: rows of panels put on Grafana's grid, under ids that stay."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.generator.panels import DATA_SOURCE, Json, Panel
from dashboards.generator.selectors import FIRST_SEEN, selector

TAG: Final = "live-updates"
OVERVIEW: Final = "live-updates-overview"
ROLLOUT: Final = "live-updates-rollout"
DOWNLOADS: Final = "live-updates-downloads"
HEALTH: Final = "live-updates-health"
EXPORTER: Final = "live-updates-exporter"
EVENTS: Final = "live-updates-events"

_COLUMNS: Final = 24
_SCHEMA: Final = 41  # understood by Grafana 10 to 13, which migrate older numbers when they load a file


@dataclass(frozen=True)
class Row:
    """A question, and the panels that answer it."""

    question: str
    panels: Sequence[Panel]
    collapsed: bool = False


def panel_id(title: str) -> int:
    """A panel's id. It follows from the title, so that links to a panel survive new neighbours."""
    return zlib.crc32(title.encode()) % 1_000_000


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    y = 0
    for row in rows:
        panels = list(_beside_each_other(row.panels, y + 1))
        yield {
            "id": panel_id(row.question),
            "type": "row",
            "title": row.question,
            "collapsed": row.collapsed,
            "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
            "panels": panels if row.collapsed else [],
        }
        y += 1
        if not row.collapsed:
            yield from panels
            y = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)


def _beside_each_other(panels: Sequence[Panel], y: int) -> Iterator[Json]:
    x, height = 0, 0
    for panel in panels:
        if x + panel.width > _COLUMNS:
            x, y, height = 0, y + height, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        yield {"id": panel_id(panel.title), "gridPos": place, **panel.body}
        x, height = x + panel.width, max(height, panel.height)


def first_seen(*matchers: str) -> Json:
    """Marks when the first event of a version arrived; the series' value is the time."""
    return {
        "name": "Version first seen",
        "datasource": DATA_SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "#c7c7d1",
        "expr": f"min by (app_id, version) ({selector(FIRST_SEEN, *matchers)}) * 1000",
        "step": "60s",
        "titleFormat": "{{version}}",
        "textFormat": "first seen of {{app_id}}",
        "tagKeys": "app_id,version",
        "useValueForTime": True,
    }


_BUILT_IN: Final = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}
NAVIGATION: Final = [
    ("Overview", OVERVIEW),
    ("Rollout", ROLLOUT),
    ("Health", HEALTH),
    ("Downloads", DOWNLOADS),
    ("Events", EVENTS),
    ("Exporter", EXPORTER),
]
"""The dashboards in the order in which one goes through them."""


def _links(uid: str) -> list[Json]:
    """A button for each of the other dashboards, for the same time and choice."""
    return [
        {
            "type": "link",
            "title": title,
            "tags": [],
            "asDropdown": False,
            "includeVars": True,
            "keepTime": True,
            "targetBlank": False,
            "icon": "dashboard",
            "tooltip": f"{title}, for the same time and choice",
            "url": f"/d/{other}",
        }
        for title, other in NAVIGATION
        if other != uid
    ]


def dashboard(
    uid: str,
    title: str,
    description: str,
    rows: Sequence[Row],
    variables: Sequence[Json],
    annotations: Sequence[Json] = (),
    since: str = "now-24h",
) -> Json:
    return {
        "uid": uid,
        "title": f"Live updates / {title}",
        "description": description,
        "tags": [TAG],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "refresh": "1m",
        "time": {"from": since, "to": "now"},
        "timepicker": {},
        "links": _links(uid),
        "annotations": {"list": [_BUILT_IN, *annotations]},
        "templating": {"list": list(variables)},
        "panels": list(_placed(rows)),
    }
