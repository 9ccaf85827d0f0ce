"""What must hold for any bytes that are posted.

The reading of a body is held against a second one, made of the standard library's JSON parser and nothing else.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import Any, Final, NoReturn

from exporter.counting.records import KEYS
from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.events import Batch, Event, MalformedBodyError, Rejected, TooManyEventsError, decode
from exporter.wire.families import SUM_OF, born_with
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.health import DROPPED_REASONS, LONGEST, Heard, hear
from exporter.wire.labels import IGNORED_REASONS, Ignored, Series, policy
from exporter.wire.runs import runs
from exporter.wire.words import Word

MAX_EVENTS: Final = 50
KEY: Final = bytes(16)

_label: Final = policy(())
_fingerprints: Final = fingerprinter(KEY)


def read(body: bytes) -> Batch | None:
    """The body decoded and labelled, each result in the form that the exporter relies on; `None` if it is refused.

    Any exception but the two that a refusal is made of goes through.
    """
    try:
        batch = decode(body, MAX_EVENTS)
    except (MalformedBodyError, TooManyEventsError):
        return None
    assert len(batch.items) <= MAX_EVENTS
    events = []
    for item in batch.items:
        if isinstance(item, Event):
            events.append(item)
        else:
            assert isinstance(item, Rejected)
    meanings = [_label(event)[event.action] for event in events]
    for outcome, word in meanings:
        _check_label(outcome)
        assert word in Word
    outcomes = zip(events, (outcome for outcome, _ in meanings), strict=True)
    counted = [(outcome, event.metadata) for event, outcome in outcomes if isinstance(outcome, Series)]
    _check_heard(hear([series for series, _ in counted], [metadata for _, metadata in counted]))
    alike = runs(events)
    for key, event in zip(_fingerprints.devices(alike), events, strict=True):
        assert 0 <= key < KEYS
        assert bool(key) == bool(event.device_id)
    for fingerprint, event in zip(_fingerprints(alike, [event.timestamp for event in events]), events, strict=True):
        assert (fingerprint is None) == (event.timestamp is None)
        assert fingerprint is None or -(2**63) <= fingerprint < 2**63
    return batch


def _check_heard(heard: Heard) -> None:
    series, durations, dropped, exits = heard
    for outcome in series:
        _check_label(outcome)
    for index, milliseconds in durations.items():
        assert 0 <= milliseconds <= LONGEST
        assert SUM_OF[series[index].name]
    assert not durations.keys() & dropped.keys()
    assert {*dropped.values()} <= {*DROPPED_REASONS}
    assert all(0 <= moment < 2**53 for moment in exits.values())


def _check_label(outcome: Series | Ignored | Rejected) -> None:
    if isinstance(outcome, Series):
        version = outcome.version
        assert outcome.action == OTHER or outcome.action in CATALOGUE
        assert outcome.name in born_with(outcome.action)
        assert version.platform in {"android", "ios", "electron", "react-native", "web", "other"}
        assert 0 < len(version.version) <= 64
        assert len(version.app_id) <= 128
        assert version.app_id.isascii()
        version.version.encode()
        assert version.version.isprintable()
        assert not version.version.startswith("__") or version.version == "__invalid__"
    elif isinstance(outcome, Ignored):
        assert outcome.reason in IGNORED_REASONS
    else:
        assert outcome.reason == "invalid_app_id"


def compare(body: bytes, batch: Batch | None) -> None:
    """Hold a reading against the second one; where that one's parser gives up (depth), nothing is said."""
    try:
        value = _parse(body.removeprefix(BOM_UTF8).decode("utf-8", "surrogateescape"))
    except RecursionError:
        return
    except ValueError:
        assert batch is None, "not JSON, and taken"
        return
    if not isinstance(value, list | dict):
        assert batch is None, "neither an object nor an array, and taken"
        return
    elements = value if isinstance(value, list) else [value]
    if isinstance(value, list) and len(elements) > MAX_EVENTS:
        assert batch is None, "too many, and taken"
        return
    assert batch is not None, "JSON, and refused"
    assert batch.array == isinstance(value, list)
    assert [_verdict(element) for element in elements] == [_said(item) for item in batch.items]


def _said(item: Event | Rejected) -> str | tuple[str, str]:
    return item.reason if isinstance(item, Rejected) else (item.app_id, item.action)


def _verdict(element: Any) -> str | tuple[str, str]:
    if not isinstance(element, dict):
        return "not_an_object"
    found = []
    for name in ("app_id", "action"):
        value = element.get(name)
        if value is None or value == "":
            return f"missing_{name}"
        if type(value) is not str:
            return f"invalid_{name}"
        found.append(value)
    return found[0], found[1]


class _Number:
    """A number of any size; never equal to a text."""

    def __init__(self, _digits: str) -> None:
        pass


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


_parse: Final = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_refuse).decode
