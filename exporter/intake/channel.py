"""A connection of waitress: its requests, and what waitress refuses by itself, in the one form of our errors."""

import socket
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import structlog
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask
from waitress.utilities import Error

from exporter.intake.body_memory import ALWAYS_TAKEN, Room
from exporter.intake.poller import Poller
from exporter.intake.stats import overload_reply
from exporter.replies import JSON
from exporter.wire.refusals import REQUEST_REFUSALS, error_body

_REASONS: Final = {
    400: "bad_request",
    408: "request_timeout",
    413: "body_too_large",
    431: "header_too_large",
    500: "internal_error",
    501: "not_implemented",
    503: "overloaded",
}

_log = structlog.get_logger("listener")


class _TimedOutError(Error):  # type: ignore[misc]  # waitress is not annotated
    code = 408
    reason = "Request Timeout"


class _OverloadedError(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


class RefusalTask(ErrorTask):  # type: ignore[misc]
    """What waitress refuses by itself, in the one form of our errors."""

    def execute(self) -> None:
        reason = _REASONS[self.request.error.code]
        status, message = REQUEST_REFUSALS[reason]
        body = error_body(reason, message)
        if reason == "overloaded":
            status, headers = overload_reply(self.request.headers.get("USER_AGENT", ""))
            self.response_headers.extend(headers.items())
        self.channel.server.count_request(status, reason)
        self.channel.refused = True
        self.status = f"{status} {HTTPStatus(status).phrase}"
        self.response_headers.append(("Content-Type", JSON))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request on its arrival. It takes room for what comes, not for what is announced: a promise costs a client
    nothing, and would keep all others out.
    """

    def __init__(self, adjustments: Adjustments, room: Room) -> None:
        super().__init__(adjustments)
        self._room = room
        self._taken = 0

    def received(self, data: bytes) -> int:
        took = int(super().received(data))
        more = self.body_bytes_received - ALWAYS_TAKEN - self._taken
        if more > 0 and self.error is None:
            if not self._room.take(more):
                self.refuse(_OverloadedError(""))
                return took
            self._taken += more
            if self.completed:
                # Cuts the buffer to its length; one that is read as a whole is then not copied.
                self.body_rcv.getfile().getvalue()
        return took

    def refuse(self, error: Error) -> None:
        """End it here."""
        self.error = error
        self.completed = True
        self.close()

    def close(self) -> None:
        """Free what it holds."""
        super().close()
        taken, self._taken = self._taken, 0
        self._room.give_back(taken)

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            # A proxy before us may go by the other one, and take the rest for a request of somebody else.
            raise ParsingError("both Content-Length and Transfer-Encoding")


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows since when its unfinished request has been arriving.

    After a refusal it lingers: to close while the client still sends its body would reset the connection, and the
    client would never read why. What comes is thrown away until it ends, or the request's time is over.
    """

    error_task_class = RefusalTask
    request: Parser | None
    requests: list[Parser]
    request_since = 0.0
    refused = False
    lingering_since = 0.0

    def parser_class(self, adjustments: Adjustments) -> Parser:
        return Parser(adjustments, self.server.room)

    def received(self, data: bytes) -> bool:
        before = self.request
        took = bool(super().received(data))
        if self.request is not before:  # another has begun
            self.request_since = self.last_activity
        return took

    def watch(self) -> None:
        """Have the server's loop wait for what this connection waits for now; after each change of that."""
        self.server.poller.watch(self._fileno, self)

    def readable(self) -> bool:
        return bool(self.lingering_since or super().readable())

    def writable(self) -> bool:
        # While a task runs, waitress sends only what is worth a packet: to wait for less would be to spin.
        worth = not self.requests or self.will_close or self.total_outbufs_len >= self.adj.send_bytes
        return bool(worth and not self.lingering_since and super().writable())

    def write_soon(self, data: bytes) -> int:
        written = int(super().write_soon(data))
        if self.total_outbufs_len >= self.adj.send_bytes:
            self.watch()
        return written

    def handle_write(self) -> None:
        with self.outbuf_lock:  # a worker may still send when its request is done
            super().handle_write()

    def service(self) -> None:
        """In a worker's thread; the loop learns of what could not be sent at once."""
        try:
            super().service()
            self._send()
        except BaseException:  # whatever it is, the thread has others to serve
            _log.exception("internal_error")
            self._give_up()
        self.watch()

    def _send(self) -> None:
        with self.outbuf_lock:
            if self.connected and self.total_outbufs_len:
                self._flush_exception(self._flush_some, do_close=False)
                self.outbuf_lock.notify()  # another worker may wait for room, with the next reply

    def _give_up(self) -> None:
        with self.requests_lock:
            for request in self.requests:
                request.close()
            self.requests = []
            self.will_close = True

    def del_channel(self, map: Poller | None = None) -> None:  # noqa: A002 - its name in waitress
        super().del_channel(map)
        if self.server.in_connection_overflow:
            self.server.watch()

    def send_continue(self) -> None:
        if self.request is not None and self.request.error is None:  # or it would wait for the body all the same
            super().send_continue()

    def handle_close(self) -> None:
        if not self.refused or self.lingering_since or not self.connected:
            super().handle_close()
            if self.request is not None:
                self.request.close()
            return
        self.lingering_since = time.time()
        self.will_close = False
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def handle_read(self) -> None:
        if self.lingering_since:
            self.recv(self.adj.recv_bytes)
        else:
            super().handle_read()

    def end_if_overdue(self, now: float, timeout: float) -> None:
        """Refuse a request that does not get finished; close a connection on which nothing happens."""
        with self.requests_lock:
            if self.requests:
                return
            if self.lingering_since:
                if now - self.lingering_since > timeout:
                    self.handle_close()
            elif self.request is not None:
                if now - self.request_since > timeout:
                    self._refuse(self.request)
            elif now - self.last_activity > timeout:
                self.handle_close()  # at once: what waits for a client that does not read would wait for ever

    def _refuse(self, request: Parser) -> None:
        request.refuse(_TimedOutError(""))
        self.request = None
        self.requests.append(request)
        self.watch()
        self.server.add_task(self)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being read, answered or sent."""
        return not self.requests and self.request is None and not self.total_outbufs_len and not self.refused
