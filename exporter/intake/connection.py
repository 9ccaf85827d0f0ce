"""A connection of the public port: its requests in their order, each with its reply.

What no server has by itself is here: a lingering close after a refusal, for to close while the client still sends would
reset the connection, and it would never read why; and deadlines by the monotonic clock, for a request that has stopped
arriving, for a client that does not read, and for one that says nothing.
"""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Final, cast

import structlog

from exporter.intake.answer import Answer
from exporter.intake.answers import refused
from exporter.intake.asgi import respond
from exporter.intake.client_address import client_address
from exporter.intake.http import CONTINUE, render, render_raw
from exporter.intake.port import Port
from exporter.intake.request import Arriving, Request

SLOWEST: Final = 1024
"""Bytes a second that a request must bring, on average over each `--request-timeout` that it takes."""

LONGEST: Final = 120.0
"""Seconds that it may take at the most."""

ON_ITS_WAY: Final = 0.5
"""Seconds after which a connection that has been accepted, or answered, is known to bring nothing at the end."""

_log = structlog.get_logger("connection")


class _Exchange:
    """A request that has arrived, and the bytes of its reply once there are any."""

    __slots__ = ("closing", "lingering", "reply", "without_body")

    def __init__(self, closing: bool = True, without_body: bool = False) -> None:
        self.closing = closing
        self.lingering = False
        self.without_body = without_body
        self.reply: bytes | None = None


class Connection(asyncio.BufferedProtocol):
    """One of a port's connections."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._arriving = Arriving(port.max_body, port.memory)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        """The client's address, which it has no more when it is gone; empty if it was gone at once."""

        self._exchanges: deque[_Exchange] = deque()
        self._began: float | None = None
        """When the request under way began; this and all other times are the loop's."""

        self._looked = 0.0
        self._arrived = 0
        """Bytes since then, when it was looked at last."""

        self._at_rest_since = port.now()
        self._unsent_since: float | None = None
        self._lingering_since: float | None = None
        self._paused = False
        self._choked = False
        """Whether the client does not read what it is sent."""

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._port.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._arriving.drop()
        self._exchanges.clear()
        self._port.closed(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._port.buffer  # what is in it is used up before another connection reads

    def buffer_updated(self, nbytes: int) -> None:
        if self._arriving.ended:
            return
        if self._exchanges:  # it does not wait for its reply: no more is read until it has that
            self._pause()
        complete = self._arriving.feed(self._port.buffer[:nbytes])
        self._take_all(complete)
        if self._arriving.refusal is not None:
            self._refuse(self._arriving.refusal)
        elif self._arriving.under_way:
            self._go_on_arriving(nbytes, bool(complete))
        else:
            self._began = None

    def _go_on_arriving(self, nbytes: int, anew: bool) -> None:
        if self._began is None or anew:
            self._begin()
        self._arrived += nbytes
        self._welcome()

    def _begin(self) -> None:
        self._began = self._looked = self._port.now()
        self._arrived = 0

    def _welcome(self) -> None:
        if self._arriving.awaits_continue and not self._exchanges:  # else it would be taken for a reply to those
            self._arriving.awaits_continue = False
            self._send(CONTINUE)

    def eof_received(self) -> bool:
        """The client has said all: what it asked is still answered."""
        if not self._exchanges or self._lingering_since is not None:
            return False
        self._arriving.ended = True
        self._exchanges[-1].closing = True
        self._exchanges[-1].lingering = False
        return True

    def pause_writing(self) -> None:
        self._choked = True
        self._pause()

    def resume_writing(self) -> None:
        self._choked = False
        self._resume()

    # From a request to its reply.

    def _take_all(self, requests: list[Request]) -> None:
        if self._port.draining:  # what comes after the last is not answered, so it must not be counted
            for request in requests[1:]:
                self._port.memory.give_back(request.memory)
            requests = requests[:1]
        last = self._port.draining or (self._arriving.ended and self._arriving.refusal is None)
        for number, request in enumerate(requests, 1):
            self._take(request, last and number == len(requests))

    def _take(self, request: Request, closing: bool) -> None:
        exchange = _Exchange(closing, request.method == b"HEAD")
        self._exchanges.append(exchange)
        if closing:
            self._arriving.ended = True
        if request.method == b"POST" and self._port.paths.has(request.target):
            answer = partial(self._answer, exchange, request)
            self._port.stats.take(
                request.body, request.field(b"content-encoding"), request.field(b"user-agent"), answer
            )
        else:
            self._port.run(self._ask_application(exchange, request))

    def _answer(self, exchange: _Exchange, request: Request, answer: Answer) -> None:
        self._port.memory.give_back(request.memory)  # not before: the body is there, even if its client has left
        self._port.accounts.note(answer.status, answer.refusal, answer.rejected, partial(self._client, request))
        exchange.reply = render(answer, exchange.closing, exchange.without_body)
        self._send_replies()

    async def _ask_application(self, exchange: _Exchange, request: Request) -> None:
        try:
            status, headers, body = await respond(self._port.app, request, (self._peer, 0))
            exchange.reply = render_raw(status, headers, body, exchange.closing)
        except Exception as error:
            _log.error("internal_error", exc_info=error)
            exchange.reply = render(refused("internal_error"), True, exchange.without_body)
        self._port.memory.give_back(request.memory)
        self._send_replies()

    def _refuse(self, answer: Answer) -> None:
        """Answer what is no request that anybody could take, and end."""
        self._port.accounts.note(answer.status, answer.refusal, None, lambda: self._peer)
        exchange = _Exchange()
        exchange.lingering = True
        exchange.reply = render(answer, True, False)
        self._exchanges.append(exchange)
        self._began = None
        self._send_replies()

    def _send_replies(self) -> None:
        exchanges = self._exchanges
        while exchanges and exchanges[0].reply is not None:
            exchange = exchanges.popleft()
            self._send(exchange.reply or b"")
            if exchange.closing:
                self._end(exchange.lingering)
                return
        if not exchanges and self._transport is not None:
            self._at_rest_since = self._port.now()
            if self._began is not None:  # nothing more of it could be read until now
                self._begin()
                self._welcome()
            self._resume()

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
            if self._unsent_since is None and self._transport.get_write_buffer_size():
                self._unsent_since = self._port.now()

    def _client(self, request: Request) -> str:
        forwarded = b",".join(value for name, value in request.headers if name == b"x-forwarded-for")
        return client_address(self._peer, forwarded.decode("latin-1"), self._port.trusted)

    # Reading, and the end.

    def _pause(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        ready = self._paused and not self._choked and not self._exchanges
        if self._transport is not None and ready and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _end(self, lingering: bool) -> None:
        self._arriving.ended = True
        if self._transport is None:
            return
        if lingering:
            self._lingering_since = self._port.now()
            with suppress(OSError):  # the client has gone: its side is closed already
                self._transport.write_eof()
            self._resume()
        else:
            self._transport.close()

    def check(self, now: float) -> None:
        """Every second: end what is overdue."""
        timeout = self._port.timeout
        if self._transport is None:
            return
        if not self._transport.get_write_buffer_size():
            self._unsent_since = None
        if any(since is not None and now - since > timeout for since in (self._unsent_since, self._lingering_since)):
            self._transport.abort()
        elif self._began is not None:
            if not self._exchanges and self._is_overdue(now, self._began):
                self._refuse(self._arriving.overdue())
        elif self.at_rest and now - self._at_rest_since > timeout:
            self._transport.close()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being read, answered or sent."""
        return not self._exchanges and self._began is None and self._lingering_since is None

    def _is_overdue(self, now: float, began: float) -> bool:
        """Whether the request under way moves too slowly, or has taken too long."""
        timeout, passed = self._port.timeout, now - self._looked
        if passed <= timeout:
            return False
        if self._arrived < SLOWEST * passed or now - began > max(LONGEST, timeout):
            return True
        self._looked, self._arrived = now, 0
        return False

    def drain(self, now: float) -> None:
        """End as soon as nothing is being read, answered or sent; what is on its way has a moment to be read."""
        if self.at_rest and now - self._at_rest_since > ON_ITS_WAY and self._transport is not None:
            self._transport.close()  # sends first what waits

    def abort(self) -> None:
        """End at once."""
        if self._transport is not None:
            self._transport.abort()
