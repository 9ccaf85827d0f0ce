"""Who posts: the fleet of `capgo-exporter simulate`, and a few phones that never give up, each with an account."""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from tests.support.bodies import Event
from tests.support.harness import LOCALHOST, Program, request
from tests.support.updates import Updater, remembered

FLEET_SECONDS = 300.0
EXACT_APP = "com.example.exact"
LARGEST_BATCH = 200
GROUP = 8


class Fleet(Program):
    """`capgo-exporter simulate` against a port; an option is given by its flag's name: `devices="100"`."""

    def __init__(self, directory: Path, port: int, **options: str) -> None:
        self.report = directory / "report.json"
        options = {"url": f"http://{LOCALHOST}:{port}/stats", "report": str(self.report)} | options
        flags = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        super().__init__([sys.executable, "-m", "exporter", "simulate", *flags], directory)

    def is_ready(self) -> bool:
        return True

    def account(self) -> list[dict[str, Any]]:
        """One row a series, once the fleet has done: how many events of it were acknowledged, and how many may be in.

        AssertionError if it failed.
        """
        return self._rows("series")

    def health(self) -> list[dict[str, Any]]:
        """The same of the counters of visits and durations: their `metric`, with their labels, sums in milliseconds."""
        return self._rows("health")

    def memory(self) -> dict[str, Any]:
        """What is to be remembered of its devices, once it has done. AssertionError if it failed."""
        return dict(self._report()["memory"])

    def _rows(self, kind: str) -> list[dict[str, Any]]:
        return list(self._report()[kind])

    def _report(self) -> dict[str, Any]:
        assert self.wait(FLEET_SECONDS) == 0, self.logs()
        return dict(json.loads(self.report.read_text()))


class Phones:
    """Phones that keep what is unacknowledged and send it again, merged with newer events, as the current plugin does.

    They post while the `with` block lasts, and at its end until all is acknowledged: `sent` and `memory` are then the
    exact truth. Each try comes from one of `addresses`, as of phones that change their networks. `count` of them post
    at a time, each out of a group.
    """

    def __init__(self, port: int, seed: int, count: int = 4, addresses: Sequence[str | None] = (None,)) -> None:
        self._port = port
        self._seed = seed
        self._addresses = addresses
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(count)
        self._count = count
        self._phones: list[Future[Counter[tuple[str, str]]]] = []
        self.acknowledged: list[Event] = []
        self._updaters: list[Updater] = []
        self.version = "1.0.0"
        """What their next events are about."""
        self.unanswered = Counter[tuple[str, str]]()
        """Events in tries of which nobody knows what became, by (action, version)."""

    def __enter__(self) -> Self:
        self._phones = [self._pool.submit(self._live, f"{self._seed}:{number}") for number in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()

    @property
    def sent(self) -> Counter[tuple[str, str]]:
        """Acknowledged events by (action, version)."""
        return sum((phone.result() for phone in self._phones), Counter[tuple[str, str]]())

    @property
    def memory(self) -> dict[str, Any]:
        """What is to be remembered of them, in the form of the simulator's report."""
        return remembered(self._updaters, EXACT_APP)

    def _live(self, name: str) -> Counter[tuple[str, str]]:
        chance, sent = random.Random(name), Counter[tuple[str, str]]()
        group = [Updater(EXACT_APP, f"{name}:{number}", chance) for number in range(GROUP)]
        self._updaters += group
        phone = group[0]
        pending: list[Event] = []
        while pending or not self._over.is_set():
            if not pending:
                phone = chance.choice(group)
            if not self._over.is_set():
                pending += [phone.next_event(self.version) for _ in range(chance.randint(1, 4))]
            batch = pending[:LARGEST_BATCH]
            if self._take(batch, chance.choice(self._addresses)):
                sent.update(map(_kind, batch))
                with self._lock:
                    self.acknowledged += batch
                del pending[:LARGEST_BATCH]
            time.sleep(chance.random() * 0.05)  # A phone's pause; the real ones flush once a second.
        return sent

    def _take(self, batch: list[Event], address: str | None) -> bool:
        """Whether the server acknowledges them all; it may have taken them when it does not."""
        body = json.dumps(batch if len(batch) > 1 else batch[0]).encode()
        try:
            status = request(self._port, "POST", "/stats", body, source=address).status
        except (OSError, http.client.HTTPException):
            status = http.client.BAD_GATEWAY
        if status in (http.client.BAD_GATEWAY, http.client.GATEWAY_TIMEOUT):
            with self._lock:
                self.unanswered.update(map(_kind, batch))
        return status == http.client.OK


def _kind(body: Event) -> tuple[str, str]:
    return body["action"], body.get("version_name", "unknown")
