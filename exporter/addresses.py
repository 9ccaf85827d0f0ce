"""The settings that are addresses: where to listen, and whom to believe."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import SOCK_STREAM, getaddrinfo
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from exporter.values import Shown, items


class Address(NamedTuple):
    """Where to listen, written `host:port`; the host of an IPv6 address in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def nearby(self) -> "Address":
        """Where this machine reaches it: the address that stands for all addresses is no destination."""
        try:
            host = ip_address(self.host)
        except ValueError:
            return self
        if not host.is_unspecified:
            return self
        return self._replace(host="127.0.0.1" if host.version == 4 else "::1")

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine reaches it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def refuse_unknown_host(flag: str, address: Address) -> None:
    """Raises `OSError` if a host has no address."""
    try:
        getaddrinfo(address.host, address.port, type=SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise OSError(
            f"{flag}: {address.host!r} is no address to listen on ({why}); for example 127.0.0.1:{address.port}, or "
            f"0.0.0.0:{address.port} for all addresses"
        ) from error


class Networks(tuple[IPv4Network | IPv6Network, ...]):
    """Addresses and networks, written as a comma-separated list: `127.0.0.1,10.0.0.0/8`."""

    __slots__ = ()

    def __str__(self) -> str:
        return ",".join(map(str, self))


def _address(value: object) -> Address:
    host, _, port = str(value).rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{value!r} is not host:port; for example 127.0.0.1:8080, or 0.0.0.0:8080 for all addresses")
    return Address(host.strip("[]"), int(port))


def _networks(value: object) -> Networks:
    return Networks(map(_network, items(value)))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an IP address nor a network, such as 127.0.0.1 or 10.0.0.0/8; "
            "several are separated by commas"
        ) from None
    if network.network_address.is_unspecified and network.num_addresses == 1:
        raise ValueError(f"{text!r} is nobody's address; {text}/0 would believe everybody")
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return ip_network((mapped, max(network.prefixlen - 96, 0))) if mapped else network


AddressSetting = Annotated[Address, NoDecode, BeforeValidator(_address), Shown("HOST:PORT")]
NetworksSetting = Annotated[Networks, NoDecode, BeforeValidator(_networks), Shown("ADDRESS,...")]
