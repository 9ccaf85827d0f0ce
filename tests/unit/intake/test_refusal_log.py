"""What is refused is logged in our own words; how often, `tests/unit/test_repeats.py` says."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from exporter.intake.refusal_log import note_refusal

Line = dict[str, Any]


@pytest.fixture
def written() -> Iterator[list[Line]]:
    """The lines that were written."""
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]  # its lines are mutable mappings, which are dictionaries


def test_a_refusal_has_a_line(written: list[Line]) -> None:
    """With its reason, how many there were, and where the newest came from."""
    note_refusal("missing_app_id", "203.0.113.7", 3)

    assert written == [
        {
            "event": "refused",
            "log_level": "warning",
            "reason": "missing_app_id",
            "number": 3,
            "newest_from": "203.0.113.7",
        }
    ]


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
    note_refusal("not_found", claimed)

    assert written[0]["newest_from"] == shown


def test_the_zone_of_an_address_is_no_way_into_the_log(written: list[Line]) -> None:
    """Behind the % of an IPv6 address any text may stand."""
    note_refusal("not_found", "fe80::1%\x1b[2J\nforged line")

    assert "forged" not in written[0]["newest_from"]
    assert written[0]["newest_from"].isprintable()
