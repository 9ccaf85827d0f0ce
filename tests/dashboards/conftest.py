"""Prometheus servers that hold the back-filled history, and what Grafana would ask them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.dashboards.grafana import Ask, Json, View
from tests.dashboards.history import STEP, History
from tests.dashboards.programs import RELEASES, Release
from tests.dashboards.store import made
from tests.support.monitoring import Prometheus, Queried, Sample, Series, VictoriaMetrics, get_json


class Stored(NamedTuple):
    """A history and the Prometheus that holds it."""

    history: History
    prometheus: Queried

    def view(self, dashboard: Json, hours: float = 12, **chosen: str) -> View:
        """The dashboard opened at the last `hours` of the history."""

        def values(selector: str, label: str) -> list[str]:
            return label_values(self.prometheus, selector, label, start, end)

        start, end = self.history.end - hours * 3600, self.history.end
        return View(dashboard, start, end, values, STEP, chosen)

    def answer(self, view: View, ask: Ask) -> list[Sample] | list[Series]:
        return answer(self.prometheus, view, ask)


def label_values(prometheus: Queried, selector: str, label: str, start: float, end: float) -> list[str]:
    """What Grafana offers for a `label_values` variable."""
    window = {"start": f"{start:.0f}", "end": f"{end:.0f}", "match[]": selector}
    return list(get_json(prometheus.port, f"/api/v1/label/{label}/values", **window)["data"])


def answer(prometheus: Queried, view: View, ask: Ask) -> list[Sample] | list[Series]:
    """An instant query at the view's end, a range query over all of it."""
    if ask.step:
        return prometheus.query_range(ask.expr, view.start, view.end, ask.step)
    return prometheus.query(ask.expr, view.end)


@pytest.fixture(scope="session")
def history() -> History:
    return made().history


@pytest.fixture(scope="session")
def blocks() -> Path:
    return made().storage


@pytest.fixture(scope="session", params=[*RELEASES, None], ids=[*(release.name for release in RELEASES), "victoria"])
def stored(
    request: pytest.FixtureRequest, history: History, blocks: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stored]:
    """Each of both Prometheus lines, and VictoriaMetrics, in turn, with a history of two days."""
    release: Release | None = request.param
    directory = tmp_path_factory.mktemp("prometheus")
    if release is None:
        with VictoriaMetrics(directory) as victoria:
            victoria.load(history.openmetrics())
            yield Stored(history, victoria)
        return
    with Prometheus(directory, {}, binary=release.prometheus, storage=blocks) as running:
        yield Stored(history, running)
