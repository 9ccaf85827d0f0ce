"""Which clients may be told to wait: a 429 silences an older plugin until its app restarts."""

import pytest

from exporter.intake.answers import honours_retry_after

ANDROID = "CapacitorUpdater/{} (com.example.shop) android/16"


@pytest.mark.parametrize(
    ("version", "waits"),
    [
        ("8.51.5", True),
        ("8.51.4", False),
        ("8.51.23", True),
        ("8.52.0", True),
        ("8.100.0", True),
        ("8.9.99", False),
        ("7.51.15", True),
        ("7.51.14", False),
        ("7.52.0", True),
        ("6.51.16", True),
        ("6.51.15", False),
        ("6.60.0", True),
        ("9.0.0", False),
        ("10.0.0", False),
        ("9.0.1", True),
        ("9.1.0", True),
        ("9.0.0-alpha.3", True),
        ("10.0.1", True),
        ("10.51.7", True),
        ("11.0.0", True),
        ("5.99.99", False),
        ("4.61.11", False),
        ("0.0.6", False),
    ],
)
def test_the_first_release_of_each_line_that_waits(version: str, waits: bool) -> None:
    """8.51.5, 7.51.15 and 6.51.16, by number and not by letter."""
    assert honours_retry_after(ANDROID.format(version)) == waits


@pytest.mark.parametrize(
    "user_agent",
    [
        "",
        "okhttp/4.12.0",
        "curl/8.5.0",
        "CapacitorUpdater",
        "CapacitorUpdater/",
        "CapacitorUpdater/unknown (com.example.shop) android/16",
        "CapacitorUpdater/8.51",
        "CapacitorUpdater/8.51. 5",
        "CapacitorUpdater/٨.51.23",
        "capacitorupdater/8.51.23",
        "Mozilla/5.0 CapacitorUpdater/8.51.23",
        "CapacitorUpdater/" + "9" * 5000 + ".0.0",
    ],
)
def test_nobody_else_is_told_to_wait(user_agent: str) -> None:
    """A 503 harms none of them, a 429 might."""
    assert not honours_retry_after(user_agent)
