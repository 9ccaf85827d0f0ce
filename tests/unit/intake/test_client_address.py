"""Which address a refusal is logged with, where proxies stand in front."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.intake.client_address import UNKNOWN, client_address

TRUSTED = [ip_network(network) for network in ("10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "shown"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # it claims to be a proxy, and is none of ours
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # what comes before the last was sent by the client
        ("10.1.2.3", "198.51.100.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),  # two of ours, one behind the other
        ("10.1.2.3", "10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("127.0.0.1", "[2001:DB9::1]:4711", "2001:db9::1"),
        ("127.0.0.1", "[2001:db9::1]", "2001:db9::1"),
        ("127.0.0.1", "2001:db9::1", "2001:db9::1"),
        ("127.0.0.1", " 203.0.113.9 ", "203.0.113.9"),
        ("2001:db8::7", "203.0.113.9", "203.0.113.9"),
        ("::ffff:127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),  # a socket for both families
        ("fe80::1%eth0", "", "fe80::1"),
        ("127.0.0.1", "203.0.113.9, unknown", UNKNOWN),
        ("127.0.0.1", "_hidden", UNKNOWN),
        ("127.0.0.1", "\x1b[2J203.0.113.9", UNKNOWN),
        ("127.0.0.1", "203.0.113.9,", UNKNOWN),
        ("", "", UNKNOWN),
    ],
)
def test_the_last_hop_that_is_not_ours_is_the_client(peer: str, forwarded: str, shown: str) -> None:
    """Only what a trusted proxy has appended is true."""
    assert client_address(peer, forwarded, TRUSTED) == shown


@given(st.text(max_size=300))
def test_only_an_address_gets_through(forwarded: str) -> None:
    """Whatever a header holds."""
    shown = client_address("127.0.0.1", forwarded, TRUSTED)

    assert shown == UNKNOWN or set(shown) <= set("0123456789abcdef.:")
