"""The apps of the made-up history: how many phones they have, which versions are rolled out to them, and what is wrong.

Each app is one answer that an engineer should find: a version that fails on one platform, a good one, one that installs
fine and crashes, one whose downloads stall where the plugin is old, one that stays white and one that starts slowly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

HOURS = 38
"""How long the history is."""
ROLLED_OUT = 8
"""How many hours before the end the newest versions appeared."""
START = HOURS - ROLLED_OUT

SHOP, NEWS, CHAT, MAPS, BANK, GYM = (f"com.example.{name}" for name in ("shop", "news", "chat", "maps", "bank", "gym"))
ALL = 1.1
BAD = "1.4.2"
"""The shop's newest version."""


@dataclass(frozen=True)
class Fault:
    """The chances that something goes wrong with a version on a platform."""

    fails: float = 0.003
    """An update that is not set, or rolled back."""
    breaks: float = 0.002
    """A download that breaks after its transfer, while it is unpacked."""
    stalls: float = 0.012
    """A download that stops on the way."""
    stalls_if_old: float = 0.012
    """The same where the plugin is old."""
    crashes: float = 0.001
    """A visit that ends in a crash."""
    never_ready: float = 0.01
    """A launch that the user leaves, or that ends, before the app is ready."""
    slow: float = 0.02
    """A launch that gets ready after more than five seconds."""
    throws: float = 0.02
    """A launch whose page throws, in all likelihood more than once."""


@dataclass(frozen=True)
class Release:
    """A version that is offered: to nobody at the hour `since`, `hours` later to the part `most` of all phones."""

    version: str
    since: float
    hours: float
    most: float = 1.0
    faults: dict[str, Fault] = field(default_factory=dict)
    """By platform."""

    def share(self, hour: float) -> float:
        """The part of all phones that it is offered to."""
        return min(max((hour - self.since) / self.hours, 0), 1) * self.most

    def fault(self, platform: str) -> Fault:
        return self.faults.get(platform, Fault())


@dataclass(frozen=True)
class App:
    """An app's phones by platform, and its versions, the newest first; the last is what they begin with."""

    app_id: str
    phones: dict[str, int]
    releases: tuple[Release, ...]
    old: float = 0.1
    """Share of the phones whose plugin is old: it announces no transfers, and reports neither crashes nor launches."""
    test: bool = False


def _releases(newest: str, before: str, first: str, most: float, faults: dict[str, Fault]) -> tuple[Release, ...]:
    """A version that is being rolled out, the one that it is compared with, and the one that all began with."""
    return (
        Release(newest, START, 6, most, faults),
        Release(before, START - 40, 60),
        Release(first, -99, 1, ALL),
    )


def _apps() -> tuple[App, ...]:
    fails_on_android = Fault(fails=0.085, breaks=0.05)
    crashes_on_android = Fault(crashes=0.05, never_ready=0.05)
    stalls = Fault(stalls_if_old=0.9)
    return (
        App(
            SHOP,
            {"android": 2400, "ios": 1600, "electron": 100, "react-native": 60},
            _releases(BAD, "1.4.1", "1.4.0", 0.5, {"android": fails_on_android}),
        ),
        App(
            NEWS,
            {"android": 1000, "ios": 700},
            _releases("3.1.0", "3.0.9", "3.0.8", 0.9, {}),
        ),
        App(
            CHAT,
            {"android": 1400, "ios": 900},
            _releases("2.7.0", "2.6.3", "2.6.2", 0.8, {"android": crashes_on_android}),
        ),
        App(
            MAPS,
            {"android": 1200, "ios": 800},
            _releases("5.2.0", "5.1.4", "5.1.3", 0.8, {"android": stalls, "ios": stalls}),
            old=0.3,
        ),
        App(
            BANK,
            {"android": 600, "ios": 600},
            _releases("4.3.0", "4.2.1", "4.2.0", 0.8, {"ios": Fault(never_ready=0.4)}),
        ),
        App(
            GYM,
            {"android": 700, "ios": 400},
            _releases("1.9.0", "1.8.2", "1.8.1", 0.8, {"android": Fault(slow=0.35)}),
        ),
        App(
            SHOP,
            {"android": 60, "ios": 40},
            (Release("1.5.0-rc.1", START - 4, 4, 1, {"android": Fault(fails=0.2)}), Release(BAD, -99, 1, ALL)),
            test=True,
        ),
    )


APPS = _apps()


def _firing(name: str, severity: str, app_id: str, *line: str) -> dict[str, str]:
    labels = {"alertname": name, "severity": severity, "app_id": app_id}
    return labels | dict(zip(("platform", "version"), line, strict=False))


FIRING: Final = (
    _firing("CapgoUpdatesFailing", "critical", SHOP, "android", BAD),
    _firing("CapgoVersionWorse", "warning", SHOP, "android", BAD),
    _firing("CapgoDownloadsWorse", "warning", SHOP, "android", BAD),
    _firing("CapgoErrorBudgetBurningSlowly", "warning", SHOP),
    _firing("CapgoVersionCrashesMore", "critical", CHAT, "android", "2.7.0"),
    _firing("CapgoVersionCrashing", "warning", CHAT, "android", "2.7.0"),
    _firing("CapgoLaunchesNotReady", "critical", BANK, "ios", "4.3.0"),
    _firing("CapgoStartsSlower", "warning", GYM, "android", "1.9.0"),
    _firing("CapgoDownloadsNotFinishing", "warning", MAPS, "android", "5.2.0"),
    _firing("CapgoDownloadsWorse", "warning", MAPS, "android", "5.2.0"),
    _firing("CapgoDownloadsWorse", "warning", MAPS, "ios", "5.2.0"),
)
"""The alerts that the rules make of this history at its end."""
