"""The first words on a terminal tell what to do next."""

import re

import pytest

from exporter.commandline import read
from exporter.settings import Settings
from exporter.start import first_words

SEGMENT = "hidden-segment"


def words(*flags: str) -> str:
    return first_words(read(Settings, "", flags), 8081, 10059)


@pytest.mark.parametrize(
    ("listen", "metrics_listen", "expected"),
    [
        ("0.0.0.0:8080", "127.0.0.1:10058", {"127.0.0.1:8081", "127.0.0.1:10059"}),
        ("[::]:8080", "[::1]:10058", {"[::1]:8081", "[::1]:10059"}),
        ("192.0.2.7:8080", "0.0.0.0:10058", {"192.0.2.7:8081", "127.0.0.1:10059"}),
        ("[fd00::7]:0", "[::]:0", {"[fd00::7]:8081", "[::1]:10059"}),
    ],
)
def test_each_address_is_one_that_answers(listen: str, metrics_listen: str, expected: set[str]) -> None:
    """With the ports that were taken, and brackets where there is a colon."""
    said = words("--listen", listen, "--metrics-listen", metrics_listen)

    assert set(re.findall(r"http://([^<\s]+?)/", said)) == expected


@pytest.mark.parametrize(
    ("listen", "alone"),
    [
        ("127.0.0.1:8080", True),
        ("127.0.0.2:8080", True),
        ("[::1]:8080", True),
        ("localhost:8080", True),
        ("0.0.0.0:8080", False),
        ("[::]:8080", False),
        ("192.0.2.7:8080", False),
        ("stats.example.com:8080", False),
    ],
)
def test_no_device_is_sent_where_only_this_machine_comes(listen: str, alone: bool) -> None:
    """It is told what to do instead."""
    said = words("--listen", listen)

    assert ("<this machine>" in said) == (not alone)
    assert ("Only this machine reaches it" in said) == alone
    assert ("--listen 0.0.0.0:8081" in said) == alone


def test_the_example_can_be_pasted_into_a_shell() -> None:
    """A path with a placeholder is quoted, and no secret is in it."""
    said = words("--path-token", SEGMENT, "--apps", "com.acme.shop,com.acme.notes")

    assert "'http://127.0.0.1:8081/<token>/stats'" in said
    assert '"app_id":"com.acme.notes"' in said
    assert SEGMENT not in said
