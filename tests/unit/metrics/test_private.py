"""What the private port says of the exporter's state."""

from pathlib import Path

import falcon
import falcon.testing
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.counting.ledger import View
from exporter.metrics.private import MetricsResource, ReadyResource
from exporter.metrics.readiness import Readiness
from exporter.metrics.telemetry import Telemetry
from exporter.replies import with_error_forms
from tests.unit.counting.test_ledger import make


class Source:
    """A ledger that can be written, or can't."""

    directory = Path()

    def __init__(self) -> None:
        self.is_ready = True

    def view(self, scrape: bool) -> View:
        return make().view()

    def observe(self) -> None:
        pass

    def ready(self) -> bool:
        return self.is_ready

    def backup(self, target: Path) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("is_ready", [True, False])
def test_readyz_and_the_metric_are_one_fact(is_ready: bool) -> None:
    """Whatever the reason: a rule and a balancer must not be told different things."""
    source = Source()
    app = falcon.App()
    app.add_route("/metrics", MetricsResource(source, Telemetry()))
    app.add_route("/readyz", ReadyResource(Readiness(source.ready)))
    client = falcon.testing.TestClient(with_error_forms(app))

    for source.is_ready in (is_ready, not is_ready, is_ready):
        families = text_string_to_metric_families(client.simulate_get("/metrics").text)
        (ready,) = [family.samples[0].value for family in families if family.name == "capgo_exporter_ready"]
        assert ready == (client.simulate_get("/readyz").status_code == 200) == source.is_ready
