"""An event loop whose time is the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


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
