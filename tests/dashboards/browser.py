"""Dashboards drawn by Grafana's own user interface libraries in a headless Chromium, and checked by their types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.browser import CHROMIUM
from tests.support.browser import node as node  # for who imports this module


class Picture(NamedTuple):
    """A dashboard to be photographed, over the time `since` (such as now-12h).

    `first` is what a laptop of 1440 by 900 pixels shows at once, Grafana's own bars and menu included; `whole` is all
    of the dashboard, if that is wanted as well.
    """

    dashboard: Path
    first: Path
    whole: Path | None
    since: str
    variables: dict[str, str]
    loki: Path | None = None
    """What a log store answered to it."""
    later: int = 0
    """Seconds after `now`, where a tick of the time axis would fall upon its end."""


class Query(NamedTuple):
    panel: str
    letter: str
    expr: str
    series: int


class Seen(NamedTuple):
    """What the page said of itself once it was drawn."""

    drawn: bool
    errors: list[str]
    queries: list[Query]
    empty: list[str]
    links: list[str]
    cut: list[tuple[str, str]]
    """Panel and text of what does not fit."""
    clipped: list[str]
    """Panels of which lines of the legend, or of the table, are out of sight."""
    small: list[tuple[str, str]]
    """Panel and text of what is too small to read."""
    colors: list[tuple[str, str, str]]
    """Panel, name and colour of each line of a legend."""
    marks: dict[str, int]
    """How many marks each panel with a time axis shows."""
    text: dict[str, str]
    """All words of a panel."""


def build() -> None:
    """Put the page together; AssertionError with the builder's words."""
    built = node("node_modules/vite/bin/vite.js", "build")
    assert built.returncode == 0, built.stderr


def photograph(prometheus: str, scrape: str, now: float, pictures: Sequence[Picture]) -> list[Seen]:
    """Draw and photograph each dashboard as at `now` (seconds since the epoch); AssertionError if the browser fails."""
    order = {
        "chromium": str(CHROMIUM),
        "prometheus": prometheus,
        "scrape": scrape,
        "now": now * 1000,
        "pictures": [
            {
                "dashboard": str(picture.dashboard),
                "first": str(picture.first),
                "whole": str(picture.whole) if picture.whole else None,
                "since": picture.since,
                "later": picture.later,
                "variables": picture.variables,
                "loki": str(picture.loki) if picture.loki else None,
            }
            for picture in pictures
        ],
    }
    done = node("photograph.mjs", stdin=json.dumps(order))
    assert done.returncode == 0, done.stderr
    return [_seen(one) for one in json.loads(done.stdout)]


def _seen(page: dict[str, Any]) -> Seen:
    asked = [Query(one["panel"], one["refId"], one["expr"], one["series"]) for one in page["queries"]]
    return Seen(
        page["drawn"],
        page["errors"],
        asked,
        page["empty"],
        page["links"],
        [(panel, text) for panel, text in page["cut"]],
        page["clipped"],
        [(panel, text) for panel, text in page["small"]],
        [(panel, name, color) for panel, name, color in page["colors"]],
        page["marks"],
        dict(page["text"]),
    )
