"""A waitress server on one address, in a thread of its own and with its own worker threads.

What waitress does not do by itself is here, and in `channel` what concerns one connection: errors in our form, a
deadline for unfinished requests, a bound on the memory that all bodies take together, and a shutdown that answers all
that was read. Its loop and its threads are replaced by a `Poller` and `Workers`.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from exporter.intake.body_memory import BODIES_LIMIT, Room
from exporter.intake.channel import Channel
from exporter.intake.poller import Poller
from exporter.intake.workers import Workers
from exporter.settings import Address

HEADER_LIMIT: Final = 16 * 1024
"""Bytes of a request's header; the plugin's is below 500."""

_BUFFERED: Final = 1 << 30
"""Above any body or reply: what waitress would put into a temporary file stays in memory, as there may be no folder."""

_PACKET: Final = 16 * 1024
"""Bytes of a reply up to which it is kept back until it is complete: waitress would send the header, then the body."""

_log = structlog.get_logger("listener")

WSGIApp = Callable[..., Any]


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """A waitress server on one address; `start` and `stop` it once."""

    channel_class = Channel
    next_channel_cleanup = math.inf  # `_run` does it

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
        adjustments = Adjustments(
            host=address.host,
            port=address.port,
            threads=threads,
            connection_limit=connections,
            backlog=2048,
            max_request_body_size=max_body + 1,
            max_request_header_size=HEADER_LIMIT,
            inbuf_overflow=_BUFFERED,
            outbuf_overflow=_BUFFERED,
            clear_untrusted_proxy_headers=False,  # whom to believe is `--trusted-proxy`'s business
            ident=None,
        )
        adjustments.send_bytes = _PACKET
        self.room = Room(max(BODIES_LIMIT, max_body))
        self.poller = Poller()
        self._workers = Workers(threads, "answer", Channel.service)
        self.count_request = count_request
        self._failed = failed
        self._timeout = timeout
        self._deadline: float | None = None
        self._maintained = 0.0
        try:
            super().__init__(application, map=self.poller, dispatcher=self._workers, adj=adjustments)
        except OSError as error:
            raise OSError(f"can't listen on {address}: {error}") from error
        self._thread = threading.Thread(target=self._run, name=f"listen-{self.effective_port}", daemon=True)

    def start(self) -> None:
        """Serve, in threads."""
        self._workers.start()
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._workers.waiting

    def watch(self) -> None:
        """Have the loop wait for another connection, if one may come."""
        self.poller.watch(self._fileno, self)

    def add_task(self, task: Channel) -> None:
        self._workers.put(task)

    def pull_trigger(self) -> None:
        """Nothing: by this waitress would wake its loop, to ask each connection anew what it waits for."""

    def _maintain(self, now: float) -> None:
        """Every second: end what is overdue."""
        if now < self._maintained + 1 and self._deadline is None:
            return
        self._maintained = now
        for channel in list(self.active_channels.values()):
            channel.end_if_overdue(now, self._timeout)

    def stop(self) -> None:
        """Accept no more, answer all that was read, then close."""
        self.trigger.pull_trigger(self._begin_to_drain)
        self._thread.join()
        self.poller.close()

    def _begin_to_drain(self) -> None:
        self._deadline = time.monotonic() + self._timeout
        wasyncore.dispatcher.close(self)

    def _run(self) -> None:
        try:
            while self._deadline is None or self._drains():
                self.poller.turn(0.1 if self._deadline else 1)
                self._maintain(time.time())
        except Exception:
            _log.exception("listener_failed", port=self.effective_port)
            self._failed()
        self._workers.stop()

    def _drains(self) -> bool:
        for channel in list(self.active_channels.values()):
            if channel.at_rest:
                channel.handle_close()
        return bool(self.active_channels) and time.monotonic() < (self._deadline or 0)
