"""The forms of the rules: rule files of Prometheus, and a provisioning file of Grafana's own alerting."""

import re
from collections.abc import Callable
from typing import Final

from dashboards.generator.alert import Alert, Group
from dashboards.generator.dashboard import panel_id
from dashboards.generator.links import Links
from dashboards.generator.panels import Json
from dashboards.generator.recording import Recording
from dashboards.generator.timescale import Timescale

DATA_SOURCE_UID: Final = "capgo-prometheus"
"""Grafana's rules name their data source by its uid; variables can't be used there."""
FOLDER: Final = "Live updates"
EVALUATION: Final = "1m"
_LOOK_BACK_SECONDS: Final = 600


def recording_rules(recordings: list[Recording]) -> Json:
    rules = [{"record": recording.record, "expr": recording.expr} for recording in recordings]
    return {"groups": [{"name": "live-updates-recordings", "rules": rules}]}


def longterm_rules(recordings: list[Recording], scale: Timescale) -> Json:
    """One sample of each an hour, as their windows meet: to be kept for years."""
    rules = [{"record": recording.record, "expr": recording.expr} for recording in recordings]
    return {"groups": [{"name": "live-updates-longterm", "interval": scale("1h"), "rules": rules}]}


def prometheus_rules(groups: list[Group], links: Links) -> Json:
    return {
        "groups": [
            {"name": group.name, "rules": [_prometheus_rule(alert, links) for alert in group.alerts]}
            for group in groups
        ]
    }


def operator_rules(*rules: Json) -> Json:
    """Rule files of Prometheus as one object of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "capgo"},
        "spec": {"groups": [group for each in rules for group in each["groups"]]},
    }


def _prometheus_rule(alert: Alert, links: Links) -> Json:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.wait,
        "labels": {"severity": alert.severity},
        "annotations": _annotations(
            alert, f"{links.grafana}/", links.runbook, lambda form: f"{{{{ $value | {form} }}}}"
        ),
    }


def grafana_rules(groups: list[Group], scale: Timescale, links: Links) -> Json:
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": group.name,
                "folder": FOLDER,
                "interval": scale(EVALUATION),
                "rules": [_grafana_rule(alert, links) for alert in group.alerts],
            }
            for group in groups
        ],
    }


def _grafana_rule(alert: Alert, links: Links) -> Json:
    # Grafana's own address always ends with a slash, whatever `root_url` says.
    annotations = _annotations(
        alert, "{{ externalURL }}", links.runbook, lambda form: f"{{{{ $values.A.Value | {form} }}}}"
    )
    window = {"from": _LOOK_BACK_SECONDS, "to": 0}
    return {
        "uid": _kebab(alert.name),
        "title": alert.name,
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "datasourceUid": DATA_SOURCE_UID,
                "relativeTimeRange": window,
                "model": {"refId": "A", "expr": alert.guarded, "instant": True, "range": False, "editorMode": "code"},
            },
            {
                "refId": "B",
                "datasourceUid": "__expr__",
                "relativeTimeRange": window,
                "model": {
                    "refId": "B",
                    "type": "threshold",
                    "expression": "A",
                    "conditions": [{"evaluator": {"type": _EVALUATORS[alert.comparison], "params": [alert.threshold]}}],
                },
            },
        ],
        "for": alert.wait,
        "noDataState": "OK",  # no series, nothing wrong: just as in Prometheus
        "execErrState": "Error",
        "labels": {"severity": alert.severity},
        "annotations": annotations | {"__dashboardUid__": alert.dashboard, "__panelId__": str(panel_id(alert.panel))},
        "isPaused": False,
    }


_EVALUATORS: Final = {">": "gt", "<": "lt"}


def _annotations(alert: Alert, grafana: str, runbook: str, value: Callable[[str], str]) -> dict[str, str]:
    def filled(text: str) -> str:
        text = re.sub(r"<value:(\w+)>", lambda match: value(match[1]), text)
        return re.sub(r"<(\w+)>", r"{{ $labels.\1 }}", text)

    variables = "".join(f"&var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in alert.variables)
    return {
        "summary": filled(alert.summary),
        "description": filled(alert.description),
        "dashboard": f"{grafana}d/{alert.dashboard}?viewPanel={panel_id(alert.panel)}{variables}",
        "runbook_url": f"{runbook}#{alert.name.lower()}",
    }


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
