"""What a good dashboard keeps to: the rules of Grafana's dashboard-linter, and stricter ones of ours."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards import grafana, promql
from tests.dashboards.grafana import Json

DASHBOARDS = grafana.load()
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PANEL_TYPES = {"timeseries", "stat", "bargauge", "table", "text", "logs"}
UNITS = {"none", "percentunit", "s", "bytes", "eps", "reqps"}
"""All are ids of Grafana's unit list."""
MOVING_WINDOWS = {"1h"}

each = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)

OF_PROMETHEUS = {uid: dashboard for uid, dashboard in DASHBOARDS.items() if uid != "live-updates-events"}
each_of_prometheus = pytest.mark.parametrize("dashboard", OF_PROMETHEUS.values(), ids=OF_PROMETHEUS)
"""The other one asks a log store, which knows no exporters."""


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    return ((panel, target) for panel in grafana.panels(dashboard) for target in grafana.asked(panel))


def by_name(dashboard: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in grafana.variables(dashboard)}


def test_the_dashboards_have_their_names() -> None:
    """Links from outside rely on the uids."""
    names = ("overview", "rollout", "downloads", "exporter", "events")
    assert set(DASHBOARDS) == {f"live-updates-{name}" for name in names}


@each
def test_a_dashboard_has_a_stable_identity_and_the_classic_schema(dashboard: Json) -> None:
    """The uid is ours, ids are unique, nothing marks an export of one Grafana, and no newer schema slips in."""
    assert re.fullmatch(r"[a-z-]{1,40}", dashboard["uid"])
    assert 36 <= dashboard["schemaVersion"] <= 42
    assert not {"id", "__inputs", "__requires", "elements", "layout", "apiVersion", "kind"} & set(dashboard)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    assert min(ids) > 0
    assert dashboard["editable"] is False
    assert dashboard["tags"] == ["live-updates"]


@each_of_prometheus
def test_the_data_source_is_a_variable_that_everything_uses(dashboard: Json) -> None:
    """A dashboard works with any Prometheus, whatever its name."""
    variable = by_name(dashboard)["datasource"]
    assert (variable["type"], variable["query"], variable["label"]) == ("datasource", "prometheus", "Data source")
    used = [panel["datasource"] for panel in grafana.panels(dashboard) if panel["type"] != "text"]
    used += [target["datasource"] for _, target in targets(dashboard)]
    used += [note["datasource"] for note in dashboard["annotations"]["list"] if "builtIn" not in note]
    used += [variable["datasource"] for variable in grafana.variables(dashboard) if variable["type"] == "query"]
    assert all(source == SOURCE for source in used)


@each_of_prometheus
def test_job_and_instance_can_be_chosen(dashboard: Json) -> None:
    """Several values; all of them are those that exporters have, where the linter wants `.+`: that is every target."""
    for name in ("job", "instance"):
        variable = by_name(dashboard)[name]
        assert variable["label"] == name.title()
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, None)
        assert "capgo_exporter_build_info" in variable["definition"]


@each
def test_query_variables_follow_the_time_range(dashboard: Json) -> None:
    """They ask for label values with valid PromQL, and anew when the time range changes."""
    for variable in grafana.variables(dashboard):
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), \w+\)", variable["definition"])
            assert match
            promql.parse(match[1])
            assert variable["query"]["query"] == variable["definition"]
            assert variable["refresh"] == 2


@each
def test_every_variable_is_used(dashboard: Json) -> None:
    """A choice that changes nothing misleads."""
    panels = json.dumps([dashboard["panels"], dashboard["annotations"]])
    definitions = [variable.get("definition", "") for variable in grafana.variables(dashboard)]
    for name in by_name(dashboard):
        assert re.search(rf"\$\{{?{name}\b", panels + "".join(definitions)), name


@each
def test_installs_over_all_versions_are_not_asked_for_some(dashboard: Json) -> None:
    """`set - update_fail` is right where no version is left out: the `set` of a rollback is of the version before."""
    for panel, target in targets(dashboard):
        for node, around in promql.selectors(target["expr"]):
            subtracted = any(
                promql.kind(outer) == "BinaryExpr"
                and str(outer.op) == "-"
                and promql.kind(outer.rhs) == "AggregateExpr"
                and 'action="update_fail"' in str(outer.rhs)
                for outer in around
            )
            names = {matcher.name for matcher in node.matchers.matchers}
            assert not (subtracted and "version" in names), panel["title"]


@each
def test_every_panel_explains_itself(dashboard: Json) -> None:
    """A title of its own, a description of sentences, a unit that Grafana knows, and a kind that we can render."""
    panels = grafana.panels(dashboard)
    assert not [title for title, times in Counter(panel["title"] for panel in panels).items() if times > 1]
    for panel in panels:
        assert panel["type"] in PANEL_TYPES
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        overrides = [one for override in panel["fieldConfig"]["overrides"] for one in override["properties"]]
        units = {panel["fieldConfig"]["defaults"]["unit"], *(one["value"] for one in overrides if one["id"] == "unit")}
        assert units <= UNITS, (panel["title"], units)
        assert panel["targets"], panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)


@each
def test_rows_are_questions(dashboard: Json) -> None:
    """A reader looks for an answer, not for a topic."""
    rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert rows
    assert all(title.endswith("?") for title in rows)


@each
def test_panels_fit_the_grid_without_overlap(dashboard: Json) -> None:
    """No cell of the 24 columns belongs to two panels."""
    cells: Counter[tuple[int, int]] = Counter()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert max(cells.values()) == 1


@each
def test_every_selector_has_a_job_and_an_instance(dashboard: Json) -> None:
    """So that the choice of exporters holds everywhere."""
    for panel, target in targets(dashboard):
        for node, _ in promql.selectors(target["expr"]):
            names = {matcher.name for matcher in node.matchers.matchers}
            assert {"job", "instance"} <= names, (panel["title"], node.name)


@each
def test_counters_are_added_up_after_rate_or_increase(dashboard: Json) -> None:
    """A counter's own value says nothing, and a sum before rate() breaks at each restart."""
    for panel, target in targets(dashboard):
        for node, around in promql.selectors(target["expr"]):
            if re.search(r"_(total|bucket|count|sum)$", node.name):
                assert promql.functions(around) & {"rate", "increase"}, (panel["title"], node.name)
                inner = [promql.kind(outer) for outer in around]
                assert "AggregateExpr" in inner, (panel["title"], "not added up")
                matrix = inner.index("MatrixSelector")
                assert inner[matrix - 1] == "Call", (panel["title"], "summed before the rate")


@each
def test_windows_are_those_of_the_time_range_or_of_the_moving_hour(dashboard: Json) -> None:
    """rate() uses $__rate_interval; increase() the whole range, in instant queries only, or a moving window."""
    for panel, target in targets(dashboard):
        for node, around in promql.walk(promql.parse(target["expr"])):
            if promql.kind(node) == "MatrixSelector":
                window = node.range.total_seconds()
                function = around[-1].func.name
                if function == "rate":
                    assert window == promql.RATE_INTERVAL_SECONDS, panel["title"]
                else:
                    allowed = {promql.RANGE_SECONDS} if target["instant"] else {3600}
                    assert window in allowed, (panel["title"], function, window)


@each
def test_a_share_is_guarded_against_few_events(dashboard: Json) -> None:
    """A share of events of devices is only shown above the minimum that the reader chose, and says so otherwise."""
    for panel, target in targets(dashboard):
        shows_shares = panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"] == "percentunit"
        if shows_shares and "${events}" in target["expr"]:
            nodes = [node for node, _ in promql.walk(promql.parse(target["expr"]))]
            divides = any(promql.kind(node) == "BinaryExpr" and str(node.op) == "/" for node in nodes)
            guarded = "$min_events" in target["expr"] or "> 0)" in target["expr"]
            assert not divides or guarded, (panel["title"], target["refId"])


@each
def test_links_lead_to_our_dashboards_with_variables_that_they_have(dashboard: Json) -> None:
    """A link that fills in a variable which the other dashboard lacks loses the reader's choice."""
    for panel in grafana.panels(dashboard):
        for link in links(panel):
            uid = re.match(r"/d/([a-z-]+)\?", link["url"])
            assert uid, link
            names = set(re.findall(r"var-(\w+)=", link["url"]))
            assert names <= set(by_name(DASHBOARDS[uid[1]])), link


def links(panel: Json) -> Iterator[Json]:
    """Of a panel's value, and of its cells."""
    yield from panel["fieldConfig"]["defaults"].get("links", [])
    for override in panel["fieldConfig"]["overrides"]:
        for one in override["properties"]:
            yield from one["value"] if one["id"] == "links" else []


def test_a_red_tile_and_a_failure_lead_to_the_devices() -> None:
    """From Rollout to Events, with all that was chosen filled in."""
    found = {panel["title"]: list(links(panel)) for panel in grafana.panels(DASHBOARDS["live-updates-rollout"])}
    (tile,), (failure,) = found["Failed updates"], found["What failed where"]
    for link, names in ((tile, {"app_id", "version"}), (failure, {"app_id", "version", "platform", "action"})):
        assert link["url"].startswith("/d/live-updates-events?${__url_time_range}")
        assert set(re.findall(r"var-(\w+)=", link["url"])) == names


@each
def test_a_link_between_dashboards_keeps_time_and_choice(dashboard: Json) -> None:
    """One menu of the dashboards with the same tag."""
    (link,) = dashboard["links"]
    assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == (
        "dashboards",
        ["live-updates"],
        True,
        True,
    )


def test_the_dashboards_on_disk_are_found_where_the_lint_looks() -> None:
    """A lint of nothing would pass."""
    assert Path(grafana.DASHBOARDS).is_dir()
    assert all(len(grafana.panels(dashboard)) > 10 for dashboard in DASHBOARDS.values())
