"""Through the whole chain: a simulated fleet, the exporter, and real Prometheus servers that scrape it each second."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.system.fleet import Fleet
from tests.system.harness import Exporter
from tests.system.monitoring import PROMETHEUS_2, PROMETHEUS_3, Prometheus


def test_prometheus_knows_what_the_fleet_sent(tmp_path: Path) -> None:
    """`sum by (action) (capgo_events_total)` is the fleet's own account, on 2.42 and 3; test devices are kept apart."""
    with ExitStack() as stack:
        exporter = stack.enter_context(Exporter(tmp_path / "exporter"))
        target = {"capgo": exporter.metrics_address}
        servers = [
            stack.enter_context(Prometheus(tmp_path / name, target, binary=binary))
            for name, binary in (("2", PROMETHEUS_2), ("3", PROMETHEUS_3))
        ]
        options = {"devices": "300", "rate": "300", "duration": "4s", "test_share": "0.2"}
        rows = stack.enter_context(Fleet(tmp_path / "fleet", exporter.port, **options)).account()

        assert sum(row["unacknowledged"] + row["refused"] for row in rows) == 0
        for family, is_test in (("capgo_events_total", False), ("capgo_test_events_total", True)):
            sent = Counter[str]()
            for row in rows:
                sent[row["action"]] += row["acknowledged"] * (row["test"] is is_test)
            assert sent.total() > 100, "the fleet posted hardly anything"
            for prometheus in servers:
                prometheus.wait_scraped("capgo")
                found = {each.labels["action"]: each.value for each in prometheus.query(f"sum by (action) ({family})")}
                assert {action: value for action, value in found.items() if value} == +sent
