"""How many names may have series of their own, as those see it who run the exporter."""

from __future__ import annotations

from tests.support.bodies import event
from tests.support.contract import assert_refused
from tests.system.conftest import Launch

BUDGET = ("values", "limit", "demand")


def test_apps_that_are_named_have_series_of_their_own_however_many(launch: Launch) -> None:
    """The list is the budget: it is full when all are in, and nobody has to be woken for that."""
    named = [f"com.example.app{number}" for number in range(25)]
    exporter = launch(apps=",".join(named), max_apps="5")

    assert exporter.post([event(app_id=app) for app in named]).status == 200

    scrape = exporter.scrape()
    assert {app: scrape.total("capgo_events_total", app_id=app) for app in named} == dict.fromkeys(named, 1)
    budget = [scrape.value(f"capgo_exporter_label_{what}", label="app_id") for what in BUDGET]
    assert budget == [25, 25, 0]
    assert scrape.total("capgo_exporter_events_folded_total") == 0
    assert_refused(exporter.post(event(app_id="com.example.stranger")), 403, "app_not_allowed")


def test_apps_that_are_named_find_room_beside_those_that_were_there_before(launch: Launch) -> None:
    """Strangers' series are on /metrics until they have been out of use for long enough, and cost nobody a place."""
    exporter = launch(max_apps="2")
    exporter.post([event(app_id=f"com.junk.app{number}") for number in range(2)])
    exporter.terminate()
    exporter.restart(apps="com.example.shop,com.example.notes")

    assert exporter.post([event(app_id="com.example.shop"), event(app_id="com.example.notes")]).status == 200

    shown = exporter.scrape()
    assert shown.total("capgo_events_total", app_id="com.example.shop") == 1
    assert shown.total("capgo_events_total", app_id="com.example.notes") == 1
    assert shown.total("capgo_exporter_events_folded_total") == 0
