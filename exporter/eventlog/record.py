"""What the event log is given: posts as they came, with what was counted of them; and the way back to their events.

A post is read anew here, and not in the way of its reply: counting keeps only the few fields it needs.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, cast

from exporter.wire.events import elements
from exporter.wire.labels import Series


class Record(NamedTuple):
    """A post some of whose events were counted: its body, its arrival, and for each counted event index and series."""

    body: bytes
    at: float
    counted: Sequence[tuple[int, Series]]


class Sink(Protocol):
    """Where counted events go: a file, a log store."""

    def offer(self, record: Record) -> None:
        """Take a record or drop it; returns at once, whatever happens to it."""

    def close(self) -> None:
        """Write out what waits, in bounded time."""


def counted_events(record: Record) -> Iterator[tuple[Series, dict[str, Any]]]:
    """Each counted event of a post, as it was sent, and the series it was counted under.

    Of one that is nested too deep for the parser no field is known.
    """
    objects = _objects(record)
    return ((series, objects[index]) for index, series in record.counted)


def _objects(record: Record) -> Sequence[dict[str, Any]] | dict[int, dict[str, Any]]:
    text = record.body.decode("utf-8-sig", "replace")
    try:
        parsed = _parse(text.strip())
    except RecursionError:  # in an event that was not counted, or in a field that nobody needs
        texts = elements(text)
        return {index: _parse_shallow(texts[index]) for index, _ in record.counted}
    return parsed if isinstance(parsed, list) else [parsed]


def _parse_shallow(text: str) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], _parse(text))
    except RecursionError:
        return {}


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= 20 else digits


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


# Numbers that readers of JSON choke on (thousands of digits, more than a double holds) become text.
_parse: Callable[[str], Any] = json.JSONDecoder(parse_int=_integer, parse_float=_fraction).decode
