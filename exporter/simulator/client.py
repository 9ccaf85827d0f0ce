"""An HTTP client for posts, as cheap as asyncio allows: a pool of connections, one post at a time on each.

Devices share the connections, as they would behind a load balancer: ten thousand phones need not be ten thousand
sockets. General HTTP clients cost several times as much a post, and this one has to leave the core to the fleet.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final, cast
from urllib.parse import urlsplit

from exporter.simulator.replies import BadReplyError, Reply, read_reply

_SWEEP_SECONDS: Final = 0.25


class Silence(Enum):
    """A post that was not answered."""

    UNSENT = "it never got a connection, so the server has not seen it"
    LOST = "it was sent, and no whole reply came back in time"


Outcome = Reply | Silence
Done = Callable[[Outcome], None]


class Post:
    """A post under way; `done` is called once, never from within `Client.post`."""

    __slots__ = ("_client", "_done", "connection", "deadline", "request")

    def __init__(self, client: "Client", request: bytes, done: Done, deadline: float) -> None:
        self._client = client
        self._done = done
        self.request = request
        self.deadline = deadline
        self.connection: _Connection | None = None

    def end(self, outcome: Outcome) -> None:
        self._client.outstanding -= 1
        self._done(outcome)

    def cut(self) -> None:
        """End it, if it is not over, as a phone does whose app is killed: the connection goes down with it."""
        if self.connection:
            self.connection.cut()
        else:
            self._client.withdraw(self)


class Client:
    """Posts to one http or https URL, whose path and query are used exactly as given.

    `timeout` is in seconds, from the call of `post` to the whole reply.
    """

    def __init__(self, url: str, connections: int, timeout: float) -> None:
        parts = urlsplit(url)
        self._loop = asyncio.get_running_loop()
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._address = (parts.hostname or "", parts.port or (443 if self._ssl else 80))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._start = f"POST {target} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n".encode("latin-1")
        self.outstanding = 0
        """Posts that have not ended."""
        self._limit = connections
        self._timeout = timeout
        self._waiting: deque[Post] = deque()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._connecting: set[asyncio.Task[_Connection | None]] = set()
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def post(self, headers: bytes, body: bytes, done: Done) -> Post:
        """`headers` are whole lines; the lengths and the host are added here."""
        request = b"%bContent-Length: %d\r\n%b\r\n%b" % (self._start, len(body), headers, body)
        post = Post(self, request, done, self._loop.time() + self._timeout)
        self.outstanding += 1
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                self._busy.add(connection)
                connection.send(post)
                return post
        self._waiting.append(post)
        self._connect()
        return post

    def withdraw(self, post: Post) -> None:
        """End a post that still waits for a connection; one that is over stays as it is."""
        if post in self._waiting:
            self._waiting.remove(post)
            post.end(Silence.UNSENT)

    def close(self) -> None:
        """End everything; posts that are out are lost."""
        self._sweeper.cancel()
        waiting, self._waiting = self._waiting, deque()
        for task in self._connecting:
            task.cancel()
        for connection in [*self._busy, *self._idle]:
            connection.cut()
        for post in waiting:
            post.end(Silence.UNSENT)

    def _connect(self) -> None:
        if len(self._connecting) < len(self._waiting) and len(self._busy) + len(self._connecting) < self._limit:
            task = self._loop.create_task(self._open())
            self._connecting.add(task)
            task.add_done_callback(self._opened)

    async def _open(self) -> "_Connection | None":
        host, port = self._address
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await self._loop.create_connection(lambda: _Connection(self), host, port, ssl=self._ssl)
        except (OSError, TimeoutError):
            return None
        return connection

    def _opened(self, task: "asyncio.Task[_Connection | None]") -> None:
        self._connecting.discard(task)
        if task.cancelled():
            return
        connection = task.result()
        if connection is None or not connection.usable:  # refused, or taken and dropped at once
            if self._waiting:
                self._waiting.popleft().end(Silence.UNSENT)
            self._connect()
        elif self._sweeper.cancelled():
            connection.cut()
        else:
            self._busy.add(connection)
            self.free(connection)

    def free(self, connection: "_Connection") -> None:
        """A connection has read its reply whole and may take another post."""
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._busy.discard(connection)
            self._idle.append(connection)

    def gone(self, connection: "_Connection") -> None:
        self._busy.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._connect()

    def _sweep(self) -> None:
        """One look at all deadlines now and then is cheaper than a timer for each post."""
        now = self._loop.time()
        while self._waiting and self._waiting[0].deadline < now:
            self._waiting.popleft().end(Silence.UNSENT)
        for connection in [busy for busy in self._busy if busy.late(now)]:
            connection.cut()
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)


class _Connection(asyncio.Protocol):
    def __init__(self, client: Client) -> None:
        self._client = client
        self._transport: asyncio.Transport
        self._post: Post | None = None
        self._data = bytearray()

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def late(self, now: float) -> bool:
        return self._post is not None and self._post.deadline < now

    def send(self, post: Post) -> None:
        self._post = post
        post.connection = self
        self._transport.write(post.request)

    def cut(self) -> None:
        self._transport.abort()
        self._finish(Silence.LOST)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._read(closed=False)

    def eof_received(self) -> None:
        self._read(closed=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(Silence.LOST)
        self._client.gone(self)

    def _read(self, closed: bool) -> None:
        if self._post is None:  # a server that ends an idle connection may say so first
            self._transport.close()
            return
        try:
            reply = read_reply(self._data, closed)
        except BadReplyError:
            self.cut()
            return
        if reply is None:
            return
        self._data.clear()
        keep = reply.keep_alive and not closed
        self._finish(reply)
        if keep:
            self._client.free(self)
        else:
            self._transport.close()

    def _finish(self, outcome: Outcome) -> None:
        post, self._post = self._post, None
        if post:
            post.connection = None
            post.end(outcome)
