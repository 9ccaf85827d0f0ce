"""The exporter's own listener with nothing behind it, the least that a post can cost: `python empty.py PORT`.

It reads and parses as the exporter does, and answers ok without counting.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from exporter import process
from exporter.addresses import Address
from exporter.intake.accounts import Accounts
from exporter.intake.answer import Answer
from exporter.intake.listener import Listener
from exporter.intake.paths import StatsPaths
from exporter.intake.port import Port
from exporter.metrics.telemetry import Telemetry
from exporter.replies import OK


class Nothing:
    """Stands for the stats resource."""

    max_body = 4 * 2**20

    def take(self, _body: bytes, _encoding: str, _user_agent: str, answer: Callable[[Answer], None]) -> None:
        """Say ok in the next turn of the loop, as the committer does at the earliest."""
        asyncio.get_running_loop().call_soon(answer, Answer(200, OK))


async def everything_else(_scope: Any, _receive: Any, send: Callable[[dict[str, Any]], Any]) -> None:
    """Say ok."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def main(port: int) -> None:
    """Serve until a signal."""
    process.take_short_turns()
    accounts, nothing = Accounts(Telemetry()), Nothing()
    app: Any = everything_else
    stats: Any = nothing
    end = process.End(15)
    listener = Listener(
        Address("127.0.0.1", port), 2000, 10, lambda: Port(app, stats, accounts, StatsPaths(()), (), 10), end.fail
    )
    listener.start()
    end.wait()
    listener.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
