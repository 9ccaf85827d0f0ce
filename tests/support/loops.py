"""Event loops whose time is the test's own."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar


class TestLoop(asyncio.SelectorEventLoop):
    """Time stands still until `advance`."""

    __test__ = False
    now = 1000.0

    def time(self) -> float:
        return self.now

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and what is due happen."""
        self.now += seconds
        for _ in range(5):
            await asyncio.sleep(0)


async def eventually(condition: Callable[[], bool]) -> None:
    """Return when it holds; other threads may have to act for that. The suite's time-out ends what never comes."""
    while not condition():
        await asyncio.to_thread(lambda: None)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

_Result = TypeVar("_Result")


def run_alone(main: Coroutine[Any, Any, _Result], serve: Serve | None) -> _Result:
    """`asyncio.run` without a clock and a network: each second takes as long as what happens in it, and `serve` answers
    each connection; without it, connections are refused.
    """
    with asyncio.Runner(loop_factory=lambda: _LonelyLoop(serve)) as runner:
        return runner.run(main)


class _Jumping(selectors.SelectSelector):
    """Waits for nothing but the time, which passes at once."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None:
            self.now += max(timeout, 0.0)
        return super().select(timeout if timeout is None else 0)


class _LonelyLoop(asyncio.SelectorEventLoop):
    """A world of its own: its time passes when nothing is left to do, and there is one server, without a network."""

    def __init__(self, serve: Serve | None) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self._serve = serve

    def time(self) -> float:
        return self._jumping.now

    async def create_connection(self, protocol_factory: Callable[[], Any], *_: Any, **__: Any) -> Any:
        """Wherever to."""
        if self._serve is None:
            raise ConnectionRefusedError
        client = _End(self, protocol_factory())
        server = _End(self, asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=self), self._serve, loop=self))
        client.other, server.other = server, client
        for end in (server, client):
            end.protocol.connection_made(end)
        return client, client.protocol


class _End(asyncio.Transport):
    """One end of a connection without a network; what is written arrives in the loop's next turn."""

    other: _End

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any) -> None:
        super().__init__()
        self.protocol = protocol
        self._loop = loop
        self._open = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._open:
            self._loop.call_soon(self.other.receive, bytes(data))

    def receive(self, data: bytes) -> None:
        """Something has come."""
        if self._open:
            self.protocol.data_received(data)

    def is_closing(self) -> bool:
        return not self._open

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.call_soon(self.protocol.connection_lost, None)
            self._loop.call_soon(self.other.receive_end)

    abort = close

    def receive_end(self) -> None:
        """The other end has closed."""
        if self._open and not self.protocol.eof_received():
            self.close()

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass
