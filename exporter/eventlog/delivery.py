"""A batch on its way: tried until the store has it, refuses it, or its time is over.

What to try again follows OTLP's specification (no answer, 429, 502, 503, 504). Loki refuses whole batches with 400, and
has stored the good events of it by then: nothing else is sent again. As it also answers what it can never take with
503, no batch is tried for longer than `GIVE_UP_SECONDS`.
"""

import random
import threading
import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

import structlog

from exporter.eventlog.exchange import Answer
from exporter.eventlog.notes import Notes
from exporter.eventlog.otlp import rejected

GIVE_UP_SECONDS: Final = 300.0
REPLY_SECONDS: Final = 10.0
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
PAUSE_AT_THE_END_SECONDS: Final = 0.2

_AGAIN: Final = frozenset({429, 502, 503, 504})
_CODES: Final = frozenset(map(int, HTTPStatus))
_WORDS: Final = 200

_log = structlog.get_logger("eventstore")


class Ending:
    """The end of the exporter, which no pause outlasts. Times are seconds of the monotonic clock."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._asked = threading.Event()
        self.at = float("inf")

    @property
    def asked(self) -> bool:
        """Whether everything is to end."""
        return self._asked.is_set()

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return self.now() >= self.at

    def ask(self, seconds: float) -> None:
        """Have everything end within so many seconds."""
        self.at = self.now() + seconds
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Wait; one that is under way is over when the end is asked for."""
        if self.asked:
            time.sleep(seconds)
        else:
            self._asked.wait(seconds)


class Delivery:
    """Hands over batches, one after the other."""

    def __init__(
        self,
        post: Callable[[bytes, float], Answer],
        notes: Notes,
        ending: Ending,
        secrets: Collection[str] = (),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`post` takes a body and the seconds it may take; `secrets` are in no line of the log."""
        self._post = post
        self._notes = notes
        self._ending = ending
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._jitter = jitter
        self._is_away = False

    def deliver(self, body: bytes, events: int) -> None:
        """Hand over a batch of so many events; returns when its fate is known, and noted."""
        give_up = self._ending.now() + GIVE_UP_SECONDS
        longest = FIRST_PAUSE_SECONDS
        while (left := self._left(give_up)) > 0:
            answer = self._try(body, min(REPLY_SECONDS, left))
            if answer is not None and answer.code not in _AGAIN:
                self._settle(answer, events)
                return
            self._ending.pause(min(self._pause(longest, answer), self._left(give_up)))
            longest = min(2 * longest, LONGEST_PAUSE_SECONDS)
        self._notes.dropped("stopped" if self._ending.asked else "given_up", events)

    def _left(self, give_up: float) -> float:
        return max(min(give_up, self._ending.at) - self._ending.now(), 0)

    def _try(self, body: bytes, seconds: float) -> Answer | None:
        try:
            answer = self._post(body, seconds)
        except Exception as error:  # whatever a server, or the way to it, makes of it
            self._notes.answered("none")
            self._away(error=f"{type(error).__name__}: {self._printable(str(error))}")
            return None
        self._notes.answered(_label(answer.code))
        if answer.code in _AGAIN:
            self._away(reason=_label(answer.code), words=self._words(answer))
        elif self._is_away:
            self._is_away = False
            _log.info("event_store_back", ends="event_store_unreachable")
        return answer

    def _away(self, **why: str) -> None:
        self._is_away = True
        _log.warning("event_store_unreachable", **why)

    def _settle(self, answer: Answer, events: int) -> None:
        if answer.code // 100 != 2:
            _log.error("event_store_refuses", reason=_label(answer.code), words=self._words(answer), events=events)
            self._notes.dropped("refused", events)
            return
        lost = min(max(rejected(answer.body), 0), events)
        self._notes.sent(events - lost)
        if lost:
            _log.error("event_store_refuses", reason="partly", words=self._words(answer), events=lost)
            self._notes.dropped("partly_refused", lost)

    def _pause(self, longest: float, answer: Answer | None) -> float:
        if self._ending.asked:
            return PAUSE_AT_THE_END_SECONDS
        if answer is not None and answer.retry_after is not None:
            return max(answer.retry_after, FIRST_PAUSE_SECONDS)  # 0 would be asked for again and again
        return longest * (0.5 + self._jitter() / 2)

    def _words(self, answer: Answer) -> str:
        # Loki's are a protobuf message; what can be read of it says enough.
        return self._printable(answer.body.decode("ascii", "replace"))

    def _printable(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return "".join(char if char.isprintable() and char.isascii() else " " for char in text).strip()[:_WORDS]


def _label(code: int) -> str:
    return str(code) if code in _CODES else "other"
