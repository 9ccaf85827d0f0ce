"""The server with nothing behind it, the least that a post can cost: `python empty.py PORT`."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import waitress

OK = b'{"status":"ok"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(OK)))]


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Reads the body and says ok."""
    environ["wsgi.input"].read()
    start_response("200 OK", HEADERS)
    return [OK]


def main(port: int) -> None:
    """Serve until killed."""
    waitress.serve(wsgi, host="127.0.0.1", port=port, threads=8, _quiet=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
