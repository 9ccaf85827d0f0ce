"""What happens from launch to exit where the client tells little: on Electron, and on React Native."""

import random

from exporter.simulator.moments import Exit, Story
from exporter.simulator.phone import Phone, Step, some_id
from exporter.simulator.rollout import Rollout
from exporter.simulator.told import Attempt


def _launched(phone: Phone) -> Attempt | None:
    return None if phone.current is None else Attempt(phone.current, "launched")


def electron(phone: Phone, rollout: Rollout, chance: random.Random) -> Story:
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


def react_native(phone: Phone, rollout: Rollout, chance: random.Random) -> Story:
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
