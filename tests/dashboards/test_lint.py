"""What a good dashboard keeps to: the rules of Grafana's dashboard-linter, and stricter ones of ours."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.generator.dashboard import NAVIGATION
from dashboards.generator.words import WORDS
from tests.dashboards import grafana, promql
from tests.dashboards.grafana import Json

DASHBOARDS = grafana.load()
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PANEL_TYPES = {"timeseries", "stat", "bargauge", "table", "text", "logs"}
UNITS = {"none", "percentunit", "s", "bytes", "eps", "reqps", "suffix: ×"}
"""Ids of Grafana's unit list, and one of its custom units."""
MOVING_WINDOWS = {3600.0, 6 * 3600.0}
"""Seconds, of what is shown over time: an hour, and six of rare events."""
RECENT_WINDOWS = {3600.0, 86400.0}
"""Of what is shown as it is now, whatever the time range."""
SINCE_A_VERSION_BEGAN = {30 * 86400.0}
STATUS_COLORS = {"red", "orange", "green"}
RULE_OF_AN_ALERT = "/alerting/list?search=${__value.raw:percentencode}"
"""Grafana's own page."""
ALERTS = '__name__=~"ALERTS|GRAFANA_ALERTS"'

each = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)

OF_PROMETHEUS = {uid: dashboard for uid, dashboard in DASHBOARDS.items() if uid != "live-updates-events"}
each_of_prometheus = pytest.mark.parametrize("dashboard", OF_PROMETHEUS.values(), ids=OF_PROMETHEUS)
"""The other one asks a log store, which knows no exporters."""


LONGEST = 13_000
"""VictoriaMetrics takes queries of 16 KiB, and the names of the apps that are chosen add to these."""


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    return ((panel, target) for panel in grafana.panels(dashboard) for target in grafana.asked(panel))


def by_name(dashboard: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in grafana.variables(dashboard)}


def test_the_dashboards_have_their_names() -> None:
    """Links from outside rely on the uids."""
    names = ("overview", "rollout", "health", "downloads", "exporter", "events")
    assert set(DASHBOARDS) == {f"live-updates-{name}" for name in names}


@each_of_prometheus
def test_no_query_is_too_long_for_a_store(dashboard: Json) -> None:
    """Alone, with `.+` for every choice."""
    long = {panel["title"]: len(target["expr"]) for panel, target in targets(dashboard)}
    assert max(long.values()) < LONGEST, long


@each
def test_a_dashboard_has_a_stable_identity_and_the_classic_schema(dashboard: Json) -> None:
    """The uid is ours, ids are unique, nothing marks an export of one Grafana, and no newer schema slips in."""
    assert re.fullmatch(r"[a-z-]{1,40}", dashboard["uid"])
    assert 36 <= dashboard["schemaVersion"] <= 42
    assert not {"id", "__inputs", "__requires", "elements", "layout", "apiVersion", "kind"} & set(dashboard)
    rows = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    ids = [panel["id"] for panel in (*rows, *grafana.panels(dashboard))]
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
    """Several values, all of them as one matcher, as the linter wants it; but for Exporter, which asks for `up` and
    `process_*`: of these `.+` is every target there is, so All are the exporters by name.
    """
    every = None if dashboard["uid"].endswith("exporter") else ".+"
    for name in ("job", "instance"):
        variable = by_name(dashboard)[name]
        assert variable["label"] == name.title()
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, every)
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
    panels = json.dumps([grafana.panels(dashboard), dashboard["annotations"]])
    definitions = [variable.get("definition", "") for variable in grafana.variables(dashboard)]
    for name in by_name(dashboard):
        assert re.search(rf"\$\{{?{name}\b", panels + "".join(definitions)), name


@each
def test_installs_over_all_versions_are_not_asked_for_some(dashboard: Json) -> None:
    """`set - update_fail` is right where no version is left out: the `set` of a rollback is of the version before."""
    for panel, target in targets(dashboard):
        for _, around in promql.selectors(target["expr"]):
            subtracted = any(
                promql.kind(outer) == "BinaryExpr"
                and str(outer.op) == "-"
                and promql.kind(outer.rhs) == "AggregateExpr"
                and 'action="update_fail"' in str(outer.rhs)
                for outer in around
            )
            assert not (subtracted and 'version=~"$version"' in target["expr"]), panel["title"]


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
    """So that the choice of exporters holds everywhere; alerts are Prometheus' own series."""
    for panel, target in targets(dashboard):
        for node, _ in promql.selectors(target["expr"]):
            names = {matcher.name for matcher in node.matchers.matchers}
            assert {"job", "instance"} <= names or ALERTS in target["expr"], (panel["title"], node.name)


@each
def test_counters_are_added_up_after_rate_or_increase(dashboard: Json) -> None:
    """A counter's own value says nothing, and a sum before rate() breaks at each restart."""
    for panel, target in targets(dashboard):
        for node, around in promql.selectors(target["expr"]):
            if re.search(r"_(total|bucket|count|sum)$", node.name or ""):
                assert promql.functions(around) & {"rate", "increase"}, (panel["title"], node.name)
                inner = [promql.kind(outer) for outer in around]
                assert "AggregateExpr" in inner, (panel["title"], "not added up")
                matrix = inner.index("MatrixSelector")
                assert inner[matrix - 1] == "Call", (panel["title"], "summed before the rate")


@each
def test_windows_are_those_of_the_time_range_or_say_what_they_are(dashboard: Json) -> None:
    """rate() uses $__rate_interval. increase() takes the whole range at one moment, or at the end of a graph; else an
    hour that moves, or the fixed windows of what is told as of now.
    """
    for panel, target in targets(dashboard):
        for node, around in promql.walk(promql.parse(target["expr"])):
            if promql.kind(node) not in {"MatrixSelector", "SubqueryExpr"}:
                continue
            window, function = node.range.total_seconds(), around[-1].func.name
            at_one_moment = target["instant"] or "@ end()" in str(node)
            allowed: set[float] = {promql.RANGE_SECONDS} if at_one_moment else set()
            if function == "rate":
                allowed |= {promql.RATE_INTERVAL_SECONDS}
            elif promql.kind(node) == "SubqueryExpr":
                allowed = SINCE_A_VERSION_BEGAN
            elif function == "last_over_time":
                allowed |= {promql.RANGE_SECONDS}
            else:
                allowed |= RECENT_WINDOWS if target["instant"] else MOVING_WINDOWS
            assert window in allowed, (panel["title"], function, window)


@each_of_prometheus
def test_only_exporter_asks_for_what_every_target_has_without_saying_whose(dashboard: Json) -> None:
    """`up` and `process_*` are of all jobs; elsewhere they go with a metric that only exporters have."""
    for panel, target in targets(dashboard):
        for node, around in promql.selectors(target["expr"]):
            if not re.match("capgo_|ALERTS", node.name or "ALERTS"):
                joined = any("capgo_exporter_build_info" in str(outer) for outer in around)
                assert joined or dashboard["uid"].endswith("exporter"), (panel["title"], node.name)


@each
def test_a_share_is_guarded_against_few_events(dashboard: Json) -> None:
    """A share of events of devices is only shown above the minimum that the reader chose, and says so otherwise."""
    for panel, target in targets(dashboard):
        shows_shares = panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"] == "percentunit"
        if shows_shares and "${prefix}_events" in target["expr"]:
            nodes = [node for node, _ in promql.walk(promql.parse(target["expr"]))]
            divides = any(promql.kind(node) == "BinaryExpr" and str(node.op) == "/" for node in nodes)
            guarded = re.search(r"\$min_events|> 0\)|>= \d+\)", target["expr"])
            assert not divides or guarded, (panel["title"], target["refId"])


@each
def test_links_lead_to_our_dashboards_with_variables_that_they_have(dashboard: Json) -> None:
    """A link that fills in a variable which the other dashboard lacks loses the reader's choice."""
    for panel in grafana.panels(dashboard):
        for link in links(panel):
            if link["url"] == RULE_OF_AN_ALERT:
                continue
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


def test_a_firing_alert_leads_to_its_rule_and_to_its_version() -> None:
    """Its rule has its words and its runbook; the version and the app open as in every other table."""
    panels = {panel["title"]: panel for panel in grafana.panels(DASHBOARDS["live-updates-overview"])}
    rule, *others = (link["url"] for link in links(panels["Firing alerts"]))
    assert rule == RULE_OF_AN_ALERT
    of_versions = {link["url"] for link in links(panels["Versions"])}
    assert set(others) == of_versions
    assert len(of_versions) == 2


def test_a_count_of_devices_and_a_failure_lead_to_the_devices() -> None:
    """From Rollout to Events, and from each kind of crash or error in Health, with all that was chosen filled in."""
    found = {
        panel["title"]: list(links(panel))
        for name in ("rollout", "health")
        for panel in grafana.panels(DASHBOARDS[f"live-updates-{name}"])
    }
    (device,), *failures = (
        found[title]
        for title in ("Where its devices stand now", "What failed, and where", "How it crashes", "Which errors")
    )
    for link, names in (
        (device, {"app_id", "version", "platform"}),
        *((failure, {"app_id", "version", "platform", "action"}) for (failure,) in failures),
    ):
        assert link["url"].startswith("/d/live-updates-events?${__url_time_range}")
        assert set(re.findall(r"var-(\w+)=", link["url"])) == names


@each
def test_a_dashboard_links_to_the_others_and_keeps_time_and_choice(dashboard: Json) -> None:
    """A button for each, in one order."""
    links = dashboard["links"]
    assert [link["url"] for link in links] == [f"/d/{uid}" for _, uid in NAVIGATION if uid != dashboard["uid"]]
    assert {uid for _, uid in NAVIGATION} == set(DASHBOARDS)
    assert all((link["type"], link["keepTime"], link["includeVars"]) == ("link", True, True) for link in links)


@each
def test_where_the_figures_are_from_is_asked_last_and_in_a_menu(dashboard: Json) -> None:
    """App, version and platform come first; job and instance are what Exporter is about."""
    shown = [variable["name"] for variable in grafana.variables(dashboard) if variable["hide"] == 0]
    if dashboard["uid"].endswith("exporter"):
        assert shown == ["job", "instance"]
    else:
        wanted = ["app_id", "version", "baseline", "platform", "action", "prefix", "environment", "device"]
        assert shown == [name for name in wanted if name in by_name(dashboard)]
    assert all(variable["hide"] in {0, 3} for variable in grafana.variables(dashboard))


@each
def test_red_orange_and_green_mean_how_good_something_is(dashboard: Json) -> None:
    """Only thresholds, words for values and the lines of limits have them; a name has another colour."""
    for panel in grafana.panels(dashboard):
        assert panel["fieldConfig"]["defaults"].get("color", {}).get("fixedColor") not in STATUS_COLORS
        for override in panel["fieldConfig"]["overrides"]:
            for one in override["properties"]:
                color = one["value"].get("fixedColor") if one["id"] == "color" else None
                limit = override["matcher"]["options"] in {"/^objective/", "/^alert/"}
                assert color not in STATUS_COLORS or limit, (panel["title"], override["matcher"])


@each
def test_names_have_colours_of_their_own_not_those_of_their_place(dashboard: Json) -> None:
    """Grafana's palettes give the same version another colour on each panel."""
    for panel in grafana.panels(dashboard):
        modes = {panel["fieldConfig"]["defaults"].get("color", {"mode": "fixed"})["mode"]}
        overrides = [one for override in panel["fieldConfig"]["overrides"] for one in override["properties"]]
        modes |= {one["value"]["mode"] for one in overrides if one["id"] == "color"}
        assert modes <= {"fixed", "thresholds"}, panel["title"]


@each
def test_kinds_of_failures_that_lie_upon_each_other_differ(dashboard: Json) -> None:
    """Of those that are frequent each has its own colour; the others share one."""
    for panel in grafana.panels(dashboard):
        fixed = [
            one["value"]["fixedColor"]
            for override in panel["fieldConfig"]["overrides"]
            if override["matcher"]["options"] in WORDS
            for one in override["properties"]
            if one["id"] == "color"
        ]
        repeated = [color for color, times in Counter(fixed).items() if times > 1]
        assert len(repeated) <= 1, (panel["title"], repeated)
        assert not fixed or len(set(fixed)) > 10


@each
def test_every_axis_says_what_it_counts(dashboard: Json) -> None:
    """A unit, or a label; bars last half an hour, so that one can see each."""
    for panel in grafana.panels(dashboard):
        if panel["type"] == "timeseries":
            defaults = panel["fieldConfig"]["defaults"]
            assert (defaults["unit"] == "none") == bool(defaults["custom"]["axisLabel"]), panel["title"]
            if defaults["custom"]["drawStyle"] == "bars":
                assert panel["interval"] == "30m"
                assert defaults["custom"]["axisLabel"].endswith(" in each bar")


@each
def test_a_new_version_is_marked_wherever_there_is_time(dashboard: Json) -> None:
    """Grafana shows a dashboard's annotations on all its graphs."""
    assert [note["name"] for note in dashboard["annotations"]["list"] if "expr" in note] == ["Version first seen"]


@each
def test_a_share_says_of_what(dashboard: Json) -> None:
    """The description of a panel with shares names the whole."""
    for panel in grafana.panels(dashboard):
        overrides = [one for override in panel["fieldConfig"]["overrides"] for one in override["properties"]]
        units = {panel["fieldConfig"]["defaults"]["unit"], *(one["value"] for one in overrides if one["id"] == "unit")}
        if "percentunit" in units:
            assert re.search(r"\b(of|in use)\b", panel["description"]), panel["title"]


@each
def test_there_is_one_vocabulary(dashboard: Json) -> None:
    """Failures stand in words beside their action's name, and no word of the workshop is left."""
    for panel in grafana.panels(dashboard):
        spoken = re.sub(r"`[^`]*`", "", f"{panel['title']} {panel['description']}")
        legends = [target.get("legendFormat") for target in panel["targets"]]
        assert not re.search(r"\b(fates?|folded|folds?|dormant|half)\b", f"{spoken} {legends}", re.IGNORECASE)
        shows_actions = any(
            "action" in re.findall(r"by \(([^)]*)\)", target["expr"])[:1] for target in panel["targets"]
        )
        assert not shows_actions or "Rolled back (update_fail)" in json.dumps(panel, ensure_ascii=False)


def test_the_dashboards_on_disk_are_found_where_the_lint_looks() -> None:
    """A lint of nothing would pass."""
    assert Path(grafana.DASHBOARDS).is_dir()
    assert all(len(grafana.panels(dashboard)) > 8 for dashboard in DASHBOARDS.values())
