"""README's first ten minutes, walked: its commands are typed, its addresses asked, its words held to what happens.

In one language: the others have the same commands and tables, as a unit test says.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.support.bodies import Event, event
from tests.support.contract import OK
from tests.support.harness import LOCALHOST, Exporter
from tests.support.html import Page
from tests.support.readme import ENGLISH, HOST

ASK, POST = ENGLISH.commands("curl")
TAKEN = ("received", "counted", "duplicate", "rejected", "ignored")


def typed(command: str, exporter: Exporter) -> str:
    """What a command says whose reader has put this exporter's address for README's."""
    assert HOST in command
    here = command.replace(HOST, f"http://{LOCALHOST}:{exporter.port}")
    return subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=True, timeout=60).stdout


def books(exporter: Exporter) -> list[float]:
    """All that there is to be counted in."""
    scrape = exporter.scrape()
    own = [scrape.total(f"capgo_exporter_events_{what}_total") for what in TAKEN]
    return [*own, scrape.total("capgo_events_total"), scrape.total("capgo_test_events_total")]


@pytest.mark.parametrize("ask", ["GET", "HEAD", ASK])
def test_asking_whether_it_is_there_counts_nothing(exporter: Exporter, ask: str) -> None:
    """However often an uptime check does; the landing page tells that somebody asked."""
    before = books(exporter)

    if ask == ASK:
        assert typed(ask, exporter) == OK.decode()
    else:
        assert exporter.public(ask, urlsplit(ASK.split()[-1]).path).status == 200

    assert books(exporter) == before
    assert re.search(r"asked last: \d+ s ago", Page(exporter.private("/").body.decode()).text)


def test_the_first_event_is_counted_apart_and_shows_on_the_landing_page(exporter: Exporter) -> None:
    """Each time that it is sent."""
    shown = ["com.example.app", "1.0.0", "android", "test"]
    for times in (1, 2):
        assert typed(POST, exporter) == OK.decode()
        rows = Page(exporter.private("/").body.decode()).rows
        assert [row[5] for row in rows if row[:4] == shown] == [str(times)]
    assert exporter.scrape().total("capgo_events_total", app_id="com.example.app") == 0


def test_the_tunnel_leads_to_the_private_port_and_its_address_is_the_one_given() -> None:
    """What `ssh -L` opens here is where the browser is sent, and where the exporter listens by itself."""
    (tunnel,) = ENGLISH.commands("ssh")
    here, there = re.findall(r"-L (\d+):(\S+:\d+) ", tunnel)[0]

    assert f"`{there}`" == ENGLISH.table(ENGLISH.flag)["--metrics-listen"][0]
    assert f"http://127.0.0.1:{here}/" in ENGLISH.text
    assert tunnel.split()[-1] == urlsplit(HOST).netloc


def test_the_address_for_the_app_is_one_that_takes_posts(exporter: Exporter) -> None:
    """The example of `capacitor.config.ts` ends as every `statsUrl` has to."""
    (example,) = re.findall(r'statsUrl: "(.*?)"', "".join(ENGLISH.blocks("ts")))

    assert example.startswith(HOST)
    assert exporter.post(event(), path=urlsplit(example).path).body == OK


APP = "com.example.fields"
EVENTS, TEST_EVENTS, VISITS = "capgo_events_total", "capgo_test_events_total", "capgo_visits_total"
VISIT = "app_moved_to_foreground"


def one(**fields: object) -> Event:
    return event(app_id=APP, **fields)


class Trial(NamedTuple):
    """What to post to see what a field does: by how many events the series rise that have these labels."""

    field: str
    posts: list[Event]
    rise: float
    family: str = EVENTS
    labels: Mapping[str, str] = {}


def twice(**fields: object) -> list[Event]:
    """The same event, then with one field as it is told."""
    return [same := one(), same | fields]


TRIALS = [
    Trial("app_id", [event()], 0),
    Trial("app_id", [one()], 1),
    Trial("action", [one(action="set_next")], 1, labels={"action": "set_next"}),
    Trial("action", [one(action="made_up")], 1, labels={"action": "other"}),
    Trial("platform", [one(platform="web")], 1, labels={"platform": "web"}),
    Trial("platform", [one(platform="toaster")], 1, labels={"platform": "other"}),
    Trial("install_source", [one(install_source="react-native")], 1, labels={"platform": "react-native"}),
    Trial("version_name", [one(version_name="1.2.3:a/file")], 1, labels={"version": "1.2.3"}),
    Trial("version_name", [one(version_name=None)], 1, labels={"version": "unknown"}),
    Trial("version_build", [one(version_name="builtin", version_build="7.7.7")], 1, labels={"version": "7.7.7"}),
    Trial("is_prod", [one(is_prod=False)], 1, TEST_EVENTS),
    Trial("is_prod", [one(is_prod=False)], 0),
    Trial("is_prod", [one(is_prod=None)], 1),
    Trial("is_emulator", [one(is_emulator=True)], 1, TEST_EVENTS),
    Trial("is_emulator", [one(is_emulator=None)], 1),
    Trial("timestamp", [one()] * 3, 1),
    Trial("timestamp", [one(timestamp=None)] * 3, 3),
    Trial("device_id", twice(device_id="another"), 2),
    Trial("old_version_name", twice(old_version_name="0.9"), 2),
    Trial("metadata", twice(metadata={"duration_ms": "5"}), 2),
    Trial(
        "metadata",
        [one(action="app_launch_ready", metadata={"duration_ms": "1500"})],
        1.5,
        "capgo_launch_seconds_sum",
    ),
    Trial("plugin_version", [one(action="download_fail", plugin_version="5.2.35")], 0),
    Trial("plugin_version", [one(action="download_fail", plugin_version="8.51.23")], 1),
    Trial("plugin_version", [one(action=VISIT, plugin_version="5.2.35")], 1, VISITS, {"reports": "nothing"}),
    Trial("version_os", [one(action=VISIT, version_os="15")], 1, VISITS, {"reports": "crashes"}),
    Trial("version_os", [one(action=VISIT, version_os="10")], 1, VISITS, {"reports": "errors"}),
]
FIELDS = [*ENGLISH.table(ENGLISH.field)]


def test_there_is_a_trial_for_each_field_of_readme() -> None:
    """In its order."""
    assert [*dict.fromkeys(trial.field for trial in TRIALS)] == FIELDS


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.field)
def test_a_field_does_to_the_counting_what_readme_says(exporter: Exporter, trial: Trial) -> None:
    """By what it takes to see a difference."""

    def counted() -> float:
        return exporter.scrape().total(trial.family, app_id=APP, **trial.labels)

    before = counted()
    assert [exporter.post(body).body for body in trial.posts] == [OK] * len(trial.posts)
    assert counted() - before == pytest.approx(trial.rise)


@pytest.mark.parametrize("field", FIELDS)
def test_an_event_is_taken_without_any_field_that_is_not_needed(exporter: Exporter, field: str) -> None:
    """And refused without one that is."""
    needed = ENGLISH.table(ENGLISH.field)[field][1] == "yes"

    assert (exporter.post(event(**{field: None})).status == 400) == needed
