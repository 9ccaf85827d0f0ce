"""Through the whole chain: a simulated fleet, the exporter, and real Prometheus servers that scrape it each second."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.support.fleet import Fleet
from tests.support.harness import Exporter
from tests.support.monitoring import PROMETHEUS_2, PROMETHEUS_3, Prometheus


def test_prometheus_knows_what_the_fleet_sent(tmp_path: Path) -> None:
    """`sum by (action) (capgo_events_total)` is the fleet's own account, on 2.42 and 3; test devices are kept apart.

    A machine that stands still refuses some posts as overloaded, and leaves others without a reply in time.
    """
    with ExitStack() as stack:
        exporter = stack.enter_context(Exporter(tmp_path / "exporter"))
        target = {"capgo": exporter.metrics_address}
        servers = [
            stack.enter_context(Prometheus(tmp_path / name, target, binary=binary))
            for name, binary in (("2", PROMETHEUS_2), ("3", PROMETHEUS_3))
        ]
        options = {"devices": "300", "rate": "300", "duration": "4s", "test_share": "0.2"}
        rows = stack.enter_context(Fleet(tmp_path / "fleet", exporter.port, **options)).account()

        for family, is_test in (("capgo_events_total", False), ("capgo_test_events_total", True)):
            low, high = Counter[str](), Counter[str]()
            for row in rows:
                if row["test"] is is_test:
                    low[row["action"]] += row["acknowledged"]
                    high[row["action"]] += row["acknowledged"] + row["unacknowledged"]
            assert low.total() > 100, "the fleet posted hardly anything"
            for prometheus in servers:
                prometheus.wait_scraped("capgo")
                found = prometheus.query(f"sum by (action) ({family})")
                assert low <= Counter({each.labels["action"]: int(each.value) for each in found}) <= high
