"""What the connections of the public port share."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from exporter.intake.accounts import Accounts
from exporter.intake.body_memory import BODIES_LIMIT, BodyMemory
from exporter.intake.client_address import Networks
from exporter.intake.endpoint import App
from exporter.intake.paths import StatsPaths
from exporter.intake.stats import StatsResource

_READ: Final = 64 * 1024
"""Bytes that are read at a time; a post of 100 events has fewer."""


class Served(Protocol):
    """One of its connections."""

    def check(self, now: float) -> None:
        """End what is overdue."""

    def drain(self, now: float) -> None:
        """End as soon as nothing is being read, answered or sent."""

    def abort(self) -> None:
        """End at once."""


class Port:
    """One port, in one event loop."""

    def __init__(
        self,
        app: App,
        stats: StatsResource,
        accounts: Accounts,
        paths: StatsPaths,
        trusted: Networks,
        timeout: float,
    ) -> None:
        """`app` answers all but posts to `paths`, which `stats` takes without a detour; it answers these alike.

        `timeout` is in seconds: for an idle connection, and for a request that has stopped arriving.
        """
        self.app = app
        self.stats = stats
        self.accounts = accounts
        self.paths = paths
        self.trusted = trusted
        self.timeout = timeout
        self.max_body = stats.max_body
        self.memory = BodyMemory(max(BODIES_LIMIT, stats.max_body))
        self.buffer = memoryview(bytearray(_READ))
        self.connections: set[Served] = set()
        self.draining = False
        """Whether each connection is to be closed after its next reply."""

        self.on_closed: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, answering: Coroutine[Any, Any, None]) -> None:
        """Have a request answered that takes its time."""
        task = self._loop.create_task(answering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def opened(self, connection: Served) -> None:
        """A connection is there."""
        self.connections.add(connection)

    def closed(self, connection: Served) -> None:
        """It is gone."""
        self.connections.discard(connection)
        self.on_closed()
