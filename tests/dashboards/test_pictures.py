"""The dashboards as Grafana's own libraries draw them, from the bad rollout; the pictures of the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dashboards import browser, grafana
from tests.dashboards.browser import Seen
from tests.dashboards.conftest import Stored
from tests.dashboards.history import BAD, SHOP
from tests.dashboards.pictures import COMMITTED, NAMES, take
from tests.dashboards.programs import RELEASES

LARGEST_BYTES = 600_000

pytestmark = pytest.mark.timeout(600)  # a browser on a busy machine

on_the_newer_line = pytest.mark.parametrize("stored", RELEASES[1:], indirect=True, ids=[RELEASES[1].name])
"""Both lines give the same answers, as other tests say; drawing them takes long."""


@pytest.fixture(scope="module")
def pages(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Seen]]:
    """The picture of each dashboard, and what its page said."""
    directory = tmp_path_factory.mktemp("pictures")
    seen = take(stored.history, stored.prometheus, directory)
    return {name: (directory / f"{name}.png", page) for name, page in seen.items()}


@on_the_newer_line
@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_drawn_without_errors_and_without_empty_panels(
    pages: dict[str, tuple[Path, Seen]], name: str
) -> None:
    """Every panel shows something, every query found series, and nothing went wrong on the page."""
    picture, seen = pages[name]
    assert seen.errors == []
    assert seen.drawn
    assert [query for query in seen.queries if not query.series] == []
    assert seen.empty == []
    panels = grafana.panels(grafana.load()[f"live-updates-{name}"])
    assert {query.panel for query in seen.queries} == {panel["title"] for panel in panels}
    assert picture.stat().st_size < LARGEST_BYTES


@on_the_newer_line
def test_cells_link_to_the_next_dashboard_with_their_labels(pages: dict[str, tuple[Path, Seen]]) -> None:
    """The table's first line is the version at fault; its links open that version and that app."""
    links = [urlsplit(link) for link in pages["overview"][1].links]
    (rollout, *_) = [link for link in links if link.path.endswith("rollout")]
    (downloads, *_) = [link for link in links if link.path.endswith("downloads")]
    assert parse_qs(rollout.query)["var-app_id"] == [SHOP]
    assert parse_qs(rollout.query)["var-version"] == [BAD]
    assert parse_qs(downloads.query)["var-app_id"] == [SHOP]
    assert all("$" not in link.query and parse_qs(link.query)["from"] for link in links)


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_shows_a_picture_of_each_dashboard(name: str) -> None:
    """It is committed, small, a PNG, and named by the documentation beside it."""
    picture = COMMITTED / f"{name}.png"
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    assert len(data) < LARGEST_BYTES
    assert f"](pictures/{name}.png)" in (COMMITTED.parent / "README.md").read_text()


def test_grafanas_types_accept_every_dashboard() -> None:
    """The TypeScript compiler finds no unknown key and no value that Grafana does not know."""
    checked = browser.node("types/check.mjs", *sorted(grafana.DASHBOARDS.glob("*.json")))
    assert checked.returncode == 0, checked.stdout


def test_grafanas_types_refuse_a_misspelt_option(tmp_path: Path) -> None:
    """The check above can fail."""
    text = (grafana.DASHBOARDS / "live-updates-overview.json").read_text()
    dashboard = json.loads(re.sub(r'"colorMode": "value"', '"colorMode": "rainbow"', text, count=1))
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(dashboard))
    checked = browser.node("types/check.mjs", wrong)
    assert checked.returncode != 0
    assert "rainbow" in checked.stdout
