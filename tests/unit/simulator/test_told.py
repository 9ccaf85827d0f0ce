"""What a phone has told of itself after a row of steps, and what of that the account is sure of."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from exporter.simulator.account import Account, Fate
from exporter.simulator.dialects import Platform, dialect
from exporter.simulator.phone import Phone, Step
from exporter.simulator.told import Attempt, Told

NEW, OTHER = "1.2.4", "1.2.3"


def phone(platform: Platform = "android", version: str = "8.51.23", test_share: float = 0.0) -> Phone:
    return Phone(dialect(platform, version), "com.example.shop", "1.2.0", test_share, random.Random(1))


def told(*steps: Step, by: Phone | None = None) -> Told:
    by = by or phone()
    for step in steps:
        by.tell(step)
    return by.told


def of(what: str, bundle: str = NEW) -> Step:
    return Step(1.0, "delete", bundle, attempt=Attempt(bundle, what))


@pytest.mark.parametrize(
    ("whats", "stage", "entered"),
    [
        (["downloading", "downloaded", "installed"], "installed", ["downloading", "downloaded", "installed"]),
        (["downloading", "breaks", "downloading", "breaks"], "failed", ["downloading", "failed"]),
        (["installed", "failed"], "failed", ["installed", "failed"]),
        (["installed", "downloading", "downloaded"], "installed", ["installed"]),
        (["failed", "downloaded"], "downloaded", ["failed", "downloaded"]),
        (["launched", "launched"], "installed", ["installed"]),
        (["breaks"], "", []),
        (["downloaded", "breaks"], "downloaded", ["downloaded"]),
    ],
)
def test_an_attempt_is_where_its_steps_left_it(whats: list[str], stage: str, entered: list[str]) -> None:
    """And each stage of it was entered once."""
    one = told(*map(of, whats))

    assert one.stage == stage
    assert dict(one.entered) == {(NEW, each): 1 for each in entered}


@pytest.mark.parametrize(
    ("steps", "tried"),
    [
        ([of("failed"), of("installed", OTHER)], (NEW, "failed")),
        ([of("downloaded"), of("installed", OTHER)], (OTHER, "installed")),
        ([of("downloaded"), of("launched", OTHER)], (NEW, "downloaded")),
        ([of("downloading"), of("breaks", OTHER)], (NEW, "downloading")),
        ([of("installed", OTHER), of("downloading")], (NEW, "downloading")),
    ],
)
def test_another_bundle_is_another_attempt_but_not_what_a_rollback_or_a_launch_names(
    steps: Iterable[Step], tried: tuple[str, str]
) -> None:
    """That a phone runs again what it ran before is no update."""
    one = told(*steps)

    assert (one.tried, one.stage) == tried


def test_a_phone_tells_what_it_runs_by_what_is_about_that() -> None:
    """What it downloads or removes is not."""
    one = told(Step(1.0, "app_launch_start", OTHER), Step(1.0, "delete", "1.0.0"), Step(1.0, "download_complete", NEW))

    assert one.runs == OTHER
    assert told(Step(1.0, "reset", "builtin")).runs == "1.2.0"


def test_an_old_client_tells_what_it_runs_and_no_more() -> None:
    """By whatever it says, but for what says nothing."""
    old = phone("ios", "5.2.35")

    assert told(Step(1.0, "download_complete", OTHER, attempt=Attempt(NEW, "downloaded")), by=old).tried == ""
    assert old.told.runs == OTHER
    assert not told(Step(1.0, "download_fail", OTHER), by=phone("ios", "5.2.35")).heard


@pytest.mark.parametrize(("fate", "sure"), [(Fate.ACKNOWLEDGED, True), (Fate.UNACKNOWLEDGED, False), (None, False)])
def test_the_account_is_sure_of_those_whose_every_event_was_taken(fate: Fate | None, sure: bool) -> None:
    """Of the others it says how many they are; of test devices nothing."""
    account = Account()
    for who in (phone(), phone(test_share=1.0)):
        step = Step(1.0, "set", NEW, attempt=Attempt(NEW, "installed"))
        who.tell(step)
        event = account.open(who.body(step, 1_800_000_000_000), who.labels(step), who.told)
        if fate is not None:
            event.settle(fate)

    place = {"app_id": "com.example.shop", "platform": "android", "version": NEW, "devices": 1}
    assert account.memory() == {
        "running": [place] * sure,
        "trying": [place | {"stage": "installed"}] * sure,
        "stages": [place | {"stage": "installed"}] * sure,
        "doubtful": 0 if sure else 1,
    }
