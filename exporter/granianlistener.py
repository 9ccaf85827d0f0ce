"""A granian server on one address: the same promises as `listener`, at about twice the speed below the application.

granian's Rust threads hold the connections and parse HTTP; each request becomes a coroutine in an event loop of ours,
which reads the body, and then an item of the queue of our worker threads, which run the WSGI application. All of it is
in this process, where the ledger is, so granian's own process management, logging and signals are left out, and its
worker is driven as its embedded server does it (source: granian/server/embed.py). That part is no public interface:
the dependency is pinned to the releases that these lines were read against.

What granian does not let us have: a request that is not HTTP, a header that is too large or does not end in time never
reaches Python. The first two are answered 400 and 431 without a body, the last by closing; none of them is counted.
"""

import asyncio
import math
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog
from granian._futures import _new_cbscheduler
from granian._granian import RSGIWorker, WorkerSignal
from granian.http import HTTP1Settings
from granian.net import SocketHolder

from exporter.listener import HEADER_LIMIT, WSGIApp
from exporter.room import BODIES_LIMIT, Room
from exporter.rsgi import GoneError, RefusedError, Request
from exporter.settings import Address
from exporter.workers import Workers

_BACKLOG: Final = 2048
_LULL: Final = 1.0
"""Seconds of silence after which a refused client has read why, and has nothing more to send."""

_log = structlog.get_logger("listener")


class GranianListener:
    """A granian server on one address, in threads of its own; `start` and `stop` it once."""

    def __init__(
        self,
        application: WSGIApp,
        address: Address,
        threads: int,
        connections: int,
        timeout: float,
        max_body: int,
        count_request: Callable[[int, str | None], None],
        failed: Callable[[], None],
    ) -> None:
        """Binds the address; `failed` is called if the server ends by itself. Raises `OSError`."""
        self._application = application
        self._connections = connections
        self._timeout = timeout
        self._max_body = max_body
        self._count_request = count_request
        self._failed = failed
        self._room = Room(max(BODIES_LIMIT, max_body))
        self._socket = _bind(address, timeout)
        self.effective_port: int = self._socket.getsockname()[1]
        self._workers = Workers(threads, "answer", self._serve_request)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._deadline = math.inf
        self._thread = threading.Thread(target=self._run, name=f"listen-{self.effective_port}", daemon=True)

    def start(self) -> None:
        """Serve, in threads."""
        self._workers.start()
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._workers.waiting

    def stop(self) -> None:
        """Accept no more, answer all that was read, then close."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._workers.stop()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception:
            _log.exception("listener_failed", port=self.effective_port)
            self._failed()

    async def _serve(self) -> None:
        over = asyncio.Event()
        signal = WorkerSignal()
        signal.add_cb(lambda: self._loop.call_soon_threadsafe(over.set))
        options: dict[str, Any] = {
            "worker_id": 1,
            "sock": (None, SocketHolder(self._socket.detach(), False, _BACKLOG)),
            "ipc": None,
            "backpressure": self._connections,  # connections, whatever its name
            "http_mode": "1",
            "http1_opts": HTTP1Settings(
                header_read_timeout=max(1, round(self._timeout * 1000)),  # and how long a connection may be idle
                max_buffer_size=HEADER_LIMIT,
            ),
        }
        scheduler = _new_cbscheduler(self._loop, self._receive, impl_asyncio=True)
        RSGIWorker(**options).serve_async(scheduler, self._loop, signal)
        await self._stopping.wait()
        self._deadline = self._loop.time() + self._timeout
        signal.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), self._timeout + _LULL)

    async def _receive(self, watcher: Any) -> None:
        request = Request(watcher.scope, watcher.proto, self._room)
        deadline = min(self._loop.time() + self._timeout, self._deadline)
        try:
            async with asyncio.timeout_at(deadline):
                await request.read(self._max_body)
        except RefusedError as refusal:
            await self._refuse(request, str(refusal), deadline)
        except TimeoutError:
            await self._refuse(request, "request_timeout", deadline + _LULL)
        except GoneError:
            request.release()
            request.proto.response_empty(400, [])  # nobody hears it, but granian complains of a request without one
        else:
            self._workers.put(request)

    async def _refuse(self, request: Request, name: str, deadline: float) -> None:
        """Answer, and take what the client still sends: to close before its end would reset the connection, and the
        client would never read why."""
        request.release()
        request.refuse(name, self._count_request)
        with suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout_at(deadline):
                while True:
                    async with asyncio.timeout(_LULL):
                        await anext(request.stream)

    def _serve_request(self, request: Request) -> None:
        try:
            self._answer(request)
        except Exception:
            _log.exception("internal_error")
            request.refuse("internal_error", self._count_request)
        finally:
            request.release()

    def _answer(self, request: Request) -> None:
        status = 0
        headers: list[tuple[str, str]] = []

        def start_response(line: str, fields: list[tuple[str, str]], *_: object) -> None:
            nonlocal status
            status = int(line[:3])
            headers.extend(fields)

        body = b"".join(self._application(request.environ(), start_response))
        request.proto.response_bytes(status, headers, body)


def _bind(address: Address, timeout: float) -> socket.socket:
    try:
        family, kind, _, _, where = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The connections inherit these. Nothing else ends one whose client does not take its replies.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(timeout * 1000)))
        listening.bind(where)
        listening.listen(_BACKLOG)
    except OSError as error:
        raise OSError(f"can't listen on {address}: {error}") from error
    return listening
