"""A server that answers the fleet as a test tells it to."""

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

OK = b'{"status":"ok"}'


class Answer(NamedTuple):
    status: int = 200
    body: bytes = OK
    headers: bytes = b""
    after: float = 0.0
    """Seconds that the reply takes."""


class Lost(NamedTuple):
    """The server reads the post, and closes the connection after so long, without a word."""

    silent_for: float = 0.0


class Request(NamedTuple):
    line: str
    headers: str
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        value = json.loads(self.body)
        return value if isinstance(value, list) else [value]

    @property
    def is_array(self) -> bool:
        return self.body.startswith(b"[")

    @property
    def actions(self) -> list[str]:
        return [event["action"] for event in self.events]


class Stub:
    """A server that answers as it is told: the answers in their order, then `answer`."""

    def __init__(self, *answers: Answer | Lost, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.port = port
        self._answers = [*answers]
        self.answer: Callable[[Request], Answer | Lost] = lambda _: Answer()

    @property
    def actions(self) -> list[list[str]]:
        return [request.actions for request in self.requests]

    async def has(self, requests: int) -> None:
        """Return when so many have come."""
        while len(self.requests) < requests:
            await asyncio.sleep(0.001)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        assert length
        line, _, headers = head.partition("\r\n")
        request = Request(line, headers, await reader.readexactly(int(length[1])))
        self.requests.append(request)
        answer = self._answers.pop(0) if self._answers else self.answer(request)
        if isinstance(answer, Lost):
            await asyncio.sleep(answer.silent_for)
            return False
        status, body, extra, seconds = answer
        await asyncio.sleep(seconds)
        lines = b"HTTP/1.1 %d Whatever\r\n%b" % (status, extra)
        lines += b"\r\n" if status == 204 else b"Content-Length: %d\r\n\r\n" % len(body)
        writer.write(lines + body)
        return True


@contextmanager
def hanging_up() -> Iterator[int]:
    """The port of a server that takes each connection and resets it at once."""
    no_lingering = struct.pack("ii", 1, 0)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # the end
                    return
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
