"""Two posts of one event have one fingerprint, two events have two."""

from collections.abc import Sequence

import pytest

from exporter.wire.events import Event, decode
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.runs import runs

KEY = b"k" * 16
EVENT = Event(
    app_id="com.acme.notes",
    action="set",
    device_id="ABC",
    version_name="1.0",
    old_version_name="",
    timestamp=1,
    metadata={"a": "1", "b": "2"},
)


def of(*events: Event) -> Sequence[int | None]:
    return fingerprinter(KEY)(runs(events), [event.timestamp for event in events])


def changed(**fields: object) -> Event:
    return Event(**({name: getattr(EVENT, name) for name in Event.__struct_fields__} | fields))


def test_a_retry_has_the_same_fingerprint_in_whatever_company() -> None:
    """A retry may be merged with newer events, and its device id be spelt anew after an upgrade."""
    assert of(EVENT)[0] == of(changed(action="get"), changed(device_id="abc"))[1]
    assert of(EVENT) == of(changed(metadata={"b": "2", "a": "1"}))


@pytest.mark.parametrize(
    "fields",
    [
        {"app_id": "com.acme.other"},
        {"action": "get"},
        {"device_id": "abd"},
        {"device_id": None},
        {"version_name": "1.0:a.js"},
        {"version_name": None},
        {"version_name": "1", "old_version_name": ".0"},
        {"old_version_name": None},
        {"timestamp": 2},
        {"metadata": {"a": "12", "b": ""}},
        {"metadata": None},
        {"metadata": {}},
    ],
)
def test_each_field_that_tells_events_apart_does(fields: dict[str, object]) -> None:
    """Absent is not empty, and no two fields run into each other."""
    assert of(EVENT) != of(changed(**fields))


@pytest.mark.parametrize("fields", [{"plugin_version": "8.51.23"}, {"is_prod": True}, {"version_build": "7"}])
def test_what_an_upgrade_changes_does_not_make_an_event_another(fields: dict[str, object]) -> None:
    """A restored queue carries what it was made with, but the app around it may be new."""
    assert of(EVENT) == of(changed(**fields))


def test_equal_events_of_one_body_are_different_ones() -> None:
    """Concurrent downloads report the same step in the same millisecond; a retry of the body has the same pair."""
    pair = of(EVENT, EVENT)

    assert len(set(pair)) == 2
    assert of(EVENT, EVENT) == pair
    assert of(EVENT)[0] == pair[0]


def test_an_event_without_a_timestamp_has_none() -> None:
    """It can't be told from a legitimate repeat."""
    assert of(changed(timestamp=None)) == [None]


def test_another_ledger_has_other_fingerprints() -> None:
    """The key is secret, so nobody can make a collision."""
    assert of(EVENT) != fingerprinter(b"l" * 16)(runs([EVENT]), [1])


def test_what_utf_8_cannot_encode_has_a_fingerprint_too() -> None:
    """A lone surrogate must not turn a post into an error."""
    body = b'{"app_id":"a.b","action":"set","device_id":"\\ud800","timestamp":1}'
    (event,) = decode(body, 1).items
    assert isinstance(event, Event)

    assert of(event) == of(event) != of(changed(device_id="?"))


def test_an_odd_neighbour_changes_no_fingerprint() -> None:
    """A retry comes in other company."""
    plain, odd = changed(version_name="é\n\x85"), changed(version_name="\ud800")

    assert of(plain, odd)[0] == of(plain)[0]
