"""The devices, the time that they live in, and the connections that they share.

The fleet's time is no clock: it is the row of what its devices do next, and runs as fast as the rate of posts and the
server allow. A device's second between two flushes is one of these; what it does on the server's account (retries,
Retry-After) goes by the clock on the wall.
"""

import asyncio
import heapq
import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, Final

from exporter.simulator.account import Account, Event
from exporter.simulator.client import Client, Done, Outcome, Post
from exporter.simulator.device import Device
from exporter.simulator.figures import Figures
from exporter.simulator.mix import pick
from exporter.simulator.moments import Story
from exporter.simulator.options import Options
from exporter.simulator.phone import Phone, Step
from exporter.simulator.stories import life
from exporter.simulator.surroundings import Surroundings

_IDLE_SECONDS: Final = 600.0
_CATCH_UP_SECONDS: Final = 1.0
_EVENTS_PER_POST: Final = 8
"""More events than posts carry at this rate are not made up while the posts are held back."""
_TURN: Final = 64
_DRAIN_POLL_SECONDS: Final = 0.05


class Pace:
    """So many a second; what was missed is caught up for a second, no more."""

    def __init__(self, rate: float, now: float) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._due = now

    def wait(self, now: float) -> float:
        """Seconds until the next one."""
        return self._due - now

    def spend(self, now: float) -> None:
        self._due = max(self._due, now - _CATCH_UP_SECONDS) + self._gap


class Fleet:
    """Needs a running event loop; `run` may be called once."""

    def __init__(self, options: Options) -> None:
        self.account: Final = Account()
        self.figures: Final = Figures()
        self.seconds = 0.0
        """How long new work was started."""
        self._rate = 0.0
        self._options: Final = options
        self._loop = asyncio.get_running_loop()
        self._client: Final = Client(options.url, options.connections, options.timeout)
        self._now = 0.0
        self._order = count()
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._freed = asyncio.Event()
        self._stopped = False
        self._draining = False
        self._ended = False
        chance = random.Random(options.seed)  # noqa: S311
        self._devices: Final = [
            Device(phone, story, Surroundings(self, phone), chance) for phone, story in population(options)
        ]
        # Last: making the devices takes a while, which is not to be caught up.
        self._post_pace: Final = Pace(options.rate, self._loop.time())
        self._event_pace: Final = Pace(options.rate * _EVENTS_PER_POST, self._loop.time())

    async def run(self) -> None:
        """Live for the time that is set, then send what is queued; after `stop`, only end what is under way."""
        begun = self._loop.time()
        for device in self._devices:
            device.begin()
        await self._live(begun + self._options.duration)
        self.seconds = self._loop.time() - begun
        self._rate = self.figures.posts / self.seconds
        if not self._stopped:
            await self._drain(self._loop.time() + self._options.drain)
        self._ended = True
        while self._client.outstanding:
            await self._room(0)
        self._client.close()

    def stop(self) -> None:
        """Start no more posts."""
        self._stopped = True
        self._freed.set()

    def record(self, phone: Phone, step: Step) -> Event:
        self._event_pace.spend(self._loop.time())
        body = phone.body(step, int(time.time() * 1000))
        phone.tell(step)
        return self.account.open(body, phone.labels(step), phone.told, step.restores, phone.counters(step))

    def post(self, headers: bytes, events: Sequence[Event], body: bytes, done: Done) -> Post:
        start = self._loop.time()
        self._post_pace.spend(start)
        self.figures.count_post(events)

        def answered(outcome: Outcome) -> None:
            self.figures.count_reply(outcome, self._loop.time() - start)
            done(outcome)
            self._freed.set()

        return self._client.post(headers, body, answered)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        if self._draining:
            self.wait(0, call)
        else:
            heapq.heappush(self._ahead, (self._now + seconds, next(self._order), call))

    def wait(self, seconds: float, call: Callable[[], None]) -> None:
        self._loop.call_later(seconds, lambda: None if self._ended else call())

    def wall_clock(self) -> float:
        return time.time()

    async def _live(self, until: float) -> None:
        self._loop.call_at(until, self._freed.set)
        turns = 0
        while (now := self._loop.time()) < until and not self._stopped:
            turns += 1
            seconds = max(self._post_pace.wait(now), self._event_pace.wait(now))
            if seconds > 0:
                await asyncio.sleep(min(seconds, until - now))
            elif self._client.outstanding >= self._options.connections or not self._ahead:
                self._freed.clear()
                await self._freed.wait()
            else:
                self._now, _, call = heapq.heappop(self._ahead)
                call()
                if turns % _TURN == 0:
                    await asyncio.sleep(0)

    async def _drain(self, until: float) -> None:
        self._draining = True
        waiting = [call for _, _, call in sorted(self._ahead)]
        for call in (*(device.drain for device in self._devices), *waiting):
            await self._room(self._options.connections - 1)
            call()
            if self._stopped or self._loop.time() > until:
                return
        while not self._stopped and self._loop.time() < until and any(device.pending for device in self._devices):
            await asyncio.sleep(_DRAIN_POLL_SECONDS)

    async def _room(self, limit: int) -> None:
        """Return when no more than `limit` posts are under way; each of them ends within its timeout."""
        while self._client.outstanding > limit:
            self._freed.clear()
            await self._freed.wait()

    def report(self) -> dict[str, Any]:
        """The account of a run, as JSON."""
        figures = self.figures
        totals = {
            "posts": figures.posts,
            "events": figures.events,
            "retries": figures.retries,
            "status_codes": dict(sorted(figures.statuses.items())),
            "latency_ms": {"p50": figures.latency_ms(0.5), "p99": figures.latency_ms(0.99)},
            "seconds": round(self.seconds, 3),
            "posts_per_second": round(self._rate, 1),
            "distinct_events": self.account.totals(),
        }
        return {
            "url": self._options.url,
            "seed": self._options.seed,
            "devices": self._options.devices,
            "totals": totals,
            "series": [*self.account.rows(ignored=False)],
            "ignored": [*self.account.rows(ignored=True)],
            "health": [*self.account.health()],
            "memory": self.account.memory(),
        }


def population(options: Options) -> Iterator[tuple[Phone, Story]]:
    """The phones and their lives, each with a chance of its own: they depend on the seed and their number only."""
    for index in range(options.devices):
        chance = random.Random(f"{options.seed}:{index}")  # noqa: S311
        app_id = options.app[index % len(options.app)]
        phone = Phone(pick(chance), app_id, options.native_version, options.test_share, chance)
        yield phone, life(phone, options.rollout, _IDLE_SECONDS, chance)
