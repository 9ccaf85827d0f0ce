"""The alert rules, asked by promtool of both Prometheus lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.generator.__main__ import files
from dashboards.generator.alerts import groups
from dashboards.generator.dashboard import panel_id
from dashboards.generator.timescale import Timescale, seconds
from tests.dashboards.health_cases import HEALTH
from tests.dashboards.programs import RELEASES, Release, run_promtool
from tests.dashboards.promql import metrics
from tests.dashboards.rule_cases import ANDROID, CASES, EXPORTER, Case, events, own

RULES = Path(__file__).resolve().parents[2] / "dashboards" / "prometheus"
RULE_FILES = [RULES / "capgo.recording.rules.yml", RULES / "capgo.rules.yml"]
ALL = [*CASES, *HEALTH]
GRAFANA = "http://localhost:3000"

both_releases = pytest.mark.parametrize("release", RELEASES, ids=[release.name for release in RELEASES])


def severities() -> dict[str, str]:
    """The severity of each alert, by its name."""
    groups = _groups(RULE_FILES[1])
    return {rule["alert"]: rule["labels"]["severity"] for group in groups for rule in group["rules"]}


def rules_of(alert: str) -> list[dict[str, Any]]:
    """The committed rule of an alert after those that it needs: to evaluate all of them for days takes long."""
    recorded, alerts = ([rule for group in groups for rule in group["rules"]] for groups in map(_groups, RULE_FILES))
    needed = [rule for rule in alerts if rule["alert"] == alert]
    for rule in reversed(recorded):
        if any(rule["record"] in metrics(other["expr"]) for other in needed):
            needed.insert(0, rule)
    return needed


@cache
def _groups(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(file.read_text())["groups"])


def run_test(
    release: Release, directory: Path, test: dict[str, Any], at: str, needed: Sequence[dict[str, Any]] = ()
) -> None:
    """Have promtool judge `test`, with the rules that it needs; AssertionError with its words if it fails."""
    file, rules = directory / "rules.test.yml", directory / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "tested", "rules": list(needed)}]}))
    document = {"rule_files": [str(rules)], "evaluation_interval": evaluation(at), "tests": [test]}
    file.write_text(json.dumps(document))
    run_promtool(release, "test", "rules", file)


def evaluation(at: str) -> str:
    """How often the rules are evaluated until `at`: a day of minutes takes promtool long.

    Less than five minutes, or Prometheus 3 no longer sees what the recording rules wrote.
    """
    return "1m" if seconds(at) <= seconds("40m") else "4m"


def inputs(series: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": selector, "values": values} for selector, values in series.items()]


def as_test(case: Case, severity: str = "") -> dict[str, Any]:
    """ALERTS is what Prometheus itself stores of an alert; it holds its labels without the words."""
    firing = {"alertname": case.alert, "alertstate": "firing"}
    fired = (
        [] if case.fires is None else [firing | dict(case.fires) | {"severity": severity or severities()[case.alert]}]
    )
    asked = {
        "expr": f"max without (job) (ALERTS{selector(firing)})",
        "eval_time": case.at,
        "exp_samples": [{"labels": selector(labels), "value": 1} for labels in fired],
    }
    return {"name": case.claim, "interval": "1m", "input_series": inputs(case.series), "promql_expr_test": [asked]}


def selector(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


@both_releases
def test_promtool_accepts_the_rule_files(release: Release) -> None:
    """Both rule files are valid, for both lines of Prometheus."""
    run_promtool(release, "check", "rules", *RULE_FILES)


@both_releases
@pytest.mark.parametrize("case", ALL, ids=[f"{case.alert}: {case.claim}" for case in ALL])
def test_an_alert_fires_where_it_should_and_only_there(release: Release, case: Case, tmp_path: Path) -> None:
    """Each case is a claim about one alert."""
    run_test(release, tmp_path, as_test(case), case.at, rules_of(case.alert))


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    """No alert goes unproven in either direction."""
    firing = {case.alert for case in ALL if case.fires is not None}
    silent = {case.alert for case in ALL if case.fires is None}
    assert firing == silent == set(severities())


def test_every_alert_says_what_to_do_first() -> None:
    """In few words: they stand in the table of firing alerts."""
    for alert in (alert for group in groups(Timescale()) for alert in group.alerts):
        assert 10 < len(alert.first_step) < 65, alert.name


@both_releases
def test_an_alert_says_what_is_wrong_and_links_to_its_dashboard(release: Release, tmp_path: Path) -> None:
    """The words hold the value and the labels; the link opens the panel with app and version filled in."""
    panel = panel_id("What failed, and where")
    test = {
        "interval": "1m",
        "input_series": inputs(events(set=5, update_fail=0.5)),
        "alert_rule_test": [
            {
                "alertname": "CapgoUpdatesFailing",
                "eval_time": "92m",
                "exp_alerts": [
                    {
                        "exp_labels": ANDROID | {"severity": "critical"},
                        "exp_annotations": {
                            "summary": "com.example.shop 1.4.2 on android: updates fail",
                            "description": "At least 7.499% of the attempts of the last hour failed (95 % confidence). "
                            "Consider stopping the rollout.",
                            "dashboard": f"{GRAFANA}/d/live-updates-rollout?viewPanel={panel}"
                            "&var-app_id=com.example.shop&var-version=1.4.2",
                            "runbook_url": "http://localhost:9090/consoles/runbook.html#capgoupdatesfailing",
                        },
                    }
                ],
            }
        ],
    }
    run_test(release, tmp_path, test, "92m", rules_of("CapgoUpdatesFailing"))


@both_releases
@pytest.mark.parametrize(
    ("claim", "copied", "fires"),
    [
        ("a ledger that was never copied fires, once that is late", "0x400", True),
        ("so does one whose last copy is older than was chosen", "3600x400", True),
        ("a copy in time is silent", "0x90 5400x400", False),
        ("a new exporter has as long for its first copy", "_x120 0x300", False),
    ],
)
def test_a_missing_backup_is_told_where_that_was_chosen(
    release: Release, claim: str, copied: str, fires: bool, tmp_path: Path
) -> None:
    """promtool's clock begins at 0: within 3 hours."""
    groups = yaml.safe_load(files(Timescale(), backup_within="3h")["prometheus/capgo.rules.yml"])["groups"]
    rules = [rule for group in groups for rule in group["rules"] if rule["alert"] == "CapgoBackupMissing"]
    case = Case(
        claim,
        "CapgoBackupMissing",
        "264m",
        own("capgo_exporter_last_backup_timestamp_seconds", copied),
        EXPORTER if fires else None,
    )
    run_test(release, tmp_path, as_test(case, "warning"), case.at, rules)
