"""What people write into settings, and what becomes of it."""

import pytest

from exporter.addresses import Address, Networks
from exporter.commandline import read
from exporter.intake.client_address import client_address
from exporter.settings import Settings
from exporter.values import Tokens


def tokens(text: str) -> Tokens:
    return read(Settings, "", ["--path-token", text]).path_token


def proxies(text: str) -> Networks:
    return read(Settings, "", ["--trusted-proxy", text]).trusted_proxy


def address(text: str) -> Address:
    return read(Settings, "", ["--listen", text]).listen


@pytest.mark.parametrize(
    ("text", "secrets"),
    [("", []), ("one", ["one"]), (" old-one, new~one.2,", ["old-one", "new~one.2"]), ("a,a", ["a", "a"])],
)
def test_there_may_be_several_tokens(text: str, secrets: list[str]) -> None:
    """While one is changed in the apps."""
    assert [token.get_secret_value() for token in tokens(text)] == secrets
    assert bool(tokens(text)) == bool(secrets)


@pytest.mark.parametrize("show", [str, repr])
def test_tokens_are_never_shown(show: type[str]) -> None:
    """However they are printed."""
    assert "s3cret" not in show(tokens("s3cret,other"))


def trusts(text: str, client: str) -> bool:
    """Whether such a client is believed, which it then claims to be another."""
    return client_address(client, "203.0.113.9", proxies(text)) == "203.0.113.9"


@pytest.mark.parametrize(
    "client", ["127.0.0.1", "10.20.30.40", "::1", "0:0:0:0:0:0:0:1", "fd00:1::7", "::ffff:127.0.0.1", "192.0.2.9"]
)
def test_addresses_and_networks_are_trusted(client: str) -> None:
    """In each form in which a socket shows them; that of a host in its network is the network's."""
    assert trusts("127.0.0.1, ::1,10.0.0.0/8,fd00:1::/32,192.0.2.7/24", client)


@pytest.mark.parametrize("client", ["127.0.0.2", "11.0.0.1", "::2", "fd00:2::7", "", "localhost", "unknown"])
def test_others_are_not(client: str) -> None:
    """Nor what is no address."""
    assert not trusts("127.0.0.1,::1,10.0.0.0/8,fd00:1::/32", client)


def test_an_address_copied_from_a_dual_socket_is_the_address_itself() -> None:
    """Else it could never match."""
    assert trusts("::ffff:10.0.0.1", "10.0.0.1")
    assert trusts("::ffff:10.0.0.0/104", "10.9.9.9")
    assert not trusts("::ffff:10.0.0.0/104", "11.0.0.1")


def test_nobody_is_trusted_by_default() -> None:
    """Not even this machine: on it may be a proxy that passes on what a client claims."""
    assert not trusts("", "127.0.0.1")


@pytest.mark.parametrize(
    ("listen", "reached"),
    [
        ("0.0.0.0:8080", "127.0.0.1:8080"),
        ("[::]:8080", "[::1]:8080"),
        ("[0:0:0:0:0:0:0:0]:8080", "[::1]:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("127.0.0.2:8080", "127.0.0.2:8080"),
        ("exporter.internal:8080", "exporter.internal:8080"),
    ],
)
def test_what_is_printed_is_an_address_that_answers(listen: str, reached: str) -> None:
    """The one that stands for all of them does not, and one of IPv6 needs brackets."""
    assert str(address(listen).nearby) == reached
    assert str(address(listen)) in {listen, "[0:0:0:0:0:0:0:0]:8080"}
