"""Dashboards and Grafana's own alert rules, read by Grafana's published models (grafana-foundation-sdk).

A key that the models do not know is lost when they write again what they read: that is how a typo shows.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import RuleGroup
from grafana_foundation_sdk.models.expr import TypeThreshold
from grafana_foundation_sdk.models.prometheus import Dataquery

with warnings.catch_warnings():
    # It would have us use the newer schema, which no file provisioning of Grafana 12 and before takes.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.generator.timescale import seconds
from tests.dashboards import grafana

HOME = Path(__file__).resolve().parents[2] / "dashboards"
DASHBOARDS = grafana.load()
GRAFANA = yaml.safe_load((HOME / "grafana/provisioning/alerting/capgo.yml").read_text())
PROMETHEUS = yaml.safe_load((HOME / "prometheus/capgo.rules.yml").read_text())

register_default_plugins()


def encoded(model: object) -> Any:
    return json.loads(JSONEncoder().encode(model))


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where `before` holds something that `after` lacks."""
    if isinstance(before, dict):
        for key, value in before.items():
            if not isinstance(after, dict) or key not in after:
                if value not in (None, [], {}, "", False):
                    yield f"{path}.{key}"
            else:
                yield from lost(value, after[key], f"{path}.{key}")
    elif isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            yield f"{path} (length)"
        else:
            for index, pair in enumerate(zip(before, after, strict=True)):
                yield from lost(*pair, f"{path}[{index}]")


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_grafanas_models_know_every_key_of_a_dashboard(dashboard: dict[str, Any]) -> None:
    """Read and written again by the models, nothing is missing."""
    assert sorted(set(lost(dashboard, encoded(Dashboard.from_json(dashboard))))) == []


def test_a_key_that_grafana_does_not_know_would_be_found() -> None:
    """The comparison above can fail: a misspelt option does not survive."""
    dashboard = json.loads(json.dumps(DASHBOARDS["live-updates-overview"]))
    panel = next(panel for panel in dashboard["panels"] if panel["type"] == "stat")
    panel["options"]["grahpMode"] = "area"
    assert any(path.endswith(".grahpMode") for path in lost(dashboard, encoded(Dashboard.from_json(dashboard))))


def grafana_rules() -> list[dict[str, Any]]:
    return [rule for group in GRAFANA["groups"] for rule in group["rules"]]


def prometheus_rules() -> list[dict[str, Any]]:
    return [rule for group in PROMETHEUS["groups"] for rule in group["rules"]]


def test_grafanas_models_know_every_key_of_its_alert_rules() -> None:
    """Groups, rules and queries are what Grafana's alerting models are made of.

    A group's folder and interval have other names in the file than in the models; `orgId` is the file's own.
    """
    assert GRAFANA["apiVersion"] == 1
    for group in GRAFANA["groups"]:
        named = {
            "title": group["name"],
            "folderUid": group["folder"],
            "interval": seconds(group["interval"]),
            "rules": group["rules"],
        }
        assert sorted(set(lost(named, encoded(RuleGroup.from_json(named))))) == []


def test_the_queries_of_grafanas_rules_are_those_of_its_data_sources() -> None:
    """The first asks Prometheus at one moment, the second compares with a threshold."""
    for rule in grafana_rules():
        asked, compared = rule["data"]
        assert asked["datasourceUid"] == "capgo-prometheus"
        assert sorted(set(lost(asked["model"], encoded(Dataquery.from_json(asked["model"]))))) == []
        assert compared["datasourceUid"] == "__expr__"
        assert sorted(set(lost(compared["model"], encoded(TypeThreshold.from_json(compared["model"]))))) == []
        assert (rule["condition"], compared["model"]["expression"]) == (compared["refId"], asked["refId"])


def test_rule_uids_are_unique_and_short_enough() -> None:
    """Grafana takes at most 40 characters of letters, digits, dashes and underscores."""
    uids = [rule["uid"] for rule in grafana_rules()]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[\w-]{1,40}", uid) for uid in uids)


def as_promql(rule: dict[str, Any]) -> str:
    """A rule of Grafana as the one expression it amounts to: the value is compared before the guards are asked."""
    asked, compared = rule["data"]
    evaluator = compared["model"]["conditions"][0]["evaluator"]
    value, *guards = asked["model"]["expr"].split("\nand ")
    comparison = {"gt": ">", "lt": "<"}[evaluator["type"]]
    return "\nand ".join((f"{value} {comparison} {evaluator['params'][0]:g}", *guards))


def test_both_forms_of_an_alert_are_the_same_expression() -> None:
    """So what promtool proves of the one holds for the other."""
    assert [as_promql(rule) for rule in grafana_rules()] == [rule["expr"] for rule in prometheus_rules()]


def test_both_forms_of_an_alert_agree_in_everything_else() -> None:
    """Name, duration, labels, and words but for the way in which a value is written."""
    for ours, theirs in zip(grafana_rules(), prometheus_rules(), strict=True):
        assert (ours["title"], ours["for"], ours["labels"]) == (theirs["alert"], theirs["for"], theirs["labels"])
        words = {name: text for name, text in ours["annotations"].items() if not name.startswith("__")}
        spelled = {
            name: text.replace("$values.A.Value", "$value").replace("{{ externalURL }}", "http://localhost:3000/")
            for name, text in words.items()
        }
        assert spelled == theirs["annotations"]


def test_an_alert_leads_to_a_panel_that_exists_and_to_its_runbook() -> None:
    """Grafana's own link fields and ours name a dashboard, a panel of it and a heading of the documentation."""
    headings = re.findall(r"^### (\w+)$", (HOME / "README.md").read_text(), re.MULTILINE)
    for rule in grafana_rules():
        words = rule["annotations"]
        panels = {str(panel["id"]) for panel in DASHBOARDS[words["__dashboardUid__"]]["panels"]}
        assert words["__panelId__"] in panels
        link = f"{{{{ externalURL }}}}d/{words['__dashboardUid__']}?viewPanel={words['__panelId__']}"
        assert words["dashboard"].startswith(link)
        assert words["runbook_url"] == f"http://localhost:9090/consoles/runbook.html#{rule['title'].lower()}"
        assert rule["title"] in headings
