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
EXPORTER: Final = "live-updates-exporter"
EVENTS: Final = "live-updates-events"

_COLUMNS: Final = 24
_SCHEMA: Final = 41  # understood by Grafana 10 to 13, which migrate older numbers when they load a file


@dataclass(frozen=True)
class Row:
    """A question, and the panels that answer it."""

    question: str
    panels: Sequence[Panel]


def panel_id(title: str) -> int:
    """A panel's id. It follows from the title, so that links to a panel survive new neighbours."""
    return zlib.crc32(title.encode()) % 1_000_000


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    y = 0
    for row in rows:
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        yield {
            "id": panel_id(row.question),
            "type": "row",
            "title": row.question,
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            yield {"id": panel_id(panel.title), "gridPos": place, **panel.body}
            x, height = x + panel.width, max(height, panel.height)
        y += height


def first_seen(*matchers: str) -> Json:
    """Marks when the first event of a version arrived; the series' value is the time."""
    return {
        "name": "Version first seen",
        "datasource": DATA_SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "purple",
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
_LINKS: Final = [
    {
        "type": "dashboards",
        "title": "Live updates",
        "tags": [TAG],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "The other dashboards, for the same choice",
        "url": "",
    }
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
        "links": _LINKS,
        "annotations": {"list": [_BUILT_IN, *annotations]},
        "templating": {"list": list(variables)},
        "panels": list(_placed(rows)),
    }
