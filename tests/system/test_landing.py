"""The landing page in a real browser: it fits a phone, loads itself anew, and nothing that strangers post does more
than to stand there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.bodies import event
from tests.support.browser import Reader, Seen, visit
from tests.support.harness import Exporter
from tests.support.html import Page
from tests.system.landing import PICTURE, tell

pytestmark = pytest.mark.timeout(600)  # a browser on a busy machine

HOSTILE = [
    '<script>alert("x")</script><b>',
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</style></table></main></body>",
    "&lt;u&gt;&#60;u&#62;",
    "{known} %s ${x} `x`",
    "W" * 64,
    "ملف نسخة تجريبية",
    "版" * 64,
    "z" + "\N{COMBINING ACUTE ACCENT}" * 63,
    "'--><iframe srcdoc=x>",
]
LONGEST_APP = ".".join(["com", "example", "x" * 116])
ROOT = Path(__file__).parents[2]
LATER = "com.example.later"
SMALLEST_PIXELS = 14
"""Below it a phone's reader has to come closer."""

Visited = tuple[Exporter, list[Seen]]


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    """What three readers see: on a phone, on a narrow one in the dark, and at a desk, where one waits for an app."""
    with Exporter(tmp_path_factory.mktemp("exporter")) as exporter:
        tell(exporter)
        exporter.post([event(version_name=version) for version in HOSTILE])
        exporter.post(event(app_id=LONGEST_APP, version_name="1"))
        exporter.post({"app_id": "com.example.shop"})
        readers = [Reader(390, 844, phone=True), Reader(320, 568, True, "dark"), Reader(until=LATER)]
        seen: list[Seen] = []
        for each in visit(f"http://{exporter.metrics_address}/", readers):
            seen.append(each)
            if len(seen) == len(readers):
                exporter.post(event(app_id=LATER))
        yield exporter, seen


def test_it_fits_every_window_and_can_be_read_there(visited: Visited) -> None:
    """Whatever the names, nothing has to be scrolled sideways, and no text is small."""
    _, seen = visited
    assert [each.width for each in seen] == [390, 320, 1100, 1100]
    for each in seen:
        assert each.needed <= each.width
        assert each.smallest >= SMALLEST_PIXELS
        assert each.styled


def test_it_loads_itself_anew(visited: Visited) -> None:
    """Whoever waits for a first event sees it come, without a hand on the keyboard."""
    _, (*_, before, after) = visited

    assert LATER not in before.text
    assert LATER in after.text
    assert len(after.asked) > len(before.asked)


def test_it_asks_for_nothing_but_itself(visited: Visited) -> None:
    """Not even on this port, and nowhere else."""
    exporter, seen = visited

    addresses = {urlsplit(address) for each in seen for address in each.asked}
    assert {(address.netloc, address.path) for address in addresses} == {(exporter.metrics_address, "/")}


def test_what_strangers_post_stands_there_and_does_nothing(visited: Visited) -> None:
    """No dialog, no complaint about the policy, no element but the page's own."""
    _, seen = visited

    for each in seen:
        assert each.complaints == []
        assert not {"script", "img", "svg", "iframe", "b", "u"} & set(each.tags)
        assert [version for version in HOSTILE if version not in each.text] == []


def test_what_was_refused_is_seen_in_the_browser(visited: Visited) -> None:
    """With its number and its time."""
    exporter, (phone, *_) = visited

    assert "missing_app_id" not in phone.text
    assert "missing_action" in phone.text
    rows = Page(exporter.private("/").body.decode()).rows
    assert [row[:2] for row in rows if row[0] == "missing_action"] == [["missing_action", "1"]]


def test_the_committed_picture_is_one_of_this_page() -> None:
    """A small PNG, which README shows."""
    data = PICTURE.read_bytes()

    assert data.startswith(b"\x89PNG\r\n")
    assert len(data) < 300_000
    assert f"]({PICTURE.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
