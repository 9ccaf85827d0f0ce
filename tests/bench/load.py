"""The load of the comparison: what is posted in each case, and wrk, which posts it."""

import itertools
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.ledger import event
from tests.support.harness import LOCALHOST

CONNECTIONS: Final = 32
_NUMBER: Final = "@" * 12
"""Stands for the number of the request, see post.lua."""
_SCRIPT: Final = Path(__file__).with_name("post.lua")
_VARIETY: Final = 15
"""Versions times actions of `event`: so many bodies in turn make posts of single events meet them all."""
_firsts = itertools.count(step=10**7)
"""No two runs post the same event."""
_moments = itertools.count(int(time.time() * 1000))


class Case(NamedTuple):
    """Posts of the same form: `sizes` events in turn; a single event, or an array."""

    name: str
    sizes: Sequence[int]
    array: bool = True

    def json(self) -> list[str]:
        """The bodies' templates, as the plugin writes them: an array is of one device."""
        return [self._json(size) for size in self.sizes]

    def _json(self, size: int) -> str:
        events = [_event() for _ in range(size)]
        return json.dumps(events if self.array else events[0], separators=(",", ":"))

    def text(self) -> list[str]:
        """The same events as samples for the pushgateway, which wants each to have labels of its own."""
        return [
            "# TYPE capgo_events_total counter\n" + "".join(_sample(_event()) for _ in range(size))
            for size in self.sizes
        ]

    def bodies(self, number: int) -> list[bytes]:
        """Complete bodies in that number."""
        return [
            body.replace(_NUMBER, f"{index:012d}").encode()
            for index, body in zip(range(number), itertools.cycle(self.json()), strict=False)
        ]


CASES: Final = (
    Case("single events", (1,) * _VARIETY, array=False),
    Case("arrays of 1–5", (1, 2, 3, 4, 5) * (_VARIETY // 5)),
    Case("arrays of 50", (50,)),
    Case("arrays of 200", (200,)),
)


def _event() -> dict[str, object]:
    return event() | {"device_id": f"4f6c0b4e-2f6e-4b47-9a52-{_NUMBER}", "timestamp": next(_moments)}


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
    argv += [f"http://{LOCALHOST}:{target.port}{target.path}", "--", str(templates), str(next(_firsts))]
    argv += [] if rate is None else [str(CONNECTIONS / rate * 1000)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=seconds + 60)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if figures.pop("failed"):
        raise RuntimeError(f"posts to {target} failed:\n{done.stdout}")
    return Posted(**figures)
