"""What is refused is logged: often enough to be noticed, never so often that it hurts, and in our own words."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from exporter.intake.refusal_log import EVERY_SECONDS, RefusalLog

Line = dict[str, Any]


@pytest.fixture
def written() -> Iterator[list[Line]]:
    """The lines that were written."""
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]  # its lines are mutable mappings, which are dictionaries


class Clock:
    """The test's own time."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_the_first_refusal_is_written_at_once(written: list[Line]) -> None:
    """With its reason, how many there were, and where the newest came from."""
    RefusalLog(Clock()).note("missing_app_id", "203.0.113.7", 3)

    assert written == [
        {
            "event": "refused",
            "log_level": "warning",
            "reason": "missing_app_id",
            "number": 3,
            "newest_from": "203.0.113.7",
        }
    ]


def test_a_flood_of_refusals_is_one_line_every_ten_seconds(written: list[Line]) -> None:
    """And no refusal is missing in the numbers."""
    clock = Clock()
    log = RefusalLog(clock)
    for _ in range(100_000):
        log.note("not_found", "203.0.113.7")
        clock.now += 0.001
    clock.now += EVERY_SECONDS
    log.note("not_found", "203.0.113.7")

    assert len(written) == 100 * 1000 // 1000 // EVERY_SECONDS + 1
    assert sum(line["number"] for line in written) == 100_001


def test_reasons_do_not_hide_each_other(written: list[Line]) -> None:
    """A flood of one kind does not keep the first of another from being seen."""
    log = RefusalLog(Clock())
    for _ in range(1000):
        log.note("not_found", "203.0.113.7")
    log.note("overloaded", "203.0.113.8")

    assert [line["reason"] for line in written] == ["not_found", "overloaded"]


@pytest.mark.parametrize(
    ("claimed", "shown"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", "unknown"),
        ("203.0.113.7\nlevel=info forged", "unknown"),
        ("\x1b[2J203.0.113.7", "unknown"),
        ("device-4f6c0b4e", "unknown"),
        ("1" * 100_000, "unknown"),
        ("٢٠٣.0.113.7", "unknown"),
    ],
)
def test_only_an_address_is_taken_from_a_client(claimed: str, shown: str, written: list[Line]) -> None:
    """`X-Forwarded-For` may hold anything; what is no address does not get into the log."""
    RefusalLog(Clock()).note("not_found", claimed)

    assert written[0]["newest_from"] == shown


def test_the_zone_of_an_address_is_no_way_into_the_log(written: list[Line]) -> None:
    """Behind the % of an IPv6 address any text may stand."""
    RefusalLog(Clock()).note("not_found", "fe80::1%\x1b[2J\nforged line")

    assert "forged" not in written[0]["newest_from"]
    assert written[0]["newest_from"].isprintable()
