"""Single phones and what they report: the true state of each, so that dashboards can be held against it.

What is sent when is the plugin's custom; see `dashboards/README.md`.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator

from tests.dashboards.scenarios import App, Fault, Release

Event = tuple[str, str]
"""Version and action."""

NOBODY = "unknown"
NATIVE = "1.0.0"
"""The bundle that each app came with."""
OTHER_CLIENTS = ("electron", "react-native")
_CRASHES = {"android": ("app_crash", "app_crash_native", "app_anr"), "ios": ("app_crash",)}
_FORCE_QUITS = {"android": 0.0, "ios": 0.01}
"""The chance that a visit ends in what iOS can't tell from a crash."""
_UNWELL = {
    "android": {"app_killed_low_memory": 0.02, "webview_render_process_gone": 0.002},
    "ios": {"app_memory_warning": 0.01},
}
_NOT_LOADED = {"webview_resource_error": 0.03, "webview_security_policy_violation": 0.001}
"""What a launch may report beside crashes, with its chance."""
_CLUMPS = (1, 1, 1, 2, 2, 3, 5, 18)
"""Errors of a page that throws."""
_BEFORE_ANDROID_11 = 0.12


class Phone:
    """A device of an app: what it runs, which version it tried last, and how far it got with that."""

    __slots__ = (
        "app",
        "crashed",
        "given_up",
        "heard",
        "instance",
        "old",
        "platform",
        "rank",
        "reached",
        "reports",
        "runs",
        "stage",
        "tried",
    )

    def __init__(self, app: App, platform: str, instance: str, chance: random.Random) -> None:
        self.app = app
        self.platform = platform
        self.instance = instance
        self.old = platform not in OTHER_CLIENTS and chance.random() < app.old
        ancient = platform == "android" and chance.random() < _BEFORE_ANDROID_11
        self.reports = "nothing" if self.old else "errors" if ancient else "crashes"
        self.rank = chance.random()
        """It is offered a release that reaches at least this share of the phones."""
        self.runs = self.tried = app.releases[-1].version
        self.stage = "installed"
        self.reached = {"downloading", "downloaded", "installed"}
        self.heard = -1.0
        """The hour; negative: not in this history, and `stage` is that of another one."""
        self.given_up = ""
        self.crashed = False

    def took(self, action: str, chance: random.Random) -> float:
        """Seconds of a launch, or of the load of a page."""
        if action == "webview_page_loaded":
            return chance.lognormvariate(-0.4, 0.5)
        slow = chance.random() < self.release().fault(self.platform).slow
        return chance.uniform(5.2, 14) if slow else min(chance.lognormvariate(0.1, 0.4), 4.9)

    def offered(self, hour: float) -> Release:
        return next(release for release in self.app.releases if release.share(hour) > self.rank)

    def release(self) -> Release:
        """That of the version it runs."""
        return next(release for release in self.app.releases if release.version == self.runs)

    def visit(self, hour: float, chance: random.Random) -> Iterator[Event]:
        """The events of one time that the app is opened; an update is taken at its end."""
        if self.platform in OTHER_CLIENTS:
            yield from self._launch(hour, chance)
            return
        yield from self._opened(chance)
        if self.crashed and chance.random() < 0.7:
            yield from self._opened(chance)
        offer = self.offered(hour)
        if offer.version not in (self.runs, self.given_up):
            yield from self._update(offer, chance)
        yield self.runs, "app_moved_to_background"

    def _launch(self, hour: float, chance: random.Random) -> Iterator[Event]:
        """Clients of other kinds set their bundle at every launch, and say nothing of a download but its end."""
        offer = self.offered(hour)
        if offer.version != self.runs:
            if chance.random() < 0.02:
                yield offer.version, "download_fail"
            else:
                yield offer.version, "download_complete"
                self.runs = offer.version
        yield self.runs, "set"

    def _opened(self, chance: random.Random) -> Iterator[Event]:
        fault = self.release().fault(self.platform)
        if not self.old:
            yield self.runs, "app_launch_start"
            yield from ((self.runs, action) for action in self._mishaps(fault, chance))
            if chance.random() >= fault.never_ready:
                yield self.runs, "app_launch_ready"
                yield self.runs, "webview_page_loaded"
        yield self.runs, "app_moved_to_foreground"
        self.crashed = chance.random() < fault.crashes + _FORCE_QUITS[self.platform]

    def _mishaps(self, fault: Fault, chance: random.Random) -> Iterator[str]:
        """What a launch tells of the one before it, and of its page."""
        if self.reports == "crashes":
            if self.crashed:
                yield chance.choice(_CRASHES[self.platform])
            yield from (action for action, share in _UNWELL[self.platform].items() if chance.random() < share)
        if chance.random() < fault.throws:
            kinds = ("webview_javascript_error", "webview_unhandled_rejection")
            yield from chance.choices(kinds, (4, 1), k=chance.choice(_CLUMPS))
        yield from (action for action, share in _NOT_LOADED.items() if chance.random() < share)

    def _update(self, offer: Release, chance: random.Random) -> Iterator[Event]:
        fault = offer.fault(self.platform)
        arrived = yield from self._download(offer.version, fault, chance)
        if arrived:
            yield offer.version, "set_next"
            yield from self._install(offer.version, fault, chance)

    def _download(self, version: str, fault: Fault, chance: random.Random) -> Generator[Event, None, bool]:
        """Whether the bundle is on the phone in the end."""
        way = "manifest" if chance.random() < 0.3 and not self.old else "zip"
        # A second download in one run of an Android app reports no progress.
        silent = self.platform == "android" and not self.old and chance.random() < 0.1
        stops = chance.random() < (fault.stalls_if_old if self.old else fault.stalls)
        yield from self._transfer(
            version, way, chance.choice((20, 30, 30, 40, 40, 50)) if stops else 100, silent, chance
        )
        if stops:
            if chance.random() < 0.3:
                yield NOBODY, "download_fail"
            return False
        if chance.random() < fault.breaks:
            yield from self._break(version, way, chance)
            return False
        if not silent:
            unpacked = (80, 90) if self.platform == "android" or way == "zip" else ()
            yield from ((version, f"download_{step}") for step in unpacked)
        yield version, "download_complete"
        return True

    def _transfer(self, version: str, way: str, reached: int, silent: bool, chance: random.Random) -> Iterator[Event]:
        if not self.old:
            yield version, f"download_{way}_start"
        if not silent:
            misnamed = 0 if self.old and self.platform == "ios" else None
            for step in self._steps(way, chance):
                if step <= reached:
                    yield NATIVE if step == misnamed else version, f"download_{step}"
        if not self.old and reached == 100:
            yield version, f"download_{way}_complete"

    def _break(self, version: str, way: str, chance: random.Random) -> Iterator[Event]:
        """Android names the version as well; iOS tells of zips only, under the version that runs."""
        yield self.runs, chance.choice(("unzip_fail", "unzip_fail", "checksum_fail"))
        if self.platform == "android":
            yield version, "finish_download_fail"
        if way == "manifest":
            yield from ((version, "download_manifest_checksum_fail") for _ in range(3))

    def _steps(self, way: str, chance: random.Random) -> list[int]:
        if self.platform == "android":
            return [step for step in range(10, 80, 10) if step == 70 or chance.random() < 0.9]
        if way == "zip":
            return [0, *range(10, 70, 10), 70] if self.old else [0, 70]
        return [0, 10, 10, 20, 20, 20, 30, 30, 40, 50, 50, 60, 60, 70]

    def _install(self, version: str, fault: Fault, chance: random.Random) -> Iterator[Event]:
        if chance.random() < fault.fails / 3:
            yield version, "set_fail"
            self.given_up = version
            return
        before, self.runs = self.runs, version
        yield version, "set"
        if chance.random() < fault.fails * 2 / 3:
            yield version, "update_fail"
            self.runs, self.given_up = before, version
            yield before, "set"  # the rollback puts the version before in place again
