"""Many clients at once, each on a connection of its own, and what each of them was answered."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.bodies import event
from tests.support.harness import LOCALHOST, REPLY_SECONDS

CURRENT = "CapacitorUpdater/8.51.23 (com.example.shop) android/16"
OLD = "CapacitorUpdater/8.51.4 (com.example.shop) android/16"
UNKNOWN = "okhttp/4.12.0"


@dataclass(frozen=True)
class Answer:
    """A reply."""

    status: int
    error: str
    retry_after: str | None


@dataclass
class Crowd:
    """Clients that post one event after the other from `with` until its end, and pause after each reply.

    `body` makes the next post's body; an event in it is one that nobody else sends.
    """

    port: int
    clients: int
    user_agent: str = UNKNOWN
    pause: float = 0.05
    app_id: str = "com.example.shop"
    body: Callable[[str], bytes] = lambda app_id: json.dumps(event(app_id=app_id)).encode()
    answers: list[Answer] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._live) for _ in range(self.clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert self.failures == []

    def _live(self) -> None:
        connection = http.client.HTTPConnection(LOCALHOST, self.port, timeout=REPLY_SECONDS)
        try:
            while not self._over.is_set():
                self.answers.append(self._post(connection))
                self._over.wait(self.pause)
        except Exception as error:  # the test, not this thread, has to fail
            self.failures.append(error)
        finally:
            connection.close()

    def _post(self, connection: http.client.HTTPConnection) -> Answer:
        body = self.body(self.app_id)
        connection.request("POST", "/stats", body, {"User-Agent": self.user_agent})
        reply = connection.getresponse()
        content = json.loads(reply.read())
        return Answer(reply.status, content.get("error", ""), reply.getheader("Retry-After"))

    @property
    def statuses(self) -> Counter[int]:
        """How many replies of each status."""
        return Counter(answer.status for answer in self.answers)

    @property
    def refused(self) -> int:
        """How many posts were not counted."""
        return len(self.answers) - self.statuses[200]
