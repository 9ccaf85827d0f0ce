"""Where devices post their events: the resource of the public port."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import falcon
import falcon.asgi
import structlog

from exporter.intake.answer import Answer
from exporter.intake.answers import refused, taken, turned_away
from exporter.intake.content_encoding import is_compressed
from exporter.intake.gathering import Gathering, OverloadedError
from exporter.intake.paths import StatsPaths
from exporter.intake.post import Arrival, Post
from exporter.intake.turns import PATIENCE
from exporter.metrics.telemetry import Telemetry
from exporter.replies import OK, RequestRefusedError, reply
from exporter.storage.errors import StorageUnavailableError
from exporter.wire.events import MalformedBodyError, TooManyEventsError, decode_carefully, decode_strictly
from exporter.wire.fingerprints import Fingerprints
from exporter.wire.labels import Label

LARGE_BODY: Final = 64 * 1024
"""Bytes above which a body is decoded apart, one at a time: it holds nobody up, and of what it decodes to, which may
take 20 times its memory, there is only one."""

_log = structlog.get_logger("stats")


class StatsResource:
    """`/stats`, as Falcon calls it; `take` is its own way in."""

    def __init__(
        self,
        gathering: Gathering,
        label: Label,
        fingerprints: Fingerprints,
        telemetry: Telemetry,
        max_body: int,
        max_batch: int,
        paths: StatsPaths,
    ) -> None:
        self.max_body = max_body
        self._gathering = gathering
        self._label = label
        self._fingerprints = fingerprints
        self._telemetry = telemetry
        self._max_batch = max_batch
        self._paths = paths
        self._apart = ThreadPoolExecutor(1, "decode")
        gathering.on_decided(self._decided)

    # As Falcon calls it.

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str = "") -> None:
        """A person, or a probe, that asks whether the address is right."""
        self._check(token)
        reply(resp, OK)

    on_head = on_get

    async def on_options(self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response, token: str = "") -> None:
        """Refused: Falcon's own answer would be a 2xx with an empty body."""
        self._check(token)
        raise falcon.HTTPMethodNotAllowed(["GET", "HEAD", "POST"])

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str = "") -> None:
        """Count the events of the body, one object or an array of them."""
        self._check(token)
        body = await req.stream.read(self.max_body + 1)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        encoding, user_agent = req.get_header("Content-Encoding") or "", req.user_agent or ""
        self.take(body, encoding, user_agent, partial(_resolve, answered))
        _write(resp, await answered)

    def _check(self, token: str) -> None:
        if not self._paths.admits(token):
            raise RequestRefusedError("not_found")

    # Its own way.

    def take(self, body: bytes, encoding: str, user_agent: str, answer: Callable[[Answer], None]) -> None:
        """Count the events of a body; `answer` is called in the loop, now or later."""
        if encoding and is_compressed(encoding):
            answer(refused("unsupported_encoding"))
        elif len(body) > self.max_body:
            answer(refused("body_too_large"))
        else:
            self._read(Arrival(body, user_agent, answer, self._gathering.now()))

    def _read(self, arrival: Arrival) -> None:
        try:
            post = self._read_here(arrival)
        except Exception as error:
            self._fail(arrival, error)
            return
        if post is not None:
            self._decide(post)
        else:
            reading = asyncio.get_running_loop().run_in_executor(self._apart, self._read_apart, arrival)
            reading.add_done_callback(partial(self._have_read, arrival))

    def _read_here(self, arrival: Arrival) -> Post | None:
        """In the loop; `None` if it would hold others up."""
        if len(arrival.body) > LARGE_BODY:
            return None
        batch = decode_strictly(arrival.body, self._max_batch)
        return None if batch is None else Post(arrival, batch, self._label, self._fingerprints)

    def _read_apart(self, arrival: Arrival) -> Post | Exception:
        if self._gathering.now() - arrival.started > PATIENCE:
            return OverloadedError()
        try:
            batch = decode_strictly(arrival.body, self._max_batch) or decode_carefully(arrival.body, self._max_batch)
            return Post(arrival, batch, self._label, self._fingerprints)
        except (MalformedBodyError, TooManyEventsError) as error:
            return type(error)()  # a new one, for that one knows all that was decoded, by its frames and its context

    def _have_read(self, arrival: Arrival, reading: "asyncio.Future[Post | Exception]") -> None:
        read = reading.exception() or reading.result()
        if isinstance(read, Post):
            self._decide(read)
        else:
            self._fail(arrival, read)

    def _decide(self, post: Post) -> None:
        self._telemetry.batch_events.observe(post.elements)
        if self._gathering.hangs():
            self._fail(post.arrival, OverloadedError())
        else:
            self._gathering.submit(post)

    def _decided(self, posts: list[Post]) -> None:
        for post in posts:
            if post.error is None:
                self._answer(post.arrival, taken(post))
            else:
                self._fail(post.arrival, post.error)

    def _fail(self, arrival: Arrival, error: BaseException) -> None:
        if isinstance(error, OverloadedError):
            self._answer(arrival, turned_away(arrival.user_agent))
            return
        name = _REFUSALS.get(type(error), "internal_error")
        if name == "internal_error":
            _log.error(name, exc_info=error)
        self._answer(arrival, refused(name))

    def _answer(self, arrival: Arrival, answer: Answer) -> None:
        self._telemetry.request_seconds.observe(self._gathering.now() - arrival.started)
        arrival.answer(answer)


_REFUSALS: Final[dict[type[BaseException], str]] = {
    MalformedBodyError: "invalid_json_parse_body",
    TooManyEventsError: "too_many_events",
    StorageUnavailableError: "storage_unavailable",
}


def _resolve(answered: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not answered.done():  # as it is when the client has left, and its request was cancelled
        answered.set_result(answer)


def _write(resp: falcon.asgi.Response, answer: Answer) -> None:
    resp.context.refusal = answer.refusal
    resp.context.rejected = answer.rejected
    if answer.retry_after is not None:
        resp.set_header("Retry-After", str(answer.retry_after))
    reply(resp, answer.body, answer.status)
