"""What a post is answered: status and body, and how a client is turned away in a language that it understands."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from random import randint
from typing import Final

from exporter.intake.answer import Answer
from exporter.intake.post import Post
from exporter.replies import OK
from exporter.wire.events import Reason
from exporter.wire.plugins import ACCIDENTAL, number
from exporter.wire.refusals import EVENT_REFUSALS, REQUEST_REFUSALS, error_body

RETRY_SECONDS: Final = (5, 20)
"""Retry-After is chosen between these, for a fleet that came at once must not come back at once."""

_USER_AGENT: Final = re.compile(r"CapacitorUpdater/(\S+)")
_FIRST_TO_WAIT: Final = {6: (6, 51, 16), 7: (7, 51, 15)}
"""By major version; later majors have it from their beginning."""


def refused(name: str) -> Answer:
    """The request is refused as a whole; `name` is a key of `REQUEST_REFUSALS`."""
    status, message = REQUEST_REFUSALS[name]
    return Answer(status, error_body(name, message), refusal=name)


def turned_away(user_agent: str) -> Answer:
    """The post is refused for now."""
    answer = refused("overloaded")
    if honours_retry_after(user_agent):
        seconds = randint(*RETRY_SECONDS)  # noqa: S311 - to spread clients, not to hide
        return answer._replace(status=429, retry_after=seconds)
    return answer


def honours_retry_after(user_agent: str) -> bool:
    """Whether a client waits after a 429 and then sends its events again.

    Older plugins that meet a 429 stop their stats and their channel calls until the app restarts; to them a 503 is an
    error like any other (source: the plugin's `CapgoUpdater.java`, `handleRateLimit`).
    """
    match = _USER_AGENT.match(user_agent)
    version = number(match[1]) if match and match[1] not in ACCIDENTAL else None
    return version is not None and version >= _FIRST_TO_WAIT.get(version[0], (8, 51, 5))


def taken(post: Post) -> Answer:
    """The events were counted, but for those that were rejected."""
    rejected = post.rejected
    if not rejected:
        return _all_ok(post.elements) if post.array else _OK
    reasons = Counter(rejected.values())
    if post.array:
        return Answer(200, _results(rejected, post.elements), rejected=reasons)
    status, message = EVENT_REFUSALS[rejected[0]]
    return Answer(status, error_body(rejected[0], message), rejected=reasons)


_OK: Final = Answer(200, OK)


@lru_cache(256)
def _all_ok(events: int) -> Answer:
    return Answer(200, _results({}, events))


def _results(rejected: Mapping[int, Reason], events: int) -> bytes:
    return b'{"status":"ok","results":[' + b",".join(_each(rejected, events)) + b"]}"


def _each(rejected: Mapping[int, Reason], events: int) -> Iterator[bytes]:
    for index in range(events):
        reason = rejected.get(index)
        if reason is None:
            yield b'{"status":"ok","index":%d}' % index
        else:
            message = EVENT_REFUSALS[reason].message
            yield f'{{"status":"error","error":"{reason}","message":"{message}","index":{index}}}'.encode()
