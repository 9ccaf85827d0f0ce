"""Events as the ledger takes them."""

from collections.abc import Mapping, Sequence

import msgspec

from exporter.wire.labels import Series
from exporter.wire.words import Word


class Entries(msgspec.Struct, frozen=True, gc=False):
    """The events of a post, column by column; one without a fingerprint is counted each time it arrives."""

    series: Sequence[Series]
    fingerprints: Sequence[int | None]
    timestamps: Sequence[int | None]
    """By the device's clock, in milliseconds since the epoch; events without a fingerprint have none."""

    devices: Sequence[int]
    """The keys of those that sent them; 0 for one without an id."""

    words: Sequence[Word]
    durations: Mapping[int, int] = {}
    """By index, the milliseconds that an event which counts in a part of a histogram took."""

    exits: Mapping[int, int] = {}
    """By index, when the process died whose end an event reports, in milliseconds by the device's clock."""
