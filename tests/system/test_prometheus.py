"""Through the whole chain: a simulated fleet, the exporter, and a real Prometheus that scrapes it each second."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.system.fleet import Fleet
from tests.system.harness import Exporter
from tests.system.monitoring import PROMETHEUS_2, PROMETHEUS_3, Prometheus


@pytest.mark.parametrize("binary", [PROMETHEUS_2, PROMETHEUS_3], ids=["2.42", "3"])
def test_prometheus_knows_what_the_fleet_sent(tmp_path: Path, binary: Path) -> None:
    """`sum by (action) (capgo_events_total)` is the fleet's own account, and test devices are kept apart."""
    with (
        Exporter(tmp_path / "exporter") as exporter,
        Prometheus(tmp_path / "prometheus", {"capgo": exporter.metrics_address}, binary=binary) as prometheus,
        Fleet(tmp_path / "fleet", exporter.port, devices="300", rate="300", duration="4s", test_share="0.2") as fleet,
    ):
        rows = fleet.account()
        prometheus.wait_scraped("capgo")

        assert sum(row["unacknowledged"] + row["refused"] for row in rows) == 0
        for family, is_test in (("capgo_events_total", False), ("capgo_test_events_total", True)):
            sent = Counter[str]()
            for row in rows:
                sent[row["action"]] += row["acknowledged"] * (row["test"] is is_test)
            found = {each.labels["action"]: each.value for each in prometheus.query(f"sum by (action) ({family})")}
            assert {action: value for action, value in found.items() if value} == +sent
            assert sent.total() > 100, "the fleet posted hardly anything"
