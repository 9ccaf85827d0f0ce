"""The servers with nothing behind them, the least that a post can cost: `python empty.py waitress|granian PORT`."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import Any

import waitress
from granian.server.embed import Server

OK = b'{"status":"ok"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(OK)))]


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Reads the body and says ok."""
    environ["wsgi.input"].read()
    start_response("200 OK", HEADERS)
    return [OK]


async def rsgi(_scope: Any, protocol: Any) -> None:
    """The same for granian, which reads the body by itself."""
    await protocol()
    protocol.response_bytes(200, HEADERS, OK)


def main(server: str, port: int) -> None:
    """Serve until killed."""
    if server == "waitress":
        waitress.serve(wsgi, host="127.0.0.1", port=port, threads=8, _quiet=True)
    else:
        asyncio.run(Server(rsgi, "127.0.0.1", port, log_enabled=False).serve())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
