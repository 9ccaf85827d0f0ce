"""What a client is able to report, by the versions that it gives of itself: never more than is sure."""

import pytest

from exporter.wire.plugins import reports

NOTHING = [
    *("0.0.1", "0.1.0", "3.3.20", "4.61.11", "5.0.0", "5.50.0", "6.0.0", "6.14.26", "6.50.0", "7.0.0", "7.18.14"),
    *("7.50.0", "8.0.0", "8.4.3", "8.45.11", "8.45.99", "9.0.0", "10.0.0"),
]
HEALTH = [
    *("5.50.1", "5.50.2", "5.51.0", "6.50.1", "6.51.16", "7.50.1", "7.51.21", "8.46.0", "8.46.0-beta.2", "8.50.1"),
    *("8.51.23", "8.100.0", "9.0.0-alpha.1", "9.0.1", "9.1.0", "10.0.1", "10.1.0", "11.0.0", "12.3.4"),
]
UNREADABLE = ["", "unknown", "8.51", "v8.51.23", "8,51,23", "٨.٥١.٢٣", "8.51.99999", "-8.51.23", "x" * 1000]


@pytest.mark.parametrize("platform", ["android", "ios"])
@pytest.mark.parametrize("plugin_version", NOTHING + UNREADABLE)
def test_an_older_plugin_reports_nothing(platform: str, plugin_version: str) -> None:
    """Nor do the accidental releases, nor one whose version can't be read."""
    assert reports(platform, plugin_version, "16") == "nothing"


@pytest.mark.parametrize("plugin_version", HEALTH)
def test_a_newer_plugin_reports_crashes(plugin_version: str) -> None:
    """In each major version since another release; later ones of the accidental majors are new."""
    assert reports("ios", plugin_version, "15.8") == "crashes"
    assert reports("android", plugin_version, "11") == "crashes"


@pytest.mark.parametrize("system", ["4.4.4", "5.1", "7", "8.0.0", "9", "10", "10.0"])
def test_android_before_11_reports_errors_of_pages_only(system: str) -> None:
    """It does not remember why a process ended; an iOS of that number is another thing."""
    assert reports("android", "8.51.23", system) == "errors"
    assert reports("android", "8.45.11", system) == "nothing"
    assert reports("ios", "8.51.23", system) == "crashes"


@pytest.mark.parametrize("system", ["11", "12L", "13", "16", "100", "", "Baklava", "99999"])
def test_android_from_11_on_reports_crashes(system: str) -> None:
    """Previews name themselves by a word, and there are none of the old ones any more."""
    assert reports("android", "8.51.23", system) == "crashes"


@pytest.mark.parametrize("platform", ["electron", "web", "other", "react-native"])
def test_other_clients_report_nothing(platform: str) -> None:
    """They number their versions by themselves, and have no such code."""
    assert reports(platform, "8.51.23", "16") == "nothing"
