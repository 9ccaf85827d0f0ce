"""`/` of the private port, for people: whether posts arrive; and `/readme`, which says what to do if they don't."""

import time
from collections.abc import Callable
from importlib.metadata import metadata
from typing import NamedTuple

import falcon

from exporter.counting.view import Newest
from exporter.metrics.page import Facts, Known, page
from exporter.metrics.reception import Reception
from exporter.metrics.style import POLICY
from exporter.metrics.tally import Tally
from exporter.replies import reply


class Sources(NamedTuple):
    """Whom the page asks; `scraped` says how many seconds ago Prometheus came last."""

    facts: Facts
    reception: Reception
    newest: Callable[[], Newest]
    tally: Callable[[], Tally]
    unready: Callable[[], str | None]
    scraped: Callable[[], float | None]


class LandingResource:
    """The page. Looking at it counts nothing and moves no series on."""

    def __init__(self, sources: Sources, clock: Callable[[], float] = time.time) -> None:
        """`clock` is in seconds since the epoch."""
        self._sources = sources
        self._clock = clock

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show it."""
        resp.set_header("Content-Security-Policy", POLICY)
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("Referrer-Policy", "no-referrer")
        text = page(self._sources.facts, self._known())
        reply(resp, text.encode(errors="replace"), content_type="text/html; charset=utf-8")

    on_head = on_get

    def _known(self) -> Known:
        _, reception, newest, tally, unready, scraped = self._sources
        versions, reason, ago = newest(), unready(), scraped()
        now = self._clock()
        return Known(
            now=now,
            since=reception.since,
            unready=reason,
            newest=versions,
            asked=reception.asked,
            scraped=None if ago is None else now - ago,
            tally=tally(),
            refusals=reception.refusals,
        )


class ReadmeResource:
    """README of this very version, as the package brought it."""

    def __init__(self) -> None:
        self._text = metadata("capgo-exporter")["Description"].encode()

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show it as it is written."""
        reply(resp, self._text, content_type="text/plain; charset=utf-8")

    on_head = on_get
