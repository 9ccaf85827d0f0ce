"""The runs of a body: consecutive events that are alike in all that is read of them together.

In an array one device speaks, and mostly of one version: what is found out for the first of a run holds for all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeVar

from msgspec.structs import astuple

from exporter.wire.events import Event

T = TypeVar("T")

_ALIKE: Final = Event.__struct_fields__.index("old_version_name")
"""The fields before this one are alike in a run; those from it on are its columns."""


class Run(NamedTuple):
    """Events of the same device and version: the first of them, and of all of them what tells one from another."""

    first: Event
    old_version_names: Sequence[str | None]
    actions: Sequence[str]
    timestamps: Sequence[int | None]
    metadata: Sequence[Mapping[str, str] | None]


def runs(events: Sequence[Event]) -> list[Run]:
    """The events, run by run."""
    if len(events) == 1:  # as most posts
        event = events[0]
        return [Run(event, (event.old_version_name,), (event.action,), (event.timestamp,), (event.metadata,))]
    rows = [*map(astuple, events)]
    columns = [*zip(*rows, strict=True)]
    if rows and all(column.count(column[0]) == len(rows) for column in columns[:_ALIKE]):  # as nearly always
        return [Run(events[0], *columns[_ALIKE:])]
    found = []
    for start, end in _ends(rows):
        found.append(Run(events[start], *zip(*(row[_ALIKE:] for row in rows[start:end]), strict=True)))
    return found


def joined(columns: Sequence[Sequence[T]]) -> Sequence[T]:
    """A column of each run as the one of the body."""
    return columns[0] if len(columns) == 1 else [*chain.from_iterable(columns)]


def _ends(rows: Sequence[tuple[object, ...]]) -> Iterator[tuple[int, int]]:
    """Where each run begins and where it ends."""
    start = 0
    for index, row in enumerate(rows):
        if row[:_ALIKE] != rows[start][:_ALIKE]:
            yield start, index
            start = index
    if rows:
        yield start, len(rows)
