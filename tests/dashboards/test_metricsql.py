"""What MetricsQL makes of our counters that PromQL does not: the differences that the page names, each on both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.dashboards.programs import RELEASES, run_promtool
from tests.support.monitoring import Prometheus, Queried, VictoriaMetrics

START, STEP = 1_795_000_000, 15
CASES: dict[str, Sequence[float | None]] = {
    "born": [None, None, 0, 0, 1, 1, 3, 4, 4, 4, 4, 4],
    "late": [None, None, None, None, 3, 3, 4, 4, 4, 4, 4, 4],
    "old": [100, 100, 100, 101, 101, 101, 101, 104, 104, 104, 104, 104],
    "moved": [None, None, None, None, 100, 100, 100, 101, 101, 101, 101, 101],
}
"""By name: shown at 0 first, as ours are; not so; a series that was there before; one under a new `instance`."""


def openmetrics() -> Iterator[str]:
    yield "# TYPE x counter"
    for name, values in CASES.items():
        for at, value in enumerate(values):
            if value is not None:
                yield f'x_total{{case="{name}"}} {value} {START + at * STEP}'
    yield "# EOF"


@pytest.fixture(scope="module")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    with VictoriaMetrics(tmp_path_factory.mktemp("victoria")) as running:
        running.load(openmetrics())
        yield running


@pytest.fixture(scope="module", params=RELEASES, ids=[release.name for release in RELEASES])
def prometheus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("prometheus")
    text = directory / "text"
    text.write_text("".join(f"{line}\n" for line in openmetrics()))
    run_promtool(RELEASES[0], "tsdb", "create-blocks-from", "openmetrics", text, directory / "blocks")
    storage = directory / "blocks"
    with Prometheus(directory / "server", {}, binary=request.param.prometheus, storage=storage) as running:
        yield running


def increase(server: Queried, case: str, window: int) -> float:
    """Over so many seconds until the last sample."""
    return server.value(f'increase(x_total{{case="{case}"}}[{window}s])', START + 11 * STEP)


def test_increase_is_the_number_itself_and_no_guess(victoria: VictoriaMetrics, prometheus: Prometheus) -> None:
    """VictoriaMetrics takes the difference, Prometheus stretches it over the window's edges."""
    window = 11 * STEP + 7
    assert increase(victoria, "old", window) == 4
    assert 4.1 < increase(prometheus, "old", window) < 4.3
    assert increase(victoria, "born", window) == increase(prometheus, "born", window) == 4


def test_what_happened_between_the_window_and_the_sample_before_counts(
    victoria: VictoriaMetrics, prometheus: Prometheus
) -> None:
    """So windows that meet miss nothing between them: the 3 lie between two samples, and a window begins there."""
    window = 4 * STEP + 7
    assert increase(victoria, "old", window) == 3
    assert increase(prometheus, "old", window) == 0


def test_a_first_sample_above_nought_is_taken_for_an_increase(
    victoria: VictoriaMetrics, prometheus: Prometheus
) -> None:
    """Of a small number; of a large one it is taken for a series that was there before. Ours begin at 0 for both."""
    assert increase(victoria, "late", 3600) == 4
    assert increase(prometheus, "late", 3600) < 1.5
    assert increase(victoria, "moved", 3600) == 1
