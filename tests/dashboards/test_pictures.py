"""The dashboards as Grafana's own libraries draw them, from a bad rollout; the pictures of the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dashboards import browser, grafana
from tests.dashboards.browser import Picture, Seen
from tests.dashboards.conftest import Stored
from tests.dashboards.pictures import COMMITTED, NAMES, OF_PROMETHEUS, documentation, take
from tests.dashboards.programs import RELEASES
from tests.dashboards.scenarios import BAD, SHOP

LARGEST_BYTES = 600_000
LIMITS = {"objective", "alert"}
LONG = {
    "overview": {"Surely worst", "Firing alerts", "Versions", "Clients that set at each launch"},
    "rollout": {"Where its devices stand now", "How far devices get"},
    "health": set[str](),
    "downloads": {"Downloads by version and platform", "Lost in the network, by plugin and kind"},
    "exporter": set[str](),
    "events": {
        "Devices by version and action",
        "What failed lately",
        "Devices that fail most",
        "Failed updates by OS version",
        "Failed updates by plugin version",
    },
}
"""Tables with more lines than they show at once; the first are those that matter."""
STATUS = {"rgb(242, 73, 92)", "rgb(255, 152, 48)", "rgb(115, 191, 105)"}
"""Grafana's red, orange and green."""

pytestmark = pytest.mark.timeout(600)  # a browser on a busy machine

on_the_newer_line = pytest.mark.parametrize("stored", RELEASES[1:], indirect=True, ids=[RELEASES[1].name])
"""Both lines give the same answers, as other tests say; drawing them takes long."""
each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def pages(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Picture, Seen]]:
    """The pictures of each dashboard, and what its page said."""
    browser.build()
    orders = documentation(tmp_path_factory.mktemp("pictures"))
    seen = take(stored.history, stored.prometheus, orders)
    return dict(zip(NAMES, zip(orders, seen, strict=True), strict=True))


@on_the_newer_line
@each
def test_a_dashboard_is_drawn_without_errors_and_without_empty_panels(
    pages: dict[str, tuple[Picture, Seen]], name: str
) -> None:
    """Every panel shows something, every query found series, and nothing went wrong on the page."""
    picture, seen = pages[name]
    assert seen.errors == []
    assert seen.drawn
    assert [query for query in seen.queries if not query.series] == []
    assert seen.empty == []
    panels = grafana.panels(grafana.load()[f"live-updates-{name}"])
    assert {query.panel for query in seen.queries} == {panel["title"] for panel in panels}
    assert picture.first.stat().st_size < LARGEST_BYTES
    assert picture.whole
    assert picture.whole.stat().st_size < LARGEST_BYTES


@on_the_newer_line
@each
def test_all_words_can_be_read(pages: dict[str, tuple[Picture, Seen]], name: str) -> None:
    """Nothing is cut or tiny on a laptop with Grafana's menu open; only long tables have lines out of sight."""
    _, seen = pages[name]
    assert seen.cut == []
    assert seen.small == []
    assert set(seen.clipped) <= LONG[name]


@on_the_newer_line
@each
def test_a_name_keeps_its_colour_and_status_has_its_own(pages: dict[str, tuple[Picture, Seen]], name: str) -> None:
    """Over all panels with a legend; the browser tells the colours that it drew."""
    _, seen = pages[name]
    colors: dict[str, set[str]] = {}
    for _, series, color in seen.colors:
        colors.setdefault(series, set()).add(color)
    assert {series: several for series, several in colors.items() if len(several) > 1} == {}
    assert {series for series, several in colors.items() if several & STATUS} <= LIMITS
    assert len(colors) > 3


@on_the_newer_line
@pytest.mark.parametrize("name", OF_PROMETHEUS)
def test_a_new_version_is_marked_on_every_graph(pages: dict[str, tuple[Picture, Seen]], name: str) -> None:
    """The rollout began within the time range; within that of Events' answers none did."""
    panels = grafana.panels(grafana.load()[f"live-updates-{name}"])
    graphs = {panel["title"] for panel in panels if panel["type"] == "timeseries"}
    marks = pages[name][1].marks
    assert {title for title, number in marks.items() if number} == graphs


@on_the_newer_line
def test_the_first_screen_names_the_version_at_fault_and_says_what_is_wrong(
    pages: dict[str, tuple[Picture, Seen]],
) -> None:
    """In words, before anything is clicked."""
    overview, rollout, exporter = (pages[name][1].text for name in ("overview", "rollout", "exporter"))
    assert re.search(rf"Updates failed\s+{re.escape(BAD)}\s+android\s+{SHOP}\s+bad", overview["Surely worst"])
    assert re.search(rf"{re.escape(BAD)}\s+android\s+{SHOP}\s+bad: updates", overview["Versions"])
    assert re.search(r"critical\s+CapgoUpdatesFailing", overview["Firing alerts"])
    assert re.search(r"android\s+Yes", rollout["Worse than the baseline?"])
    assert re.search(r"ios(\s+(No|Not surely)){5}", rollout["Worse than the baseline?"])
    assert "Rolled back (update_fail)" in rollout["What failed, and where"]
    assert re.search(r"android\s+\d+\s+\d+\s+[\d.]+%", rollout["Once it is installed"])
    assert "ready" in overview["Data"]
    assert "capgo-exporter-1" in exporter["Exporters"]


@on_the_newer_line
def test_health_says_which_version_on_which_platform_is_broken_and_how(pages: dict[str, tuple[Picture, Seen]]) -> None:
    """Of an app whose updates do not fail: the first line of the table, and of the list of what it is about."""
    health = pages["health"][1].text
    line = r"2\.7\.0\s+android\s+Crashes, of visits that tell\s+[\d.]+ ×\s+[\d.]+%"
    assert re.search(rf"alert above\s+{line}", health["Worse than the other versions"])
    assert re.search(r"android\s+Yes.*(\s+(No|Not surely)){3}", health["Worse than the baseline?"])
    assert re.search(r"ios(\s+(No|Not surely)){4}\s+\d+%(\s+(No|Not surely)){2}", health["Worse than the baseline?"])


@on_the_newer_line
def test_cells_link_to_the_next_dashboard_with_their_labels(pages: dict[str, tuple[Picture, Seen]]) -> None:
    """The table's first line is the version at fault; its links open that version and that app."""
    links = [urlsplit(link) for link in pages["overview"][1].links]
    (rollout, *_) = [link for link in links if link.path.endswith("rollout")]
    (downloads, *_) = [link for link in links if link.path.endswith("downloads")]
    assert parse_qs(rollout.query)["var-app_id"] == [SHOP]
    assert parse_qs(rollout.query)["var-version"] == [BAD]
    assert parse_qs(downloads.query)["var-app_id"] == [SHOP]
    assert all("$" not in link.query for link in links)
    assert all(parse_qs(link.query)["from"] for link in links if link.path.startswith("/d/"))
    assert "search=CapgoUpdatesFailing" in {link.query for link in links if link.path == "/alerting/list"}


@each
def test_the_documentation_shows_the_pictures_of_each_dashboard(name: str) -> None:
    """All of it and its first screens are committed, small, PNGs, and named by the documentation beside them."""
    for picture in (COMMITTED / f"{name}.png", COMMITTED / f"{name}-first.png", *COMMITTED.glob(f"{name}-*.png")):
        data = picture.read_bytes()
        assert data.startswith(b"\x89PNG\r\n")
        assert len(data) < LARGEST_BYTES
        assert f"](pictures/{picture.name})" in (COMMITTED.parent / "README.md").read_text()


def test_grafanas_types_accept_every_dashboard_and_refuse_a_misspelt_option(tmp_path: Path) -> None:
    """The TypeScript compiler finds the one unknown value that was put in, and nothing else."""
    text = (grafana.DASHBOARDS / "live-updates-overview.json").read_text()
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(json.loads(re.sub(r'"colorMode": "value"', '"colorMode": "rainbow"', text, count=1))))
    checked = browser.node("types/check.mjs", *sorted(grafana.DASHBOARDS.glob("*.json")), wrong)
    assert checked.returncode != 0
    errors = re.findall(r"error TS\d+: .*", checked.stdout)
    assert len(errors) == 1, checked.stdout
    assert "rainbow" in checked.stdout
