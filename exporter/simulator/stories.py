"""What happens on a phone, in the order and with the names that its plugin version gives it.

A life is an endless row of moments, which `chance` alone decides: never the clock, never the server. So the same seed
tells the same lives, whatever the network does. Orders and names are those of the plugin's `CapgoUpdater.java`,
`CapacitorUpdaterPlugin.java` and `DownloadService.java`, and of their Swift counterparts.
"""

import random
from collections.abc import Callable, Generator, Mapping
from typing import Final

from exporter.simulator.ailments import crash, last_death, may_quit_by_force, page, quit_by_force, start, thrown
from exporter.simulator.dialects import Platform
from exporter.simulator.download import download, progress
from exporter.simulator.install import install
from exporter.simulator.moments import Exit, Launch, Moment, Story
from exporter.simulator.phone import Phone, Step
from exporter.simulator.rollout import Rollout
from exporter.simulator.terse import electron, react_native

_RESET_SHARE: Final = 0.05
"""Share of launches that go back to the native bundle, so that there is always something to download."""
_KILLED_SHARE: Final = 0.05


def life(phone: Phone, rollout: Rollout, idle: float, chance: random.Random) -> Story:
    """All that happens on a phone whose app rests for `idle` seconds on average; endless."""
    phone.current = rollout.old if chance.random() < 0.7 else None
    process = _PROCESSES.get(phone.dialect.platform, _process)
    while True:
        yield Launch(chance.expovariate(1 / idle))
        yield from process(phone, rollout, chance)


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
        yield from progress(phone, bundle, chance, chance.random() < 0.5, stage)
        return False
    else:
        yield from download(phone, bundle, failure, chance)
    if rollout.ailments.strikes(phone, "script_errors", chance):
        yield from thrown(phone, chance)
    if rollout.ailments.strikes(phone, "crash", chance):
        crash(phone, chance)
        return False
    if may_quit_by_force(phone, chance):
        return False
    yield Step(chance.uniform(5.0, 60.0), "app_moved_to_background", phone.name(phone.current))
    if bundle is not None and (failure is None or failure in ("set_fail", "update_fail")):
        yield from install(phone, bundle, failure)
    return True


_PROCESSES: Final[Mapping[Platform, Callable[[Phone, Rollout, random.Random], Story]]] = {
    "electron": electron,
    "react-native": react_native,
}
"""What happens from launch to exit where it is not the plugin's own story."""
