"""The landing page answers "does it arrive?", and whatever arrives is text to it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import falcon
import pytest
from falcon.testing import TestClient
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.commandline import read
from exporter.counting.view import Heard, Newest
from exporter.facts import facts
from exporter.metrics.landing import LandingResource, ReadmeResource, Sources
from exporter.metrics.page import DASHBOARDS, REFRESH_SECONDS, Facts, Known, page
from exporter.metrics.reception import Reception, Refused
from exporter.metrics.tally import Tally
from exporter.settings import Settings
from exporter.wire.events import REASONS
from exporter.wire.labels import Version
from exporter.wire.refusals import EVENT_REFUSALS, REQUEST_REFUSALS
from tests.support.html import Page

ROOT = Path(__file__).parents[3]
NOW = 1_795_512_600.0
SEGMENT = "hidden-segment"
NOTES = Version("com.acme.notes", "ios", "1.4.2", False)
NOTHING = Newest((), 0)


def said(
    *flags: str,
    newest: Newest = NOTHING,
    refusals: Mapping[str, Refused] | None = None,
    unready: str | None = None,
    tally: Tally | None = None,
    asked: float | None = None,
    scraped: float | None = None,
) -> Page:
    """The page of an exporter with these settings that knows this."""
    known = Known(NOW, NOW - 7200, unready, newest, asked, scraped, tally or Tally(), refusals or {})
    return Page(page(facts(read(Settings, "", flags), 8081), known))


def heard(version: Version = NOTES, ago: float = 3, events: int = 12, failures: int = 0) -> Heard:
    return Heard(version, NOW - ago, events, failures)


def state(told: Page) -> str:
    """The sentence on top."""
    return told.text.split("What arrived")[0].rsplit("README", 1)[1]


def test_each_version_is_told_with_its_newest_event_its_events_and_its_failures() -> None:
    """Test devices apart, in the order in which they were heard from."""
    test = NOTES._replace(version="2.0.0", platform="android", test=True)

    told = said(newest=Newest([heard(ago=3, failures=4), heard(test, 7300, 1)], 7))

    assert told.rows[1:3] == [
        ["com.acme.notes", "1.4.2", "ios", "production", "3 s ago", "12", "4"],
        ["com.acme.notes", "2.0.0", "android", "test", "2 h ago", "1", "0"],
    ]
    assert "… and 7 more" in told.text


@pytest.mark.parametrize(
    ("ago", "words"),
    [(-60, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (86400, "24 h"), (1e6, "11 d")],
)
def test_a_time_is_told_by_its_age(ago: float, words: str) -> None:
    """In whole units; a clock that was set back makes no negative one."""
    assert f"counted {words} ago." in state(said(newest=Newest([heard(ago=ago)], 0)))


def test_a_refusal_is_told_with_its_number_its_time_and_what_it_means() -> None:
    """For events and for whole requests alike."""
    told = said(refusals={"app_not_allowed": Refused(12, NOW - 3), "body_too_large": Refused(1, NOW - 600)})

    assert [row[:3] for row in told.rows[1:3]] == [
        ["app_not_allowed", "12", "3 s ago"],
        ["body_too_large", "1", "10 min ago"],
    ]
    assert told.rows[1][3] == EVENT_REFUSALS["app_not_allowed"].message


@pytest.mark.parametrize("reason", [*EVENT_REFUSALS, *REQUEST_REFUSALS])
def test_every_reason_can_be_told(reason: str) -> None:
    """None is unknown to the page."""
    assert [reason, "1", "0 s ago"] in [row[:3] for row in said(refusals={reason: Refused(1, NOW)}).rows]


@pytest.mark.parametrize(
    ("newest", "refused", "unready", "words"),
    [
        (NOTHING, None, None, "Nothing has arrived yet."),
        (NOTHING, 3, None, "No event has been counted yet. Refused: app_not_allowed 12, last 3 s ago."),
        (Newest([heard()], 0), None, None, "The newest event was counted 3 s ago."),
        (Newest([heard()], 0), 60, None, "The newest event was counted 3 s ago."),
        (
            Newest([heard(ago=600)], 0),
            3,
            None,
            "The newest event was counted 10 min ago. Refused: app_not_allowed 12, last 3 s ago.",
        ),
        (Newest([heard()], 0), 3, "storage_unavailable", "Posts can't be counted now: storage_unavailable"),
    ],
)
def test_the_first_sentence_is_the_answer(
    newest: Newest, refused: float | None, unready: str | None, words: str
) -> None:
    """Whether it arrives, and if not, why not; an older refusal is no news."""
    refusals = {} if refused is None else {"app_not_allowed": Refused(12, NOW - refused)}

    assert state(said(newest=newest, refusals=refusals, unready=unready)) == words


def test_repeats_and_what_was_ignored_are_told() -> None:
    """Or whoever posts the same event twice looks for the second one in vain."""
    told = said(tally=Tally(5, 2, (1,) * len(REASONS), (3,)), asked=NOW - 2, scraped=NOW - 40)

    assert "2 h ago: 5 events counted, 2 repeats of these, 6 events and 0 whole requests refused, 3 ig" in told.text
    assert "asked last: 2 s ago; Prometheus scraped last: 40 s ago." in told.text
    assert "asked last: never; Prometheus scraped last: never." in said().text


def test_what_was_refused_is_the_same_in_the_sentence_and_in_the_table() -> None:
    """Events that were refused by themselves, and requests as a whole; one of a kind is one."""
    refusals = {
        "missing_app_id": Refused(1, NOW),
        "not_found": Refused(2, NOW - 1),
        "invalid_json_parse_body": Refused(3, NOW - 2),
    }

    several = said(tally=Tally(1, 1, (1, *(0,) * (len(REASONS) - 1))), refusals=refusals)
    single = said(refusals={"not_found": Refused(1, NOW)})

    assert "1 event counted, 1 repeat of these, 1 event and 5 whole requests refused, 0 ignored." in several.text
    assert sum(int(row[1]) for row in several.rows if row[0] in refusals) == 1 + 5
    assert "0 events and 1 whole request refused" in single.text


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(app_id=anything, version=anything)
@example(app_id="</td></table><script>alert(1)</script>", version='"><img src=x onerror=alert(1)>')
@example(app_id="&lt;b&gt;", version="{known.now} %s {0} ${x}")
@example(app_id="<!--", version="]]><svg/onload=alert(1)>")
def test_whatever_an_app_or_a_version_is_called_is_text(app_id: str, version: str) -> None:
    """The page has the tags and attributes that it always has, and shows each name as it is."""
    plain = said(newest=Newest([heard()], 0))
    told = said(newest=Newest([heard(NOTES._replace(app_id=app_id, version=version))], 0))

    assert told.rows[1][:2] == [app_id, version]
    assert (told.tags, told.attributes, told.links) == (plain.tags, plain.attributes, plain.links)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs() -> None:
    """No script at all, no picture, no style but its own; it leads to this port, and to Grafana where that is known."""
    own, linked = said(newest=Newest([heard()], 0)), said("--grafana-url", "https://grafana.example.com/g/")

    assert not {"script", "img", "link", "iframe", "form"} & {*own.tags, *linked.tags}
    assert not [name for name in own.attributes if name in ("src", "style") or name.startswith("on")]
    assert own.links == ["/metrics", "/readyz", "/healthz", "/readme"]
    assert linked.links[4:] == [f"https://grafana.example.com/g/d/live-updates-{name}" for name in DASHBOARDS]


def test_the_dashboards_that_are_linked_are_those_that_there_are() -> None:
    """By their uids."""
    uids = {json.loads(path.read_text())["uid"] for path in (ROOT / "dashboards/grafana").glob("*.json")}

    assert {f"live-updates-{name}" for name in DASHBOARDS} == uids


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), ["none: whoever knows the address may post", "any; at most 20", "posts go to /stats on port 8081"]),
        (("--path-token", SEGMENT), ["one is needed", "/<token>/stats"]),
        (("--path-token", f"{SEGMENT},other-{SEGMENT}"), ["one of 2 is needed"]),
        (("--apps", "com.acme.notes,com.acme.a"), ["com.acme.a, com.acme.notes", '"app_id":"com.acme.a"']),
        (("--apps", ",".join(f"a.a{n:02}" for n in range(60))), ["a.a49 and 10 more"]),
        (("--zero-hold", "90s", "--durability", "power"), ["90 s, and two scrapes", "power"]),
        (("--zero-hold", "0s"), ["none: /metrics shows true values at once"]),
        (("--event-store", "http://loki:3100/otlp/v1/logs?key=hidden-segment"), ["failures to loki:3100"]),
        (("--data-dir", "/srv/\udcff"), ["/srv/"]),
    ],
)
def test_the_settings_that_matter_are_told_and_no_secret(flags: tuple[str, ...], words: list[str]) -> None:
    """With a first event to post, of an app that is taken."""
    told = said(*flags)

    assert [word for word in words if word not in told.text] == []
    assert SEGMENT not in told.text


def served(resource: object) -> falcon.testing.Result:
    app = falcon.App()
    app.add_route("/", resource)
    assert TestClient(app).simulate_head("/").status_code == 200
    return TestClient(app).simulate_get("/")


def test_it_is_served_with_a_policy_under_which_nothing_runs() -> None:
    """Of all styles and scripts the page's own style alone; and it is loaded anew, never kept."""
    sources = Sources(
        Facts("1.2.3", "curl \udcff", {}, ""), Reception(), lambda: NOTHING, Tally, lambda: None, lambda: None
    )
    reply = served(LandingResource(sources, lambda: NOW))

    style = re.findall(r"<style>(.*?)</style>", reply.text, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}';" in reply.headers["content-security-policy"]
    assert reply.headers["cache-control"] == "no-store"
    assert f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">' in reply.text


def test_the_time_of_a_scrape_is_told_by_the_clock_on_the_wall() -> None:
    """Whoever remembers scrapes has a clock that never goes back."""
    sources = Sources(Facts("1", "", {}, ""), Reception(), lambda: NOTHING, Tally, lambda: None, lambda: 42.0)

    assert "Prometheus scraped last: " in (text := served(LandingResource(sources, lambda: NOW)).text)
    assert ">42 s ago<" in text


def test_readme_is_there_without_a_network() -> None:
    """That of the package which runs, as it is written."""
    reply = served(ReadmeResource())

    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.text.startswith("# capgo-exporter\n")
