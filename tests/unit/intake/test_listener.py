"""The listener takes connections as long as it has room for them; on real sockets, for the loop's own turns matter."""

from __future__ import annotations

import socket
from typing import Any, cast

from exporter.addresses import Address
from exporter.intake.accounts import Accounts
from exporter.intake.listener import Listener
from exporter.intake.paths import StatsPaths
from exporter.intake.port import Port
from exporter.intake.stats import StatsResource
from exporter.metrics.telemetry import Telemetry

LIMIT = 250
NO_HTTP = b"no HTTP\r\n\r\n"


class _Stats:
    max_body = 1000


def _port() -> Port:
    stats = cast(StatsResource, _Stats())
    return Port(cast(Any, None), stats, Accounts(Telemetry()), StatsPaths(()), (), 600.0)


def test_all_connections_for_which_there_is_room_are_taken() -> None:
    """Those included that come while others are half taken: none has to wait until another one ends."""
    listener = Listener(Address("127.0.0.1", 0), LIMIT, 600.0, _port, lambda: None)
    clients = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(LIMIT - 10)]
    listener.start()
    try:
        for client in clients:
            client.sendall(NO_HTTP)
            assert client.recv(12) == b"HTTP/1.1 400"
    finally:
        for client in clients:
            client.close()
        listener.stop()
