"""What becomes of the events on their way to a log store, and who hears of it."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, get_args

DropReason = Literal["buffer_full", "refused", "partly_refused", "given_up", "stopped", "unreadable"]
DROP_REASONS: Final[tuple[DropReason, ...]] = get_args(DropReason)
"""Why an event is not in the store: no room to wait; its batch, or some of it, was refused; its batch was tried for too
long; the exporter ended; it could not be read again."""


class Notes(NamedTuple):
    """Who hears what became of events: how many were taken, how many dropped and why, how each batch was answered."""

    sent: Callable[[int], None]
    dropped: Callable[[DropReason, int], None]
    answered: Callable[[str], None]
    """By status code; `none` without an answer, `other` for a code that is none of HTTP's."""
