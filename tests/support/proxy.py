"""A bad network between phones and the exporter: a TCP proxy that loses, cuts and delays posts, by a seed."""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Self

from tests.support.harness import LOCALHOST, free_port

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_GONE = (asyncio.IncompleteReadError, ConnectionError)


@dataclass(frozen=True)
class Faults:
    """Shares of posts to which something happens, at most one thing to each."""

    lose_reply: float = 0.0
    """The server takes the post and answers, and the phone never hears of it."""
    cut_body: float = 0.0
    """The connection breaks within the body: the server must not take half of it."""
    delay: float = 0.0
    """The post arrives late, by up to `delay_seconds`."""
    delay_seconds: float = 0.2


class Proxy:
    """Passes HTTP/1.1 posts on to `upstream`, a port, with faults; runs in a thread while the `with` block lasts.

    `counts` says what it did: `passed`, each of the faults by its name, and `unreachable` where the server was away
    or went in the middle. Both sides send a Content-Length, or no body.
    """

    def __init__(self, upstream: int, faults: Faults, seed: int = 1) -> None:
        self.port = free_port()
        self.counts: Counter[str] = Counter()
        self.faults = faults
        self._upstream = upstream
        self._chance = random.Random(seed)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60.0), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._phone, LOCALHOST, self.port)
        self._ready.set()
        await self._over.wait()
        server.close()
        for _ in range(
            3
        ):  # turns of the loop until a connection that was accepted just now is in `_phone`, to end there
            await asyncio.sleep(0)

    async def _phone(self, phone: asyncio.StreamReader, to_phone: asyncio.StreamWriter) -> None:
        """One connection of a phone, with one of its own to the server."""
        try:
            server, to_server = await asyncio.open_connection(LOCALHOST, self._upstream)
        except ConnectionError:
            self.counts["unreachable"] += 1
            to_phone.transport.abort()
            return
        try:
            while await self._exchange(phone, to_phone, server, to_server):
                pass
        finally:
            # An abrupt end, as of a lost network; nothing that was written is waited for.
            to_server.transport.abort()
            to_phone.transport.abort()

    async def _exchange(
        self,
        phone: asyncio.StreamReader,
        to_phone: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> bool:
        """One post and its reply; False when the connection is at its end."""
        try:
            head, body = await _message(phone)
        except _GONE:
            return False
        fault = self._fault()
        if fault == "delay":
            await asyncio.sleep(self._chance.random() * self.faults.delay_seconds)
        if fault == "cut_body":
            to_server.write(head + body[: len(body) // 2])
            await to_server.drain()
            self.counts[fault] += 1
            return False
        try:
            to_server.write(head + body)
            reply = b"".join(await _message(server))
        except _GONE:
            self.counts["unreachable"] += 1
            return False
        self.counts[fault] += 1
        if fault == "lose_reply":
            return False
        to_phone.write(reply)
        return True

    def _fault(self) -> str:
        faults = self.faults
        shares = [faults.lose_reply, faults.cut_body, faults.delay]
        return self._chance.choices(["lose_reply", "cut_body", "delay", "passed"], [*shares, 1 - sum(shares)])[0]


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """A request's or reply's head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1]) if length else 0)
