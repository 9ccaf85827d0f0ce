"""The dashboard *Events*: valid LogQL that asks a log store for what the exporter sends, with Loki's traps avoided."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from exporter.eventlog.entry import entry
from exporter.wire.labels import Series, Version
from tests.dashboards import browser, grafana, loki
from tests.dashboards.grafana import Json

EVENTS = grafana.load()["live-updates-events"]
TARGETS = [(panel, target) for panel in grafana.panels(EVENTS) for target in grafana.asked(panel, "loki")]
IDS = [f"{panel['title']} {target['refId']}" for panel, target in TARGETS]
LABELS = {"service_namespace", "service_name", "deployment_environment_name"}
"""Loki's index has them of OTLP's resource without any configuration."""

each = pytest.mark.parametrize(("panel", "target"), TARGETS, ids=IDS)


def read(*queries: str) -> list[dict[str, Any]]:
    """What Grafana's own LogQL grammar finds in queries: `errors` and `names`."""
    filled = [
        query.replace("$__range", "1h").replace("$__auto", "5m").replace("$min_events", "20") for query in queries
    ]
    done = browser.node("logql/check.mjs", stdin=json.dumps(filled))
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def attributes() -> set[str]:
    """All that a line can be asked for: what the exporter makes of an event that has everything, and Loki's level."""
    event = dict.fromkeys(
        ("device_id", "version_os", "version_build", "plugin_version", "install_source", "defaultChannel"), "x"
    )
    full = event | {
        "version_name": "1:x",
        "old_version_name": "x",
        "timestamp": 1,
        "metadata": {"message": "x", "source": "x", "line": "x"},
    }
    series = Series(Version("com.example.shop", "android", "1.4.2", False), "set")
    return {*entry(series, full, ()).attributes, "detected_level"}


def test_every_query_is_logql() -> None:
    """As Grafana's editor reads it."""
    assert len(TARGETS) > 15
    found = dict(zip(IDS, read(*(target["expr"] for _, target in TARGETS)), strict=True))
    assert {name: one["errors"] for name, one in found.items() if one["errors"]} == {}


@pytest.mark.parametrize(
    "broken",
    [
        '{a="b"',
        '{a="b"} | action=',
        '{a="b"} | keep',
        'sum by (action) count_over_time({a="b"}[1h])',
        'count_over_time({a="b"})',
        'topk(5 sum(count_over_time({a="b"}[1h])))',
        "{a=~$app_id}",
    ],
)
def test_what_is_no_logql_would_be_found(broken: str) -> None:
    """The check above can fail."""
    assert read(broken)[0]["errors"]


def test_the_documentations_queries_are_logql() -> None:
    """People paste them."""
    (block,) = re.findall(r"```logql\n(.*?)```", (grafana.DASHBOARDS.parent / "EVENTS.md").read_text(), re.DOTALL)
    found = read(*block.splitlines())
    assert [one["errors"] for one in found if one["errors"]] == []
    assert {name for one in found for name in one["names"]} - LABELS - attributes() <= {"metadata_duration_ms"} | {
        "__error__"
    }


def test_queries_ask_for_what_the_exporter_sends() -> None:
    """Every label and attribute that they name is one of a line."""
    names = {name for one in read(*(target["expr"] for _, target in TARGETS)) for name in one["names"]}
    assert names >= LABELS
    assert names - LABELS - attributes() == set()


def test_the_answers_that_are_drawn_are_those_of_a_real_loki_to_these_queries() -> None:
    """None is missing, none is of an older dashboard: `python -m tests.dashboards.loki` asks anew."""
    told = loki.recorded()["answers"]
    assert [(one["panel"], one["refId"], one["expr"]) for one in told] == [
        (panel["title"], target["refId"], target["expr"]) for panel, target in TARGETS
    ]
    assert all(one["data"]["result"] for one in told)


@each
def test_a_query_keeps_to_what_loki_can_do(panel: Json, target: Json) -> None:
    """One matcher of the index that can't be empty; patterns of attributes anchored, as Loki takes `set|set_fail` for
    all that hold `set` (grafana/loki 23892); variables with several values in double quotes, for which Grafana escapes.
    """
    expr = target["expr"]
    assert expr.count("{service_namespace") == expr.count('{service_namespace="capgo"')
    assert "`" not in expr
    behind = re.sub(r"\{[^{}$]*(\$\w+[^{}]*)*\}", "", expr)  # without the selectors of the index
    for pattern in re.findall(r'[=!]~"([^"]*)"', behind):
        assert pattern.startswith("^(") and pattern.endswith(")$"), pattern  # noqa: PT018
    several = {one["name"] for one in grafana.variables(EVENTS) if one.get("multi")}
    for name in several:
        for found in re.finditer(rf"\$\{{?{name}\b", expr):
            assert expr.rfind('=~"', 0, found.start()) > expr.rfind('" ', 0, found.start()), (name, expr)


@each
def test_a_count_says_by_what(panel: Json, target: Json) -> None:
    """Without `sum by` a line's every attribute is a label of its own; lines themselves are asked for as ranges."""
    counts = target["expr"].count("count_over_time(")
    assert len(re.findall(r"sum (?:by \([\w, ]+\) )?\(count_over_time\(", target["expr"])) == counts
    assert target["queryType"] == ("instant" if counts and panel["type"] != "timeseries" else "range")
    assert target.get("maxLines", 0) <= 5000


def test_no_alert_and_no_other_dashboard_needs_a_log_store() -> None:
    """Without one nothing is red that was not."""
    for uid, dashboard in grafana.load().items():
        loki = [panel["title"] for panel in grafana.panels(dashboard) if grafana.asked(panel, "loki")]
        assert bool(loki) == (uid == "live-updates-events")


def test_a_table_of_loki_asks_more_than_once() -> None:
    """Loki's tables name a value by its query's letter, Grafana's others only where there are several."""
    for panel in grafana.panels(EVENTS):
        counts = [target for target in grafana.asked(panel, "loki") if target["queryType"] == "instant"]
        assert panel["type"] != "table" or len(counts) != 1, panel["title"]


def test_a_device_leads_to_its_story() -> None:
    """Every cell with a device is a link to this dashboard that keeps all other choices."""
    links = [
        link
        for panel in grafana.panels(EVENTS)
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "Device"
        for one in override["properties"]
        if one["id"] == "links"
        for link in one["value"]
    ]
    assert len(links) == len([panel for panel in grafana.panels(EVENTS) if '"Device"' in json.dumps(panel)])
    names = {variable["name"] for variable in grafana.variables(EVENTS)} - {"device"}
    for link in links:
        assert set(re.findall(r"\$\{(\w+):queryparam\}", link["url"])) == names
        assert "var-device=${__value.raw:percentencode}" in link["url"]
