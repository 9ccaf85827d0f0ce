"""What is committed is what the generator writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dashboards.generator.__main__ import HOME, files
from dashboards.generator.links import COMPOSE, Links
from dashboards.generator.timescale import Timescale
from tests.dashboards import grafana, promql

FILES = files(Timescale())


@pytest.mark.parametrize("name", FILES)
def test_a_committed_file_is_what_the_generator_writes(name: str) -> None:
    """Nobody edits a generated file; `make dashboards` writes them."""
    assert FILES[name] == (HOME / name).read_text()


def test_a_divided_timescale_changes_nothing_but_durations() -> None:
    """The rules that a short proof runs are the real ones, faster."""
    for name, text in files(Timescale(60)).items():
        without = [re.sub(r"\b\d+[dhms]\b|(?<=time\(\) - )\d+", "", one) for one in (text, FILES[name])]
        assert without[0] == without[1], name


def test_links_and_the_backup_alert_are_chosen() -> None:
    """Each form of the rules has the addresses that were given, and the one more alert; nothing else is another."""
    links = Links("https://grafana.example.com", "https://wiki.example.com/capgo")
    for name, text in files(Timescale(), links, "36h").items():
        without = text.replace(f"{links.grafana}/d/", f"{COMPOSE.grafana}/d/").replace(links.runbook, COMPOSE.runbook)
        rules = "runbook_url" in text
        assert (without == FILES[name]) == (not rules), name
        if rules:
            assert COMPOSE.runbook not in text, name
            assert "CapgoBackupMissing" in text, name
            assert "CapgoBackupMissing" not in FILES[name], name


@pytest.mark.parametrize("wrong", ["", "36", "a day", "1h30m", "-1h"])
def test_a_time_for_backups_that_is_none_is_refused(wrong: str, tmp_path: Path) -> None:
    """With the option's name, and nothing is written."""
    argv = [sys.executable, "-m", "dashboards.generator", f"--backup-within={wrong}", str(tmp_path)]
    done = subprocess.run(argv, cwd=HOME.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--backup-within" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_timescale_refuses_what_it_can_not_write() -> None:
    """A window of a fraction of a second would silently be another one."""
    with pytest.raises(ValueError, match="no whole number"):
        Timescale(60)("90s")
    with pytest.raises(ValueError, match="not a duration"):
        Timescale()("1h30m")


def test_dashboards_and_alerts_ask_only_for_metrics_that_exist() -> None:
    """Every name is one that the exporter shows, Prometheus adds to a scrape, or a recording rule writes."""
    from tests.dashboards.contract import metric_names

    rules = yaml.safe_load(FILES["prometheus/capgo.recording.rules.yml"])["groups"][0]["rules"]
    alerts = yaml.safe_load(FILES["prometheus/capgo.rules.yml"])["groups"]
    asked = [query for dashboard in grafana.load().values() for query in grafana.queries(dashboard)]
    asked = [re.sub(r"^label_values\((.+), \w+\)$", r"\1", query) for query in asked]
    asked += [rule["expr"] for rule in rules] + [rule["expr"] for group in alerts for rule in group["rules"]]
    names = {name for expr in asked for name in promql.metrics(expr)}
    assert names - metric_names() - {rule["record"] for rule in rules} == set()
