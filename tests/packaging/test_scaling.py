"""The page about several exporters: its configurations are valid, its links lead somewhere, its table is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.bench.capacity import Costs, table
from tests.packaging.project import DASHBOARDS, PROMETHEUS3, succeed

PAGE = DASHBOARDS / "SCALING.md"
TEXT = PAGE.read_text()
FRAGMENTS = re.findall(r"(?s)```yaml\n# (\w+):.*?\n(.*?)```", TEXT)


@pytest.mark.parametrize("promtool", ["promtool", PROMETHEUS3 / "promtool"], ids=["2.42", "3"])
@pytest.mark.parametrize("store", [store for store, _ in FRAGMENTS])
def test_what_goes_into_prometheus_configuration_is_valid(store: str, promtool: str | Path, tmp_path: Path) -> None:
    """Each store's fragment within the configuration that we ship."""
    shipped = yaml.safe_load((DASHBOARDS / "prometheus/prometheus.yml").read_text())
    fragment = yaml.safe_load(dict(FRAGMENTS)[store])
    shipped["global"] |= fragment.pop("global", {})
    shipped["rule_files"] = []
    config = tmp_path / "prometheus.yml"
    config.write_text(yaml.safe_dump(shipped | fragment))
    assert "SUCCESS" in succeed(promtool, "check", "config", config)


def test_there_is_a_fragment_for_each_store() -> None:
    """Each named by its first line."""
    assert [store for store, _ in FRAGMENTS] == ["VictoriaMetrics", "Mimir", "Thanos"]


def anchors() -> set[str]:
    """Of the page's headings, as GitHub and others make them."""
    headings = re.findall(r"(?m)^#+ (.*)$", TEXT)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere() -> None:
    """To a file of the repository, or to a heading of the page."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert target[1:] in anchors() if target.startswith("#") else (DASHBOARDS / target).exists(), target


def test_the_table_is_what_the_formulas_give() -> None:
    """From the figures that stand above it."""
    [begun] = re.findall(r"(?m)^With (.*):$", TEXT)
    given = {name: float(value.replace(",", "")) for name, value in re.findall(r"(\w+) ([\d.,e+]*\d)", begun)}
    costs = Costs(**{name: given[name] for name in Costs._fields})
    assert table(costs) in TEXT
