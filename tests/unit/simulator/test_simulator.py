"""A fleet lives in front of any server, and its account holds."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from pydantic import ValidationError

from exporter.simulator.fleet import Fleet
from exporter.simulator.options import Options
from tests.support.loops import run_alone
from tests.unit.simulator.stub import Answer, Lost, Request, Stub, hanging_up

LOST = Lost()
RATE = 200


def fleet_options(stub: Stub, **settings: object) -> Options:
    url = f"http://127.0.0.1:{stub.port}/stats/team?key=a%2Fb"
    return Options.model_validate(
        {"url": url, "devices": 150, "rate": RATE, "duration": "10s", "timeout": "1s", "drain": "5s"} | settings
    )


Label = tuple[str, str, str, str, bool]


def label(event: dict[str, Any]) -> Label:
    """A second reading of the contract's rule, from the JSON."""
    name = event.get("version_name", "").split(":")[0]
    version = (event["version_build"] if name == "builtin" else name) or "unknown"
    test = event.get("is_emulator", False) or not event.get("is_prod", True)
    platform = "react-native" if event.get("install_source") == "react-native" else event["platform"]
    if platform == "react-native" and event["action"] == "set_fail" and len(name) == 36:
        version = "unknown"  # a bundle's id
    return event["app_id"], event["action"], platform, version, test


def distinct(requests: Iterable[Request]) -> Counter[Label]:
    """How many different events came. Those without a timestamp can be alike, and are never sent again."""
    events: dict[str, Label] = {}
    for number, request in enumerate(requests):
        for event in request.events:
            once = event if "timestamp" in event else event | {"number": number}
            events[json.dumps(once)] = label(event)
    return Counter(events.values())


def tally(report: dict[str, Any], *names: str) -> Counter[Label]:
    """The sum of these numbers of each row."""
    counts: Counter[Label] = Counter()
    for row in [*report["series"], *report["ignored"]]:
        counts[label(row | {"version_name": row["version"], "is_emulator": row["test"]})] += sum(
            row[name] for name in names
        )
    return counts


def fleet_run(stub: Stub, stop_after: float | None = None, **settings: object) -> dict[str, Any]:
    """The report of a fleet in front of a server, in a world of their own whose seconds take as long as its events."""

    async def perform() -> dict[str, Any]:
        fleet = Fleet(fleet_options(stub, **settings))
        if stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, fleet.stop)
        await fleet.run()
        await asyncio.sleep(1)  # the server sees the end
        return fleet.report()

    return run_alone(perform(), stub.serve)


def test_the_account_holds_in_front_of_a_bad_server() -> None:
    """What the server took, each event once, is in every series between what was acknowledged and what may have been.

    It takes what it answers with 200, some of what it answers with 500 or not at all, and nothing else.
    """
    stub = Stub()
    taken: list[Request] = []
    chance = random.Random(5)
    answers: list[Answer | Lost] = [Answer(), Answer(500), Answer(503), Answer(400), Answer(429, b"{}"), LOST]

    def answer(request: Request) -> Answer | Lost:
        reply = chance.choices(answers, [80, 4, 4, 4, 1, 4])[0]
        unsure = reply in (LOST, Answer(500))
        if reply == Answer() or (unsure and chance.random() < 0.5):
            taken.append(request)
        return reply

    stub.answer = answer
    report = fleet_run(stub, app=["com.example.a", "com.example.b"], test_share=0.2)

    assert {"200", "500", "503", "400", "429", "lost"} <= set(report["totals"]["status_codes"])
    assert report["totals"]["retries"] > 0
    counts = distinct(taken)
    lowest, highest = tally(report, "acknowledged"), tally(report, "acknowledged", "unacknowledged")
    assert lowest <= counts <= highest
    assert lowest != counts != highest, "nothing was unsure, so nothing was tried"
    assert distinct(stub.requests) == tally(report, "sent")


def test_the_account_is_exact_in_front_of_a_good_server() -> None:
    """Every event is acknowledged, none is left in a queue, and each is where the server has it."""
    stub = Stub()
    stub.answer = lambda _: Answer(after=0.001)
    report = fleet_run(stub)

    assert report["totals"]["status_codes"].keys() == {"200", "lost"}, "lost are those of killed apps"
    assert report["totals"]["retries"] > 0
    assert distinct(stub.requests) == tally(report, "acknowledged") == tally(report, "sent")
    assert report["totals"]["distinct_events"]["unsent"] == 0
    assert {row["action"] for row in report["ignored"]} == {"download_fail"}


def test_the_url_is_used_as_it_is() -> None:
    stub = Stub()
    fleet_run(stub, stop_after=0.1)
    assert {request.line for request in stub.requests} == {"POST /stats/team?key=a%2Fb HTTP/1.1"}


@pytest.mark.parametrize("rate", [20, RATE, 1000])
def test_a_rate_is_kept(rate: float) -> None:
    """From the first second to the last."""
    assert fleet_run(Stub(), rate=rate)["totals"]["posts_per_second"] == pytest.approx(rate, rel=0.01)


def test_a_stopped_fleet_ends_what_is_under_way_and_starts_no_more() -> None:
    stub = Stub()
    totals = fleet_run(stub, stop_after=0.5, duration="1m")["totals"]

    assert totals["seconds"] == pytest.approx(0.5, abs=2 / RATE)
    assert totals["status_codes"].keys() <= {"200", "lost"}, "lost are those of killed apps"
    assert len(stub.requests) == totals["posts"] == sum(totals["status_codes"].values())


def test_posts_to_nobody_are_never_sent() -> None:
    """A server that is not there has seen nothing, and the fleet does not hang on it."""

    async def perform() -> dict[str, Any]:
        fleet = Fleet(fleet_options(Stub(), drain="0s"))
        await fleet.run()
        return fleet.report()

    totals = run_alone(perform(), None)["totals"]
    assert set(totals["status_codes"]) == {"unsent"}
    assert totals["distinct_events"]["sent"] == 0
    assert totals["distinct_events"]["unsent"] > 0


def test_a_fleet_outlives_a_server_that_hangs_up_on_every_connection() -> None:
    """As a proxy does whose server is away: some are gone before the first post is on them."""

    async def perform() -> dict[str, Any]:
        with hanging_up() as port:
            fleet = Fleet(fleet_options(Stub(port=port), rate=0, duration="500ms", drain="500ms"))
            await fleet.run()
            return fleet.report()

    totals = asyncio.run(perform())["totals"]
    assert totals["status_codes"].keys() <= {"unsent", "lost"}
    assert sum(totals["status_codes"].values()) == totals["posts"]


def test_a_fleet_ends_with_its_last_reply_also_where_the_connection_closes() -> None:
    stub = Stub()
    stub.answer = lambda _: Answer(headers=b"Connection: close\r\n", after=0.1)
    totals = fleet_run(stub, duration="200ms", drain="0s")["totals"]

    assert totals["status_codes"]["200"] > 0
    assert sum(totals["status_codes"].values()) == totals["posts"], "each post has one end"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fail", ["android:update_fail=7"], "share: 0 to 1"),
        ("fail", ["blackberry:update_fail=0.1"], "platforms: android, ios, electron, react-native"),
        ("fail", ["android:sadness=0.1"], "update_fail"),
        ("stall", ["android:75=0.1"], "android:70=0.06"),
        ("url", "ftp://127.0.0.1/", "http or https"),
        ("app", ["shop"], "com.example.shop"),
        ("to_version", "1.2.3", "must differ"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_with_what_would(name: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Options.model_validate({name: value})
