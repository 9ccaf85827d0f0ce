"""Which address a request came from, where proxies stand in front."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

UNKNOWN: Final = "unknown"

Networks = Sequence[IPv4Network | IPv6Network]


def client_address(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """The address of a connection's `peer`; where that is a trusted proxy, the last in its `X-Forwarded-For` that is
    none itself, as only what trusted proxies have appended is true. `unknown` where that is no address.
    """
    address = _parse(peer)
    hops = forwarded_for.split(",") if forwarded_for else []
    while address is not None and hops and any(address in network for network in trusted):
        address = _parse(hops.pop())
    return UNKNOWN if address is None else str(address)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: with a port, an IPv6 one in brackets then, maybe with a zone, which may be any
    text, and an IPv4 one in IPv6 form where a socket is for both.
    """
    text = text.strip()[:_LONGEST]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


_LONGEST: Final = 100
"""Characters; an address with brackets, zone and port has fewer."""
