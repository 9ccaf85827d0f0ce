"""What the documentation says of dashboards and alerts is what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.generator.alert import Alert
from dashboards.generator.alerts import groups
from dashboards.generator.timescale import Timescale
from dashboards.generator.words import MEANINGS
from tests.dashboards import grafana

HOME = Path(__file__).resolve().parents[2] / "dashboards"
README, STORY, HEALTH = ((HOME / f"{name}.md").read_text() for name in ("README", "EVENTS", "HEALTH"))
ALERTS = [alert for group in groups(Timescale()) for alert in group.alerts]
ACTIONS = r"\b(?:set|update|download|unzip|checksum|decrypt|\w+_path|low_mem|finish_download)_(?:fail|required)\b"


def runbook(name: str) -> str:
    """The words under an alert's heading."""
    return re.split(r"^##", README.split(f"### {name}\n", 1)[1], maxsplit=1, flags=re.M)[0]


@pytest.mark.parametrize("alert", ALERTS, ids=[alert.name for alert in ALERTS])
def test_the_runbook_tells_an_alerts_severity_and_bound(alert: Alert) -> None:
    """Before anything else, in its first sentence."""
    severity, _, words = runbook(alert.name).partition(": ")
    assert severity == f"**{alert.severity}**"
    whole = alert.threshold in {0, 1} or alert.threshold > 1 or alert.name.endswith("Slow")
    bound = f"{alert.threshold:g}" if whole else f"{alert.threshold:.0%}".replace("%", " %")
    assert re.search(rf"(?<![\d.]){re.escape(bound)}(?![\d.])", words.splitlines()[0])


@pytest.mark.parametrize("text", [README, STORY, HEALTH], ids=["README", "EVENTS", "HEALTH"])
def test_what_the_documentation_tells_to_look_at_exists(text: str) -> None:
    """Words in italics that begin with a capital are titles of panels, dashboards, columns or variables."""
    said = {re.sub(r"[,.:?]$", "", name) for name in re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", text)}
    known = {re.sub(r"[,.:?]$", "", name) for name in (*shown(), *SEEN)}
    assert {name for name in said if name.lower() not in {one.lower() for one in known}} == set()


SEEN = ("Rolled back", "Bundle missing", "Surely", "Pause", "Roll back", "Explore")
"""Words of failures, ours for certainty, and of the vendor's and Grafana's own screens."""


def shown() -> Iterator[str]:
    """All names that a reader sees on the dashboards."""
    for dashboard in grafana.load().values():
        yield dashboard["title"].removeprefix("Live updates / ")
        yield from (variable["label"] for variable in grafana.variables(dashboard))
        for panel in grafana.panels(dashboard):
            yield panel["title"]
            for change in panel.get("transformations", []):
                yield from change["options"].get("renameByName", {}).values()


def test_every_failure_that_a_panel_can_show_is_explained() -> None:
    """In the panel's own words, with the action's name."""
    missing = [action for action, words in MEANINGS.items() if f"| {words} (`{action}`) | " not in README]
    assert missing == []
    named = set(re.findall(ACTIONS, json.dumps(list(grafana.load().values()))))
    assert len(named) > 10
    assert named <= set(MEANINGS)
