"""The sockets of a port, on each address that its setting stands for."""

import errno
import socket
from contextlib import ExitStack
from typing import Any, Final

from exporter.addresses import Address

_ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""What a machine says of an address that its names have and it has not, as of `::1` where IPv6 is off."""


def listen(flag: str, address: Address, backlog: int) -> list[socket.socket]:
    """Sockets that listen, of one port, at least one. Raises `OSError`, which names the `flag`.

    A name may stand for several addresses, as `localhost` mostly does, and nobody knows which one a client tries.
    """
    try:
        return _listen(address, backlog)
    except OSError as error:
        raise _cannot_listen(flag, address, error) from error


def port_of(sockets: list[socket.socket]) -> int:
    """The port that all of them have; the system's choice for one that was set to 0."""
    return int(sockets[0].getsockname()[1])


def _listen(address: Address, backlog: int) -> list[socket.socket]:
    absent: OSError | None = None
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for family, place in _places(address):
            port = port_of(sockets) if sockets else address.port
            try:
                sockets.append(opened.enter_context(_open(family, (place[0], port, *place[2:]), backlog)))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
        if not sockets and absent is not None:
            raise absent
        opened.pop_all()
    return sockets


def _places(address: Address) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """The addresses that a host stands for, each once, with what belongs to one."""
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [*dict.fromkeys((family, place) for family, *_, place in found)]


def _open(family: socket.AddressFamily, place: tuple[Any, ...], backlog: int) -> socket.socket:
    # The address that stands for all of IPv6 stands for IPv4 as well, as it does wherever else one can write it.
    both = place[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(place, family=family, backlog=backlog, dualstack_ipv6=both)


def _cannot_listen(flag: str, address: Address, error: OSError) -> OSError:
    if error.errno == errno.EADDRINUSE:
        return OSError(f"can't listen on {address}: it is in use; choose another with {flag}")
    return OSError(f"can't listen on {address}: {error}; {flag} names it")
