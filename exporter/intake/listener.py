"""The public port: one event loop in a thread of its own, from the first connection to the last reply."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from exporter.addresses import Address
from exporter.intake.connection import Connection
from exporter.intake.port import Port
from exporter.listening import listen, port_of

BACKLOG: Final = 2048
"""Connections that the kernel keeps while we take none."""

_ACCEPTED_TOGETHER: Final = 100
_RETRY_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 0.02
_LAST_TURNS: Final = 5

_log = structlog.get_logger("listener")


class Listener:
    """Takes connections on one port; `start` and `stop` it once."""

    def __init__(
        self,
        address: Address,
        limit: int,
        timeout: float,
        make_port: Callable[[], Port],
        failed: Callable[[], None],
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        """Binds the port. At most `limit` connections are open at a time; a drain takes `timeout` seconds at the
        most; `make_port` is called in the loop, `turned` there each second; `failed` if the loop ends by itself. Raises
        `OSError`.
        """
        self._sockets = listen("--listen", address, BACKLOG)
        for each in self._sockets:
            each.setblocking(False)
        self.port = port_of(self._sockets)
        self._limit = limit
        self._timeout = timeout
        self._make_port = make_port
        self._failed = failed
        self._turned = turned
        self._listens = False
        self._opening: set[asyncio.Task[object]] = set()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        """Take connections, in a thread."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Accept no more, answer all that was read, then close."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(self._timeout + _RETRY_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            _log.exception("listener_failed", port=self.port)
            self._failed()
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_on_error)
        self._stopping = asyncio.Event()
        self._served = port = self._make_port()
        port.on_closed = self._listen
        self._listen()
        self._ready.set()
        while not self._stopping.is_set():
            self._turned()
            for connection in list(port.connections):
                connection.check(port.now())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _CHECK_SECONDS)
        await self._drain(port)

    # Connections come.

    def _open(self) -> int:
        return len(self._served.connections) + len(self._opening)

    def _listen(self) -> None:
        if not self._listens and self._open() < self._limit and not self._stopping.is_set():
            self._listens = True
            for each in self._sockets:
                self._loop.add_reader(each, self._accept, each)

    def _rest(self) -> None:
        self._listens = False
        for each in self._sockets:
            self._loop.remove_reader(each)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_TOGETHER):
            if self._open() >= self._limit:
                self._rest()  # until one ends
                return
            try:
                accepted, _ = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except Exception as error:  # too few files, for one: whatever it is, it must not end the taking of posts
                _log.error("cannot_accept", error=str(error))
                self._rest()
                self._loop.call_later(_RETRY_SECONDS, self._listen)
                return
            self._take(accepted)

    def _take(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(lambda: Connection(self._served), accepted))
        self._opening.add(task)
        task.add_done_callback(self._have_taken)

    def _have_taken(self, task: "asyncio.Task[object]") -> None:
        self._opening.discard(task)
        self._listen()  # for a moment it was counted twice, as open and as opening

    # The end.

    async def _drain(self, port: Port) -> None:
        port.draining = True
        for _ in range(_LAST_TURNS):  # what had come before the end was asked for is read
            for each in self._sockets:
                self._accept(each)
            await asyncio.sleep(0)
        self._rest()
        for each in self._sockets:
            each.close()
        deadline = port.now() + self._timeout
        while port.connections and port.now() < deadline:
            for connection in list(port.connections):
                connection.drain(port.now())
                connection.check(port.now())
            await asyncio.sleep(_DRAIN_SECONDS)
        for connection in list(port.connections):
            connection.abort()


def _on_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.error("internal_error", what=context["message"], exc_info=context.get("exception"))
