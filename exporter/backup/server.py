"""Hands out copies of the ledger: GET is one, and POST says that the last one has arrived and is safe.

Only then it counts as a backup: a copy that got lost on its way is none.
"""

import sqlite3
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol

import falcon
import structlog
from waitress.server import create_server

from exporter.backup.place import SOCKET_NAME, near
from exporter.replies import OK, reply, with_error_forms
from exporter.storage.errors import StorageUnavailableError

COPY_NAME: Final = "ledger.db.backup"
"""A copy while it is made; it has no name any more while it is sent."""

_log = structlog.get_logger("backup")


class Source(Protocol):
    """What can be copied; the server's thread asks."""

    @property
    def directory(self) -> Path:
        """The data directory."""

    def backup(self, target: Path) -> None:
        """Write a consistent copy. Raises `StorageUnavailableError`, `sqlite3.Error` or `OSError`."""

    def note_backup(self) -> None:
        """Remember that a copy was made now. Raises `StorageUnavailableError` or `OSError`."""


class CopyResource:
    """The one thing there is; one request at a time."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """The copy as a file."""
        path = self._source.directory / COPY_NAME
        try:
            self._source.backup(path)
            resp.set_stream(path.open("rb"), path.stat().st_size)
            resp.content_type = "application/vnd.sqlite3"
            path.unlink()
        except (StorageUnavailableError, sqlite3.Error, OSError) as error:
            _fail(resp, f"{self._source.directory} can't hold a copy on its way to you ({error})")

    def on_post(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """It has arrived."""
        try:
            self._source.note_backup()
        except (StorageUnavailableError, OSError) as error:
            _fail(resp, str(error))
        else:
            reply(resp, OK)


def _fail(resp: falcon.Response, why: str) -> None:
    _log.error("backup_failed", error=why)
    reply(resp, why.encode(), HTTPStatus.INSUFFICIENT_STORAGE, "text/plain")


def create_copy_app(source: Source) -> Callable[..., Any]:
    """The WSGI app behind the socket."""
    app = falcon.App()
    app.add_route("/", CopyResource(source))
    return with_error_forms(app)


def serve_copies(source: Source) -> Callable[[], None]:
    """Listen on the data directory's socket, in a thread; returns what ends that.

    Some file systems have no sockets, or can't keep others from opening one: then there is none, and the log says so.
    """
    (source.directory / COPY_NAME).unlink(missing_ok=True)  # of a process that was killed
    try:
        with near(source.directory) as path:
            server = create_server(
                create_copy_app(source),
                unix_socket=path,
                unix_socket_perms="600",
                threads=1,
                ident=None,
                asyncore_use_poll=True,  # select() knows no file above the 1,023rd
            )
    except OSError as error:
        _log.warning("backup_impossible", directory=str(source.directory), error=str(error))
        return lambda: None
    threading.Thread(target=server.run, name="backup", daemon=True).start()
    return lambda: (source.directory / SOCKET_NAME).unlink(missing_ok=True)
