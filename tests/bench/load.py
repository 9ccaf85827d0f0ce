"""The load of the comparison: what is posted in each case, and wrk, which posts it."""

import itertools
import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.ledger import ACTIONS, event
from tests.support.harness import LOCALHOST

CONNECTIONS: Final = 32
_NUMBER: Final = "@" * 10
"""Stands for the number of the request, see post.lua; a tenth of a second passes from one to the next."""
_DEVICE: Final = "@" * 4
"""Stands for its last digits: so many devices post in turn, as a fleet's do again and again."""
_SCRIPT: Final = Path(__file__).with_name("post.lua")
_VERSIONS: Final = 3
_VARIETY: Final = _VERSIONS * len(ACTIONS)
"""So many bodies in turn make single events meet all series. A device is of one of them, and so of one version."""
_EPOCH: Final = 10**10
"""The first digit of a moment in tenths of a second since the epoch, which stands in the templates."""


class Case(NamedTuple):
    """Posts of the same form: `sizes` events in turn; a single event, or an array."""

    name: str
    sizes: Sequence[int]
    array: bool = True

    def json(self) -> list[str]:
        """The bodies' templates, as the plugin writes them: an array is of one device."""
        return [self._json(sender, size) for sender, size in enumerate(self.sizes)]

    def _json(self, sender: int, size: int) -> str:
        events = [_event(sender, index) for index in range(size)]
        text = json.dumps(events if self.array else events[0], separators=(",", ":"))
        return re.sub(r'"timestamp":"([^"]+)"', r'"timestamp":\1', text)  # a number, once it is complete

    def text(self) -> list[str]:
        """The same events as samples for the pushgateway, which wants each to have labels of its own."""
        return [
            "# TYPE capgo_events_total counter\n" + "".join(_sample(_event(sender, index)) for index in range(size))
            for sender, size in enumerate(self.sizes)
        ]

    def bodies(self, number: int) -> list[bytes]:
        """Complete bodies in that number."""
        return [
            _numbered(body, index)
            for index, body in zip(
                itertools.count(_now()), itertools.islice(itertools.cycle(self.json()), number), strict=False
            )
        ]


CASES: Final = (
    Case("single events", (1,) * _VARIETY, array=False),
    Case("arrays of 1–5", (1, 2, 3, 4, 5) * (_VARIETY // 5)),
    Case("arrays of 50", (50,) * _VARIETY),
    Case("arrays of 200", (200,) * _VARIETY),
)


def _event(sender: int, index: int) -> dict[str, object]:
    """The one with that index in an array of that kind of device: a millisecond after the one before."""
    return event() | {
        "device_id": f"4f6c0b4e-2f6e-4b47-9a52-{sender:08d}{_DEVICE}",
        "version_name": f"1.2.{sender % _VERSIONS}",
        "action": ACTIONS[(sender + index) % len(ACTIONS)],
        "timestamp": f"1{_NUMBER}{index % 100:02d}",
    }


def _now() -> int:
    """The number of a request that is made now."""
    return int(time.time() * 10) - _EPOCH


def _numbered(body: str, number: int) -> bytes:
    digits = f"{number:010d}"
    return body.replace(_NUMBER, digits).replace(_DEVICE, digits[-len(_DEVICE) :]).encode()


class _Numbers:
    """The requests' numbers: no two runs post the same event, and time goes on."""

    def __init__(self) -> None:
        self._next = _now()

    def take(self, number: int) -> None:
        """So many were made."""
        self._next += number

    @property
    def first(self) -> int:
        """That of the next one."""
        return self._next


_numbers = _Numbers()


def _sample(fields: Mapping[str, object]) -> str:
    names = {"version": "version_name"} | {
        name: name for name in ("app_id", "action", "platform", "device_id", "timestamp")
    }
    labels = ",".join(f'{label}="{fields[name]}"' for label, name in names.items())
    return f"capgo_events_total{{{labels}}} 1\n"


class Posted(NamedTuple):
    """What wrk did: posts answered with 2xx, posts and events sent at all, latency in ms."""

    seconds: float
    posts: int
    sent_posts: int
    sent_events: int
    p50: float
    p99: float

    @property
    def events(self) -> float:
        """Events in the posts that were answered; where sizes differ, by the mean."""
        return self.posts * self.sent_events / self.sent_posts

    @property
    def unanswered(self) -> int:
        """Posts under way at the end, of which the server may have counted some."""
        return self.sent_posts - self.posts


class Target(NamedTuple):
    """Where posts go and in which form."""

    port: int
    path: str = "/stats"
    as_text: bool = False


def post(target: Target, case: Case, seconds: int, directory: Path, rate: float | None = None) -> Posted:
    """Post for so long (wrk knows whole seconds): as fast as answers come, or about `rate` posts a second.

    Raises `RuntimeError` if a post was answered otherwise than with 2xx, or not at all.
    """
    templates = directory / "templates"
    templates.write_text("\f".join(case.text() if target.as_text else case.json()))
    argv = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(_SCRIPT)]
    argv += ["-H", f"Content-Type: {'text/plain' if target.as_text else 'application/json'}"]
    argv += [f"http://{LOCALHOST}:{target.port}{target.path}", "--", str(templates), str(_numbers.first)]
    argv += [] if rate is None else [str(CONNECTIONS / rate * 1000)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=seconds + 60)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    _numbers.take(figures["sent_posts"])
    if figures.pop("failed"):
        raise RuntimeError(f"posts to {target} failed:\n{done.stdout}")
    return Posted(**figures)
