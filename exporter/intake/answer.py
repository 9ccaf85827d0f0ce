"""A reply of the public port, before it is bytes."""

from collections.abc import Mapping
from typing import NamedTuple

from exporter.wire.events import Reason


class Answer(NamedTuple):
    """A reply in JSON; `refusal` is why the request was refused as a whole, `rejected` how many events and why."""

    status: int
    body: bytes
    retry_after: int | None = None
    """In seconds."""

    refusal: str | None = None
    rejected: Mapping[Reason, int] | None = None
