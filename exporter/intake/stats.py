"""The resource that devices post their events to, and what it answers."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from hmac import compare_digest
from random import randint
from typing import Final

import falcon

from exporter.intake.committer import Answer, Ingest, OverloadedError
from exporter.metrics.telemetry import Telemetry
from exporter.replies import OK, RequestRefusedError, refuse, reply
from exporter.storage.journal import StorageUnavailableError
from exporter.wire.events import MalformedBodyError, TooManyEventsError
from exporter.wire.refusals import EVENT_REFUSALS, REQUEST_REFUSALS, error_body

RETRY_SECONDS: Final = (5, 20)
"""Retry-After is chosen between these, for a fleet that came at once must not come back at once."""

_USER_AGENT: Final = re.compile(r"CapacitorUpdater/(\d{1,4})\.(\d{1,4})\.(\d{1,4})", re.ASCII)
_FIRST_TO_WAIT: Final = {6: (6, 51, 16), 7: (7, 51, 15), 9: (11,), 10: (11,)}
"""By major version; 9 and 10 are accidental releases of the age of 5.0."""


class StatsResource:
    """`/stats`: where devices post their events."""

    def __init__(self, ingest: Ingest, telemetry: Telemetry, max_body: int, token: str) -> None:
        """With a `token`, the route's path has a parameter of that name, which must equal it."""
        self._ingest = ingest
        self._telemetry = telemetry
        self._max_body = max_body
        self._token = token.encode()

    def on_get(self, _req: falcon.Request, resp: falcon.Response, token: str = "") -> None:
        """A person, or a probe, that asks whether the address is right."""
        self._check(token)
        reply(resp, OK)

    def on_options(self, _req: falcon.Request, _resp: falcon.Response, token: str = "") -> None:
        """Refused: Falcon's own answer would be a 2xx with an empty body."""
        self._check(token)
        raise falcon.HTTPMethodNotAllowed(["GET", "POST"])

    def on_post(self, req: falcon.Request, resp: falcon.Response, token: str = "") -> None:
        """Count the events of the body, one object or an array of them."""
        self._check(token)
        body = self._body(req)
        started = time.perf_counter()
        try:
            answer = self._ingest.post(body)
        except MalformedBodyError:
            raise RequestRefusedError("invalid_json_parse_body") from None
        except TooManyEventsError:
            raise RequestRefusedError("too_many_events") from None
        except StorageUnavailableError:
            raise RequestRefusedError("storage_unavailable") from None
        except OverloadedError:
            _turn_away(req, resp)
            return
        finally:
            self._telemetry.request_seconds.observe(time.perf_counter() - started)
        _answer(resp, answer)

    def _check(self, token: str) -> None:
        if not compare_digest(token.encode("utf-8", "replace"), self._token):
            raise RequestRefusedError("not_found")

    def _body(self, req: falcon.Request) -> bytes:
        if req.env.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            raise RequestRefusedError("unsupported_encoding")
        body: bytes = req.stream.read(self._max_body + 1)  # our servers end it with the body
        if len(body) > self._max_body:
            raise RequestRefusedError("body_too_large")
        return body


def _turn_away(req: falcon.Request, resp: falcon.Response) -> None:
    """Refuse a post for now, in the way that its client understands."""
    refuse(resp, "overloaded")
    resp.status, headers = overload_reply(req.user_agent or "")
    resp.set_headers(headers)


def overload_reply(user_agent: str) -> tuple[int, dict[str, str]]:
    """The status, and more headers, with which a client is turned away for now."""
    if honours_retry_after(user_agent):
        return 429, {"Retry-After": str(randint(*RETRY_SECONDS))}  # noqa: S311 - to spread clients, not to hide
    return REQUEST_REFUSALS["overloaded"].status, {}


def honours_retry_after(user_agent: str) -> bool:
    """Whether a client waits after a 429 and then sends its events again.

    Older plugins that meet a 429 stop their stats and their channel calls until the app restarts; to them a 503 is an
    error like any other (source: the plugin's `CapgoUpdater.java`, `handleRateLimit`).
    """
    match = _USER_AGENT.match(user_agent)
    if match is None:
        return False
    number = tuple(map(int, match.groups()))
    return number >= _FIRST_TO_WAIT.get(number[0], (8, 51, 5))


def _answer(resp: falcon.Response, answer: Answer) -> None:
    rejected = answer.rejected
    if rejected:
        resp.context["rejected"] = Counter(rejected.values())
    if answer.array:
        reply(resp, _results(answer) if rejected else _all_ok(answer.events))
    elif not rejected:
        reply(resp, OK)
    else:
        status, message = EVENT_REFUSALS[rejected[0]]
        reply(resp, error_body(rejected[0], message), status)


def _results(answer: Answer) -> bytes:
    return b'{"status":"ok","results":[' + b",".join(_each(answer)) + b"]}"


def _each(answer: Answer) -> Iterator[bytes]:
    for index in range(answer.events):
        reason = answer.rejected.get(index)
        if reason is None:
            yield b'{"status":"ok","index":%d}' % index
        else:
            message = EVENT_REFUSALS[reason].message
            yield f'{{"status":"error","error":"{reason}","message":"{message}","index":{index}}}'.encode()


@lru_cache(256)
def _all_ok(events: int) -> bytes:
    return _results(Answer({}, events, array=True))
