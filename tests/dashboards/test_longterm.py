"""What is kept for years: one sample an hour of each kind of event, that adds up to what happened."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from dashboards.generator.__main__ import HOME
from tests.dashboards.conftest import Stored
from tests.dashboards.history import EVENTS, STEP, History
from tests.dashboards.programs import RELEASES, run_promtool
from tests.dashboards.scenarios import BAD, HOURS, SHOP
from tests.support.monitoring import Prometheus, Queried

RULES = HOME / "prometheus/capgo.longterm.rules.yml"
ADVICE = re.findall(r"(?s)```promql\n(.*?)```", (HOME / "SCALING.md").read_text())
"""The queries that the page gives."""
LATER = 3600
"""Prometheus chooses the minute at which it works an hour out, and the last one ends after the history."""


class LongTerm(NamedTuple):
    """A server that holds nothing but the rule's hourly samples."""

    history: History
    server: Queried

    def ask(self, expr: str, label: str) -> Mapping[str, float]:
        """By label, over all of the history."""
        filled = expr.replace("[30d]", f"[{HOURS + 2}h]")
        return {each.labels[label]: each.value for each in self.server.query(filled, self.history.end + LATER)}

    def truth(self, action: str, **labels: str) -> int:
        return self.history.count(self.history.start, action, app_id=SHOP, family=EVENTS, **labels)


@pytest.fixture(scope="module", params=RELEASES[1:], ids=[RELEASES[1].name])
def kept(
    request: pytest.FixtureRequest, history: History, blocks: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LongTerm]:
    """As promtool fills it in from a Prometheus that has the events, after the rule was added."""
    directory = tmp_path_factory.mktemp("longterm")
    release = request.param
    with Prometheus(directory / "events", {}, binary=release.prometheus, storage=blocks) as events:
        window = [f"--start={history.start}", f"--end={history.end + LATER}", f"--url=http://127.0.0.1:{events.port}"]
        run_promtool(
            release, "tsdb", "create-blocks-from", "rules", *window, f"--output-dir={directory / 'blocks'}", RULES
        )
    with Prometheus(directory / "kept", {}, binary=release.prometheus, storage=directory / "blocks") as server:
        yield LongTerm(history, server)


def about(truth: float) -> object:
    """As near as hours allow: what happens between the last sample of one and the first of the next is guessed.

    Rare events are there or not, and files of one bundle fail three at a time.
    """
    unseen = truth * STEP / 3600
    return pytest.approx(truth, abs=unseen + 3 * math.sqrt(unseen) + 3)


def test_the_hours_add_up_to_what_happened(kept: LongTerm) -> None:
    """For each action of each version of the shop."""
    for version in ("1.4.1", BAD):
        selected = f'app_platform_version_action:capgo_events:increase1h{{app_id="{SHOP}",version="{version}"}}'
        found = kept.ask(f"sum by (action) (sum_over_time({selected}[30d]))", "action")
        assert found == {action: about(kept.truth(action, version=version)) for action in found}
        assert {"set", "set_fail", "update_fail", "download_complete"} <= found.keys()


def test_the_pages_queries_answer_what_they_promise(kept: LongTerm) -> None:
    """How many installed which version, and the share that failed, from the hours alone."""
    installs, failed = ADVICE
    found = kept.ask(installs, "version")
    assert found[BAD] == about(kept.truth("set", version=BAD))
    assert found["1.4.1"] == about(kept.truth("set", version="1.4.1"))
    counts = {
        action: kept.truth(action, version=BAD, platform="android") for action in ("set", "set_fail", "update_fail")
    }
    share = (counts["set_fail"] + counts["update_fail"]) / (counts["set"] + counts["set_fail"])
    assert kept.ask(failed, "platform")["android"] == pytest.approx(share, rel=0.05)


def test_the_rule_gives_the_same_on_every_store(stored: Stored) -> None:
    """Both Prometheus lines and VictoriaMetrics, asked the rule's own expression hour by hour."""
    expr = re.findall(r"expr: '(.*)'", RULES.read_text())[0]
    history = stored.history
    found: dict[str, float] = {}
    for series in stored.prometheus.query_range(expr, history.start + 3600, history.end, 3600):
        if (series.labels["app_id"], series.labels["version"]) == (SHOP, BAD):
            action = series.labels["action"]
            found[action] = found.get(action, 0) + sum(value for _, value in series.values)
    assert found == {
        action: about(history.count(history.start, action, app_id=SHOP, family=EVENTS, version=BAD)) for action in found
    }
    assert found["set"] > 1000
