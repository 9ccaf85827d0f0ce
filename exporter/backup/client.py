"""What `capgo-exporter backup` does: fetch a copy of a running exporter's ledger."""

import os
import shutil
import socket
import tempfile
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Final

from exporter.backup.place import near

PATIENCE: Final = 600.0
"""Seconds for the copy to be made, and for each next part of it to come."""


class _Connection(HTTPConnection):
    def __init__(self, directory: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._directory = directory

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        with near(self._directory) as path:
            self.sock.connect(path)


def fetch(directory: Path, file: Path) -> int:
    """Copy the ledger of the exporter on a data directory to a new file, which nobody else may read; returns its bytes.

    The file has its name only when it is whole and on the disk. Raises `OSError`.
    """
    if file.exists():
        raise FileExistsError(f"no copy was made: {file} exists, and nothing is overwritten")
    connection = _Connection(directory)
    try:
        size = _save(connection, directory, file)
        with suppress(OSError, HTTPException):  # the copy is here, whether or not that is known there
            connection.request("POST", "/")
            connection.getresponse().read()
    finally:
        connection.close()
    return size


def _save(connection: HTTPConnection, directory: Path, file: Path) -> int:
    try:
        descriptor, part = tempfile.mkstemp(".part", f"{file.name}.", file.absolute().parent)
        try:
            with open(descriptor, "wb") as target:  # noqa: PTH123 - it is open already
                size = _receive(_answer(connection, directory), target)
                os.fsync(descriptor)
            Path(part).rename(file)
        except BaseException:
            Path(part).unlink()
            raise
    except (OSError, HTTPException) as error:
        raise OSError(f"no copy was made: {str(error) or type(error).__name__}") from error
    return size


def _answer(connection: HTTPConnection, directory: Path) -> HTTPResponse:
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
    except (OSError, HTTPException) as error:
        raise OSError(
            f"there is no answer ({str(error) or type(error).__name__}); is an exporter running on {directory}, and is "
            "this its user, or root?"
        ) from error
    if response.status != HTTPStatus.OK:
        raise OSError(f"the exporter says: {response.read(1000).decode(errors='replace')}")
    return response


def _receive(response: HTTPResponse, target: IO[bytes]) -> int:
    announced = response.length
    shutil.copyfileobj(response, target)
    target.flush()
    if target.tell() != announced:
        raise OSError(f"the connection was cut short after {target.tell()} bytes")
    return announced
