"""What ails an app after its install: it crashes, shows a white screen, starts slowly, or its page throws.

A device tells of the end of a process at the next launch only, and under the bundle that runs then. An iOS device takes
a forced quit for a crash, and so tells of a white screen in this way; Android tells of neither.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, get_args

from exporter.simulator.dialects import Platform
from exporter.simulator.phone import Phone, Step

Fault = Literal["crash", "white_screen", "slow_start", "script_errors"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
"""Of visits, of launches, of launches, of visits."""

_USUAL: Final[dict[Fault, float]] = {"crash": 0.002, "white_screen": 0.02, "slow_start": 0.02, "script_errors": 0.01}
"""With every version: some leave before the app is ready, and phones are slow."""

_FORCED_QUITS: Final = 0.03
"""Share of visits that the owner of a phone ends by force."""

_ENDED_BY_THE_SYSTEM: Final = 0.8
_GARBAGE: Final = 0.01
"""Share of durations that say nothing: a clock that was set back, a launch in the background, a page's own words."""

_CRASHES: Final = ("app_crash_native", "app_crash_native", "app_crash", "app_anr")
_LARGEST_CLUMP: Final = 18
_ERRORS: Final = ("webview_javascript_error", "webview_javascript_error", "webview_unhandled_rejection")


class Ailments(NamedTuple):
    """Which share of a version's visits or launches has a fault, by platform, version and fault."""

    shares: Mapping[tuple[Platform, str, Fault], float]

    def strikes(self, phone: Phone, fault: Fault, chance: random.Random) -> bool:
        """Whether the version that runs on a phone has it now."""
        key = phone.dialect.platform, phone.current or phone.native, fault
        return chance.random() < self.shares.get(key, _USUAL[fault])


NONE: Final = Ailments({})


def crash(phone: Phone, chance: random.Random) -> None:
    """The process dies; the next one will tell."""
    phone.death = "app_crash" if phone.dialect.platform == "ios" else chance.choice(_CRASHES)


def quit_by_force(phone: Phone) -> None:
    """The owner ends the app while it is shown."""
    phone.death = "app_crash" if phone.dialect.platform == "ios" else None


def may_quit_by_force(phone: Phone, chance: random.Random) -> bool:
    """Whether the owner does so; tells."""
    forced = chance.random() < _FORCED_QUITS
    if forced:
        quit_by_force(phone)
    return forced


def last_death(phone: Phone) -> Iterator[Step]:
    """What a launch tells of the process before, if its client can.

    Android's `exit_timestamp` is left out: whether it lies before the version was seen first, and so counts under none,
    is for the first phones of a version the network's doing, which no account can know.
    """
    action, phone.death = phone.death, None
    if action is None or phone.reports != "crashes":
        return
    reason = "unclean_foreground_exit" if phone.dialect.platform == "ios" else action.removeprefix("app_")
    yield Step(0.1, action, phone.name(phone.current), metadata={"exit_reason": reason})


def start(phone: Phone, slow: bool, chance: random.Random) -> Iterator[Step]:
    """A page loads, and the app says that it is ready."""
    yield from page(phone, chance)
    if not phone.dialect.has("launch_events"):
        return
    took = chance.randrange(5001, 12_000) if slow else chance.randrange(300, 4000)
    metadata = {"duration_ms": _said(took, chance), "source": "notify_app_ready"}
    yield Step(1.0, "app_launch_ready", phone.name(phone.current), metadata=metadata)


def page(phone: Phone, chance: random.Random) -> Iterator[Step]:
    """A page loads, whatever it then shows. Mostly the system has ended the one before, which is no fault."""
    name, took = phone.name(phone.current), chance.randrange(150, 1800)
    if phone.dialect.has("metadata") and chance.random() < _ENDED_BY_THE_SYSTEM:
        yield Step(0.1, "webview_unclean_restart", name, metadata={"previous_href": "http://localhost/"})
    if not phone.dialect.has("launch_events"):
        return
    dom = {"duration_ms": str(took * 2 // 3)}
    yield Step(0.2, "webview_dom_content_loaded", name, metadata=dom)
    yield Step(0.1, "webview_page_loaded", name, metadata={"duration_ms": _said(took, chance)})


def _said(milliseconds: int, chance: random.Random) -> str:
    return chance.choice(("0", "7264000", "NaN")) if chance.random() < _GARBAGE else str(milliseconds)


def thrown(phone: Phone, chance: random.Random) -> Iterator[Step]:
    """A page throws several times; each message is told once, and at most so many of a page."""
    if not phone.dialect.has("metadata"):
        return
    for number in range(chance.randrange(1, _LARGEST_CLUMP + 1)):
        metadata = {"error_type": "javascript_error", "message": f"x{number} is undefined", "source": "main.js"}
        yield Step(0.2, chance.choice(_ERRORS), phone.name(phone.current), metadata=metadata | {"line": "12"})
