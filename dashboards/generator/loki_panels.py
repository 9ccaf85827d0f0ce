"""Panels that ask Loki: those of Prometheus with other queries, and two that show lines as they are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from dashboards.generator.panels import PLAIN, Json, Panel

LOKI: Final = {"type": "loki", "uid": "${loki}"}
MOST_LINES: Final = 500


def of_loki(panel: Panel) -> Panel:
    """The same panel, its queries asked of Loki. A table must have several, as Loki's name their values by letter."""
    targets = [
        _target(target["refId"], target["expr"], "instant" if target["instant"] else "range")
        | {"legendFormat": target["legendFormat"]}
        for target in panel.body["targets"]
    ]
    return replace(panel, body=panel.body | {"datasource": LOKI, "targets": targets})


def _target(letter: str, expr: str, kind: str) -> Json:
    return {"refId": letter, "datasource": LOKI, "editorMode": "code", "expr": expr, "queryType": kind}


def _lines(kind: str, title: str, description: str, size: tuple[int, int], query: str, direction: str) -> Json:
    target = _target("A", query, "range") | {"maxLines": MOST_LINES, "direction": direction}
    return {"type": kind, "title": title, "description": description, "datasource": LOKI, "targets": [target]}


def line_table(
    title: str,
    description: str,
    size: tuple[int, int],
    query: str,
    columns: dict[str, str],
    overrides: Sequence[Json] = (),
) -> Panel:
    """The newest lines, a row each; `columns` are attributes and their headings, behind the time."""
    order = ["Time", *columns]
    defaults = {
        "unit": "none",
        "color": {"mode": "thresholds"},
        "thresholds": PLAIN,
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": True, "minWidth": 60},
    }
    body = _lines("table", title, description, size, query, "backward") | {
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": "Time", "desc": True}]},
        "transformations": [
            {"id": "extractFields", "options": {"source": "labels", "replace": True, "keepTime": True}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {},
                    "includeByName": dict.fromkeys(order, True),
                    "indexByName": {name: index for index, name in enumerate(order)},
                    "renameByName": columns,
                },
            },
        ],
    }
    return Panel(title, *size, body)


def story(title: str, description: str, size: tuple[int, int], query: str) -> Panel:
    """Lines in the order of their time, as text."""
    options = {
        "dedupStrategy": "none",
        "enableLogDetails": True,
        "prettifyLogMessage": False,
        "showCommonLabels": False,
        "showLabels": False,
        "showLogContextToggle": False,
        "showTime": True,
        "sortOrder": "Ascending",
        "wrapLogMessage": True,
    }
    body = _lines("logs", title, description, size, query, "forward") | {
        "fieldConfig": {"defaults": {"unit": "none", "thresholds": PLAIN}, "overrides": []},
        "options": options,
    }
    return Panel(title, *size, body)
