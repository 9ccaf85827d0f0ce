"""How a device delivers what its story tells: the three generations of the plugin's sender.

- Single posts: each event at once; one that fails is lost.
- Batches: what a second has gathered, as an array; one that fails is lost.
- A queue: the same with one post under way at a time. What was not taken (408, 429, 5xx, no reply) goes back to the
  front, at most 200 events are kept (the oldest go), other refusals drop the batch, and the queue outlives the process.

Source: the plugin's `CapgoUpdater.java` and `CapgoUpdater.swift`, `sendStats` and what it calls.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, Protocol

from exporter.simulator.account import Event, Fate
from exporter.simulator.client import Done, Outcome, Post, Silence
from exporter.simulator.moments import Exit, Launch, Moment, Story
from exporter.simulator.phone import Phone, Step
from exporter.simulator.replies import Reply

QUEUE_CAP: Final = 200
FLUSH_SECONDS: Final = 1.0
_KILL_WITHIN_SECONDS: Final = 0.002
_TOO_MANY: Final = "too_many_requests"
_SILENT_OK: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT)


class World(Protocol):
    """What a device finds around it."""

    def record(self, phone: Phone, step: Step) -> Event:
        """Open an event's entry in the account."""

    def post(self, headers: bytes, events: Sequence[Event], body: bytes, done: Done) -> Post: ...

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """By the fleet's time, which runs as fast as its posts allow."""

    def wait(self, seconds: float, call: Callable[[], None]) -> None:
        """By the server's time, for what a device does on its account: retries, and holding still."""

    def wall_clock(self) -> float:
        """Seconds since the epoch."""


class Device:
    __slots__ = (
        "_chance",
        "_holding",
        "_keeps",
        "_moment",
        "_next_flush",
        "_over",
        "_phone",
        "_queue",
        "_said_limited",
        "_silenced",
        "_story",
        "_under_way",
        "_up",
        "_world",
    )

    def __init__(self, phone: Phone, story: Story, world: World, chance: random.Random) -> None:
        self._phone: Final = phone
        self._story: Final = story
        self._world: Final = world
        self._chance: Final = chance
        self._keeps: Final = phone.dialect.has("requeue")
        self._queue: Final[deque[Event]] = deque()
        self._under_way: Post | None = None
        """The queue's post; other senders have any number of them."""
        self._next_flush = False
        self._holding = False
        """Until it tries again what was not taken."""
        self._up = False
        self._over = False
        self._silenced = False
        self._said_limited = False
        self._moment: Moment = next(story)

    @property
    def pending(self) -> int:
        """Events that are still to be sent, with those under way from the queue."""
        return len(self._queue) + (self._under_way is not None)

    def begin(self) -> None:
        self._world.later(self._moment.after, self._live)

    def drain(self) -> None:
        """Tell no more, and send what is left; an app that is down is opened once more for that."""
        self._over = self._up = True
        self._schedule()

    def _live(self) -> None:
        if self._over:
            return
        match self._moment:
            case Step() as step:
                self._tell(step)
            case Launch():
                self._up, self._silenced, self._said_limited = True, False, False
                self._schedule()
            case Exit(killed=killed):
                self._exit(killed)
        self._moment = next(self._story)
        self._world.later(self._moment.after, self._live)

    def _exit(self, killed: bool) -> None:
        self._flush()
        self._up = False
        if killed and self._under_way:
            self._world.wait(self._chance.random() * _KILL_WITHIN_SECONDS, self._under_way.cut)

    def _tell(self, step: Step) -> None:
        event = self._world.record(self._phone, step)
        if self._silenced:
            return
        if step.alone:
            self._post_alone(event, settle)
        elif not self._phone.dialect.has("arrays"):
            self._post_alone(event, self._answered)
        else:
            self._queue.append(event)
            self._trim()
            self._schedule()

    def _trim(self) -> None:
        while self._keeps and len(self._queue) > QUEUE_CAP:
            self._queue.popleft()

    def _schedule(self) -> None:
        if self._queue and not self._next_flush:
            self._next_flush = True
            self._world.later(FLUSH_SECONDS, self._on_tick)

    def _on_tick(self) -> None:
        self._next_flush = False
        self._flush()

    def _try_again(self) -> None:
        self._holding = False
        self._flush()

    def _flush(self) -> None:
        if not self._up or not self._queue or self._under_way or self._holding:
            return
        events = [*self._queue]
        self._queue.clear()
        body = b"[%b]" % b",".join([event.body for event in events])
        done = self._answered_queue if self._keeps else self._answered
        post = self._world.post(self._phone.headers, events, body, lambda outcome: done(events, outcome))
        self._under_way = post if self._keeps else None

    def _post_alone(self, event: Event, answered: Callable[[Sequence[Event], Outcome], None]) -> None:
        self._world.post(self._phone.headers, [event], event.body, lambda outcome: answered([event], outcome))

    def _answered(self, events: Sequence[Event], outcome: Outcome) -> None:
        """A 429 silences a sender without a queue until its app is started again."""
        settle(events, outcome)
        if isinstance(outcome, Reply) and outcome.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._silenced = self._phone.dialect.has("rate_limit_latch")
            self._say_limited(outcome)

    def _answered_queue(self, events: Sequence[Event], outcome: Outcome) -> None:
        settle(events, outcome)
        self._under_way = None
        if _is_dropped(outcome) or self._is_taken(outcome):
            self._schedule()
            return
        self._queue.extendleft(reversed(events))
        self._trim()
        seconds = FLUSH_SECONDS
        if isinstance(outcome, Reply) and outcome.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._say_limited(outcome)
            seconds = max(seconds, outcome.retry_after(self._world.wall_clock()))
        self._holding = True
        self._world.wait(seconds, self._try_again)

    def _is_taken(self, outcome: Outcome) -> bool:
        """iOS takes an empty body for a failure, unless the status promises one."""
        if not isinstance(outcome, Reply) or not outcome.ok:
            return False
        return bool(outcome.body) or self._phone.dialect.platform != "ios" or outcome.status in _SILENT_OK

    def _say_limited(self, reply: Reply) -> None:
        """Once in the life of a process, and only of a limit on requests."""
        word = reply.fields().get("error", "")
        if self._said_limited or not self._phone.dialect.has("rate_limit_reached") or word not in ("", _TOO_MANY):
            return
        self._said_limited = True
        step = Step(0.001, "rate_limit_reached", self._phone.name(self._phone.current), alone=True)
        self._post_alone(self._world.record(self._phone, step), settle)


def _is_dropped(outcome: Outcome) -> bool:
    """Whether a queue gives its batch up: any 3xx and 4xx but those that ask to come again."""
    again = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    return isinstance(outcome, Reply) and 300 <= outcome.status < 500 and outcome.status not in again


def settle(events: Sequence[Event], outcome: Outcome) -> None:
    """Note in the account what a post came to, as far as it tells."""
    if outcome is Silence.UNSENT:
        return
    if not isinstance(outcome, Reply):
        fates = [Fate.UNACKNOWLEDGED] * len(events)
    elif outcome.ok:
        fates = _fates_by_result(outcome, len(events))
    elif outcome.status >= 500 and outcome.status != HTTPStatus.SERVICE_UNAVAILABLE:
        fates = [Fate.UNACKNOWLEDGED] * len(events)
    else:
        fates = [Fate.REFUSED] * len(events)
    for event, fate in zip(events, fates, strict=True):
        event.settle(fate)


def _fates_by_result(reply: Reply, count: int) -> list[Fate]:
    """A 2xx takes all, but for those that its `results` name as errors; the plugin itself never looks at them."""
    fates = [Fate.ACKNOWLEDGED] * count
    if b'"error"' in reply.body:
        fields = reply.fields()
        if "results" not in fields:
            return [Fate.REFUSED] * count
        for result in fields["results"]:
            if result.get("status") == "error":
                fates[result["index"]] = Fate.REFUSED
    return fates
