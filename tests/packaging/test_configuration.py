"""The shipped configurations are accepted by the programs that read them, and agree with one another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.settings import Settings
from tests.packaging.project import DASHBOARDS, PROMETHEUS3, default, load, run, seconds, succeed

UNIT = DASHBOARDS / "systemd/capgo-exporter.service"


@pytest.mark.parametrize("promtool", ["promtool", PROMETHEUS3 / "promtool"])
def test_prometheus_accepts_its_configuration_and_the_rules(promtool: str | Path) -> None:
    """Debian 12's Prometheus 2.42 and Prometheus 3; the rules are those that the configuration names."""
    said = succeed(promtool, "check", "config", DASHBOARDS / "prometheus/prometheus.yml")
    assert "SUCCESS" in said
    assert re.search(r"[1-9]\d* rules found", said), "the configuration finds no rules"


def test_counters_keep_their_instance_wherever_the_exporter_runs() -> None:
    """The label is written down: the address, which is the default, changes with each host."""
    for job in load("dashboards/prometheus/prometheus.yml")["scrape_configs"]:
        for target in job.get("static_configs", []):
            assert target["labels"]["instance"] not in target["targets"]
        if "dns_sd_configs" in job:
            [name] = job["relabel_configs"]
            assert name == {"source_labels": ["__meta_dns_name"], "regex": "(.+)", "target_label": "instance"}


def test_series_are_held_for_longer_than_two_scrapes() -> None:
    """Else Prometheus misses a birth. The default of --zero-hold is read from the program's own help."""
    interval = load("dashboards/prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert 2 * seconds(interval) < seconds(default("--zero-hold"))


def test_grafana_knows_the_scrape_interval() -> None:
    """It works out $__rate_interval from it; a wrong one leaves gaps in every rate."""
    prometheus, alertmanager, _ = load("dashboards/grafana/provisioning/datasources/datasources.yml")["datasources"]
    interval = load("dashboards/prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert prometheus["jsonData"]["timeInterval"] == interval
    assert prometheus["jsonData"]["alertmanagerUid"] == alertmanager["uid"]


def test_grafanas_own_data_sources_stay_as_they_are() -> None:
    """A second default stops Grafana at its start, and a common name or uid takes the place of one that is there."""
    sources = load("dashboards/grafana/provisioning/datasources/datasources.yml")["datasources"]
    assert [source["name"] for source in sources if source.get("isDefault")] == []
    assert all(source["name"].startswith("Live updates ") and source["uid"].startswith("capgo-") for source in sources)


def test_grafanas_alerts_ask_the_data_source_that_is_provisioned() -> None:
    """Rules name theirs by uid, as they know no variables."""
    sources = load("dashboards/grafana/provisioning/datasources/datasources.yml")["datasources"]
    groups = load("dashboards/grafana/provisioning/alerting/capgo.yml")["groups"]
    asked = {query["datasourceUid"] for group in groups for rule in group["rules"] for query in rule["data"]}
    assert asked - {"__expr__"} == {source["uid"] for source in sources if source["type"] == "prometheus"}


@pytest.mark.parametrize(
    "name", ["capgo-exporter.service", "capgo-exporter-backup.service", "capgo-exporter-backup.timer"]
)
def test_systemd_accepts_the_units(name: str, tmp_path: Path) -> None:
    """systemd-analyze verify, with a program that is there in place of those that may not be."""
    for unit in DASHBOARDS.glob("systemd/*.*"):
        (tmp_path / unit.name).write_text(re.sub(r"(?m)^(Exec\w+)=/opt\S+", r"\1=/bin/true", unit.read_text()))
    done = run("systemd-analyze", "verify", tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert "capgo-exporter" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["capgo-exporter.service", "capgo-exporter-backup.service"])
def test_the_units_are_hardened(name: str) -> None:
    """An exposure of at most 1.5 of 10 by systemd's own reckoning; the one opens a port to the world."""
    succeed("systemd-analyze", "security", "--offline=true", "--threshold=15", UNIT.with_name(name))


def test_the_units_environment_is_of_settings_that_there_are() -> None:
    """Each line of the example, switched on, is a setting's name."""
    given = re.findall(r"(?m)^#?(CAPGO_\w+)=", UNIT.with_name("capgo-exporter.env").read_text())
    assert given
    assert set(given) <= {f"CAPGO_{name.upper()}" for name in Settings.model_fields}


def test_the_watchdog_has_patience_for_what_is_no_hang() -> None:
    """A sign of life comes each second; and no start is cut short."""
    text = UNIT.read_text()
    [patience] = re.findall(r"(?m)^WatchdogSec=(\d+)s$", text)
    assert int(patience) >= 30
    assert "TimeoutStartSec=infinity" in text
