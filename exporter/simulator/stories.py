"""What happens on a phone, in the order and with the names that its plugin version gives it.

A life is an endless row of moments, which `chance` alone decides: never the clock, never the server. So the same seed
tells the same lives, whatever the network does. Orders and names are those of the plugin's `CapgoUpdater.java`,
`CapacitorUpdaterPlugin.java` and `DownloadService.java`, and of their Swift counterparts.
"""

import random
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Final, NamedTuple

from exporter.simulator.ailments import (
    NONE,
    Ailments,
    crash,
    last_death,
    may_quit_by_force,
    page,
    quit_by_force,
    start,
    thrown,
)
from exporter.simulator.dialects import Dialect, Platform
from exporter.simulator.phone import Phone, Step, some_id
from exporter.simulator.told import Attempt

_MANIFEST_FAILURES: Final = (
    "download_manifest_file_fail",
    "download_manifest_checksum_fail",
    "download_manifest_brotli_fail",
)
_DOWNLOAD_FAILURES: Final = ("download_fail", "checksum_fail", "unzip_fail", "finish_download_fail")
FAILURES: Final = (*_MANIFEST_FAILURES, *_DOWNLOAD_FAILURES, "set_fail", "update_fail")
STAGES: Final = tuple(str(stage) for stage in range(10, 100, 10))

_FAILURES_OF: Final[Mapping[Platform, tuple[str, ...]]] = {
    "electron": ("download_fail", "set_fail"),
    "react-native": ("set_fail",),
}

_UPTAKE: Final = 0.3
"""Share of update checks that offer the next bundle: a rollout reaches devices over several launches."""
_RESET_SHARE: Final = 0.05
"""Share of launches that go back to the native bundle, so that there is always something to download."""
_KILLED_SHARE: Final = 0.05
_FILES: Final = ("index.html.br", "main.js.br", "assets/logo @2x.png", "assets/i18n/de.json.br", "assets/app [1].css")
_MESSAGE: Final = "TypeError: Cannot read properties of undefined (reading 'total')"
_THROWN: Final = {
    "error_type": "javascript_error",
    "message": _MESSAGE,
    "source": "main.4f2a.js",
    "line": "1187",
    "column": "31",
    "stack": f"{_MESSAGE}\n    at CartPage.render (main.4f2a.js:1187:31)",
    "href": "http://localhost/cart",
}
_TIMEOUT: Final = {"timeout_ms": "10000", "source": "notify_app_ready"}


class Launch(NamedTuple):
    """The app's process starts."""

    after: float


class Exit(NamedTuple):
    """The process ends; a killed one while it posts."""

    after: float
    killed: bool


Moment = Step | Launch | Exit
Story = Iterator[Moment]


class Rollout(NamedTuple):
    """Two versions, and what goes wrong with the new one: shares of its installs, by platform and action or stage."""

    old: str
    new: str
    failures: Mapping[tuple[Platform, str], float]
    stalls: Mapping[Platform, Mapping[str, float]]
    base_failure: float
    ailments: Ailments = NONE

    def offer(self, phone: Phone, chance: random.Random) -> str | None:
        """What an update check finds."""
        if chance.random() >= _UPTAKE or phone.current == self.new:
            return None
        bundle = self.old if phone.current is None and chance.random() < 0.5 else self.new
        return None if bundle in phone.failed else bundle

    def failure(self, phone: Phone, bundle: str, chance: random.Random) -> str | None:
        """How this install is to fail, if it is."""
        chosen = self.failures if bundle == self.new else {}
        for failure in FAILURES:
            share = chosen.get((phone.dialect.platform, failure), self.base_failure)
            if chance.random() < share and _knows(phone.dialect, failure):
                return failure
        return None

    def stall(self, phone: Phone, bundle: str, chance: random.Random) -> int:
        """The stage that this download does not reach; 100 if it reaches all."""
        if bundle == self.new:
            for stage, share in sorted(self.stalls.get(phone.dialect.platform, {}).items()):
                if chance.random() < share:
                    return int(stage)
        return 100


def _knows(dialect: Dialect, failure: str) -> bool:
    """Whether the client has a word for it."""
    if dialect.platform in _FAILURES_OF:
        return failure in _FAILURES_OF[dialect.platform]
    if failure in _MANIFEST_FAILURES:
        return dialect.has("manifests")
    if failure == "finish_download_fail":
        return dialect.platform == "android" and dialect.has("finish_fail")
    return failure != "unzip_fail" or dialect.has("unzip_fail")


def life(phone: Phone, rollout: Rollout, idle: float, chance: random.Random) -> Story:
    """All that happens on a phone whose app rests for `idle` seconds on average; endless."""
    phone.current = rollout.old if chance.random() < 0.7 else None
    process = _PROCESSES.get(phone.dialect.platform, _process)
    while True:
        yield Launch(chance.expovariate(1 / idle))
        yield from process(phone, rollout, chance)


def _launched(phone: Phone) -> Attempt | None:
    return None if phone.current is None else Attempt(phone.current, "launched")


def _electron(phone: Phone, rollout: Rollout, chance: random.Random) -> Story:
    """It says `set` at every launch, and reports a download only when it is over."""
    yield Step(1.0, "set", phone.name(phone.current), attempt=_launched(phone))
    bundle = rollout.offer(phone, chance)
    if bundle is not None:
        failure = rollout.failure(phone, bundle, chance)
        if rollout.stall(phone, bundle, chance) == 100:
            what = {None: "downloaded", "download_fail": "breaks"}.get(failure, "failed")
            yield Step(4.0, failure or "download_complete", bundle, attempt=Attempt(bundle, what))
            phone.current = bundle if failure is None else phone.current
    yield Exit(60.0, killed=False)


def _react_native(phone: Phone, rollout: Rollout, chance: random.Random) -> Story:
    """It says `set` at every launch and at every install, and `get` itself; of a download it says nothing.

    On Android a bundle that can't be set is told by its id.
    """
    yield Step(1.0, "set", phone.name(phone.current), attempt=_launched(phone))
    bundle = rollout.offer(phone, chance)
    if bundle is not None:
        yield Step(0.5, "get", bundle)
        failure = rollout.failure(phone, bundle, chance)
        if rollout.stall(phone, bundle, chance) == 100:
            names_id = failure is not None and phone.system == "android"
            name = some_id(chance) if names_id else bundle
            attempt = None if names_id else Attempt(bundle, "failed" if failure else "installed")
            yield Step(4.0, failure or "set", name, names_id=names_id, attempt=attempt)
            phone.current = bundle if failure is None else phone.current
    yield Exit(60.0, killed=False)


def _process(phone: Phone, rollout: Rollout, chance: random.Random) -> Story:
    phone.percent = 0
    yield from _start(phone, chance)
    white = rollout.ailments.strikes(phone, "white_screen", chance)
    alive = True
    for visit in range(chance.choice((1, 1, 2, 3))):
        yield Step(0.3 if visit == 0 else 30.0, "app_moved_to_foreground", phone.name(phone.current))
        if white:
            yield from page(phone, chance)
            quit_by_force(phone)
            alive = False
        else:
            if visit == 0:
                yield from start(phone, rollout.ailments.strikes(phone, "slow_start", chance), chance)
            alive = yield from _visit(phone, rollout, chance)
        if not alive:
            break
    killed = not alive or chance.random() < _KILLED_SHARE
    yield Exit(0.2 if killed else 5.0, killed)


def _start(phone: Phone, chance: random.Random) -> Story:
    dialect, name = phone.dialect, phone.name(phone.current)
    yield from last_death(phone)
    if dialect.has("launch_events"):
        yield Step(0.1, "app_launch_start", name, metadata={"source": "plugin_load"})
    if phone.current is not None and chance.random() < _RESET_SHARE:
        before, phone.current = phone.name(phone.current), None
        phone.failed = frozenset()
        yield Step(0.1, "reset", phone.native_name, before)


def _visit(phone: Phone, rollout: Rollout, chance: random.Random) -> Generator[Moment, None, bool]:
    """From an update check to the background, where a downloaded bundle is put in place; False if the app dies."""
    bundle = rollout.offer(phone, chance)
    failure = rollout.failure(phone, bundle, chance) if bundle is not None else None
    if bundle is None:
        if phone.dialect.ignored_download_fail:  # what these call an answer without an update
            yield Step(0.5, "download_fail", phone.name(phone.current))
    elif (stage := rollout.stall(phone, bundle, chance)) < 100:
        yield from _download(phone, bundle, chance, chance.random() < 0.5, stage)
        return False
    else:
        yield from _attempt(phone, bundle, failure, chance)
    if rollout.ailments.strikes(phone, "script_errors", chance):
        yield from thrown(phone, chance)
    if rollout.ailments.strikes(phone, "crash", chance):
        crash(phone, chance)
        return False
    if may_quit_by_force(phone, chance):
        return False
    yield Step(chance.uniform(5.0, 60.0), "app_moved_to_background", phone.name(phone.current))
    if bundle is not None and (failure is None or failure in ("set_fail", "update_fail")):
        yield from _install(phone, bundle, failure)
    return True


def _attempt(phone: Phone, bundle: str, failure: str | None, chance: random.Random) -> Story:
    manifest = failure in _MANIFEST_FAILURES or (
        phone.dialect.has("manifests") and failure != "unzip_fail" and chance.random() < 0.5
    )
    breaks = failure in _MANIFEST_FAILURES or failure == "download_fail"
    yield from _download(phone, bundle, chance, manifest, chance.randrange(20, 90) if breaks else 100)
    current = phone.name(phone.current)
    if failure in _MANIFEST_FAILURES:
        yield from _broken_files(phone, bundle, failure, chance)
    if breaks:
        forgets = phone.dialect.platform == "android" and phone.dialect.has("finish_fail")
        yield Step(0.3, "download_fail", None if forgets else current, attempt=Attempt(bundle, "breaks"))
        return
    if phone.dialect.has("manifests"):
        yield _transfer(phone, bundle, "manifest" if manifest else "zip", "complete")
    if failure in ("checksum_fail", "unzip_fail", "finish_download_fail"):
        names_new = failure == "finish_download_fail" or (
            failure == "checksum_fail" and phone.dialect.platform == "ios"
        )
        name = _about(phone, bundle) if names_new else current
        what = "failed" if failure == "finish_download_fail" else "breaks"
        yield Step(0.3, failure, name, attempt=Attempt(bundle, what))
        return
    yield Step(0.3, "download_complete", _about(phone, bundle), attempt=Attempt(bundle, "downloaded"))
    if phone.dialect.has("set_next"):
        yield Step(0.1, "set_next", bundle, current, attempt=Attempt(bundle, "downloaded"))


def _transfer(phone: Phone, bundle: str, kind: str, what: str) -> Step:
    """On Android the download worker posts these itself."""
    alone = phone.dialect.platform == "android"
    return Step(0.2, f"download_{kind}_{what}", bundle, alone=alone, attempt=Attempt(bundle, "downloading"))


def _about(phone: Phone, bundle: str) -> str:
    """The name in an event about a bundle: old clients always send the running one's."""
    return bundle if phone.dialect.has("names_subject") else phone.name(phone.current)


def _download(phone: Phone, bundle: str, chance: random.Random, manifest: bool, end: int) -> Story:
    """The progress of a download that gets to less than `end` percent, 100 for all of it."""
    dialect = phone.dialect
    if dialect.has("manifests"):
        yield _transfer(phone, bundle, "manifest" if manifest else "zip", "start")
    if not dialect.has("percents"):
        return
    steps = _ios_steps(dialect, manifest, chance) if dialect.platform == "ios" else _android_steps(phone, chance, end)
    for stage in steps:
        if stage >= end:
            return
        unnamed = stage == 0 and dialect.platform == "ios" and not manifest and not dialect.has("ios_progress_named")
        attempt = None if unnamed else Attempt(bundle, "downloading")
        yield Step(0.4, f"download_{stage}", "builtin" if unnamed else _about(phone, bundle), attempt=attempt)


def _android_steps(phone: Phone, chance: random.Random, end: int) -> Iterator[int]:
    """Percents come as the network delivers them; newer clients floor them to tens, and the last step said is kept
    as long as the process lives: a second download in it says none."""
    if not phone.dialect.has("latched_percent"):
        yield from range(0, 100, 10)
        return
    percent = 0
    while (percent := percent + chance.randrange(1, 9)) < min(end, 100):
        step = percent // 10 * 10
        if step > phone.percent:
            phone.percent = step
            yield step


def _ios_steps(dialect: Dialect, manifest: bool, chance: random.Random) -> Iterator[int]:
    """A manifest reports after each file, so that a step comes as often as files end in it."""
    yield 0
    if manifest:
        files = chance.randrange(4, 15)
        yield from (10 + 60 * done // files // 10 * 10 for done in range(1, files + 1))
        return
    yield from (70, 80, 90) if dialect.has("ios_progress_named") else range(10, 100, 10)


def _broken_files(phone: Phone, bundle: str, failure: str, chance: random.Random) -> Story:
    """Android reports a file that can't be fetched twice, by its base name and by its path."""
    android = phone.dialect.platform == "android"
    for path in chance.sample(_FILES, chance.randrange(1, 4)):
        bare = path.removesuffix(".br")
        if failure != "download_manifest_file_fail":
            yield Step(0.1, failure, f"{bundle}:{bare}", alone=android)
            continue
        if android:
            yield Step(0.1, failure, f"{bundle}:{bare.rpartition('/')[2]}", alone=True)
        yield Step(0.1, failure, f"{bundle}:{path}", alone=android)


def _install(phone: Phone, bundle: str, failure: str | None) -> Story:
    before, previous = phone.name(phone.current), phone.current
    if failure == "set_fail":
        phone.failed |= {bundle}
        yield Step(0.2, "set_fail", _about(phone, bundle), attempt=Attempt(bundle, "failed"))
        return
    phone.current = bundle
    yield Step(0.2, "set", bundle, before, attempt=Attempt(bundle, "installed"))
    if failure == "update_fail":
        yield from _roll_back(phone, bundle, previous)
    elif previous is not None:
        yield Step(1.0, "delete", _about(phone, previous))


def _roll_back(phone: Phone, bundle: str, previous: str | None) -> Story:
    """The app did not call `notifyAppReady` in time, because its page threw."""
    phone.failed |= {bundle}
    if phone.dialect.has("metadata"):
        yield Step(1.4, "webview_javascript_error", bundle, metadata=_THROWN)
    if phone.dialect.has("launch_events"):
        yield Step(10.0, "app_launch_timeout", bundle, metadata=_TIMEOUT)
    yield Step(0.01, "update_fail", bundle, attempt=Attempt(bundle, "failed"))
    if not phone.dialect.has("quiet_rollback"):
        phone.current = None
        yield Step(0, "reset", phone.native_name, bundle)
    phone.current = previous
    if previous is not None:
        yield Step(0, "set", previous, phone.native_name, restores=True)
    yield Step(0.1, "delete", _about(phone, bundle))


_PROCESSES: Final[Mapping[Platform, Callable[[Phone, Rollout, random.Random], Story]]] = {
    "electron": _electron,
    "react-native": _react_native,
}
"""What happens from launch to exit where it is not the plugin's own story."""
