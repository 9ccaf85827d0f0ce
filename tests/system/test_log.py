"""The service's own log: nothing that a stranger or a full disk can cause makes it grow at their rate."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.support.bodies import event, events
from tests.support.harness import Exporter
from tests.system.conftest import Launch
from tests.system.test_storage import full_disk, is_ready

EVERY_SECONDS = 10.0


def lines(exporter: Exporter, name: str) -> list[dict[str, Any]]:
    """The lines of an event of the log, which is JSON where no person reads it."""
    found = [json.loads(line) for line in exporter.logs().splitlines()]
    return [line for line in found if line["event"] == name]


def assert_bounded(found: list[dict[str, Any]], seconds: float) -> None:
    """One at once, one every ten seconds, one at the end."""
    assert len(found) <= seconds / EVERY_SECONDS + 3


def test_all_refusals_are_told_in_few_lines(launch: Launch) -> None:
    """Of three hundred, the first at once, and the rest at the stop at the latest."""
    exporter = launch()
    began = time.monotonic()
    for number in range(300):
        exporter.post(event(app_id=f"not an app id {number}"))
    assert [line["number"] for line in lines(exporter, "refused")][:1] == [1], "the first is told at once"

    assert exporter.terminate() == 0

    found = lines(exporter, "refused")
    assert sum(line["number"] for line in found) == 300
    assert_bounded(found, time.monotonic() - began)


def test_a_full_disk_is_told_in_few_lines_and_so_is_its_end(launch: Launch) -> None:
    """Each post fails, and the log says so now and then; "storage is back" is its last word on it."""
    exporter = launch()
    began = time.monotonic()
    with full_disk(exporter):
        for _ in range(300):
            assert exporter.post(events(2)).status == 503
    assert exporter.post(event()).status == 200
    assert is_ready(exporter)
    assert exporter.terminate() == 0

    failed, back = lines(exporter, "storage_unavailable"), lines(exporter, "storage_back")
    assert sum(line.get("number", 1) for line in failed) >= 299, "all but one that the full disk did not take"
    assert_bounded(failed, time.monotonic() - began)
    assert len(back) == 1
    assert failed[-1]["timestamp"] <= back[0]["timestamp"]
