"""What the private port says of the exporter's state."""

import falcon.testing
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.counting.view import Newest, View
from exporter.metrics.page import Facts
from exporter.metrics.private import create_private_app
from exporter.metrics.readiness import Readiness
from exporter.metrics.reception import Reception
from exporter.metrics.telemetry import Telemetry
from tests.support.ledgers import make


class Source:
    """A ledger that can be written, or can't."""

    def __init__(self) -> None:
        self.is_ready = True

    def view(self, scrape: bool) -> View:
        return make().view()

    def observe(self) -> None:
        pass


def client(source: Source, readiness: Readiness) -> falcon.testing.TestClient:
    facts = Facts("1.2.3", "curl", {}, "")
    app = create_private_app(source, readiness, Telemetry(), lambda: Newest((), 0), Reception(), facts)
    return falcon.testing.TestClient(app)


@pytest.mark.parametrize("path", ["/metrics/", "/metrics//", "//metrics", "/readyz//", "//healthz/", "//"])
def test_no_slash_is_one_too_many(path: str) -> None:
    """As joined addresses have them."""
    assert client(Source(), Readiness(lambda: True)).simulate_get(path).status_code == 200


@pytest.mark.parametrize("is_ready", [True, False])
def test_readyz_and_the_metric_are_one_fact(is_ready: bool) -> None:
    """Whatever the reason: a rule and a balancer must not be told different things."""
    source = Source()
    readiness = Readiness(lambda: source.is_ready)
    asked = client(source, readiness)

    def both() -> tuple[bool, bool]:
        families = text_string_to_metric_families(asked.simulate_get("/metrics").text)
        (ready,) = [family.samples[0].value for family in families if family.name == "capgo_exporter_ready"]
        return bool(ready), asked.simulate_get("/readyz").status_code == 200

    for source.is_ready in (is_ready, not is_ready, is_ready):
        assert both() == (source.is_ready, source.is_ready)
    readiness.stop()
    assert both() == (False, False)
