"""The public port's application: no path, header or client makes it fail."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any, cast

import falcon.asgi
import falcon.testing
import pytest
import structlog.testing

from exporter.intake.accounts import Accounts
from exporter.intake.asgi import respond
from exporter.intake.endpoint import App, create_public_app
from exporter.intake.http import Headers
from exporter.intake.paths import StatsPaths
from exporter.intake.request import Request
from exporter.intake.stats import StatsResource
from exporter.metrics.telemetry import Telemetry
from exporter.replies import OK, reply

FORWARDED = [
    'for="[::1]:abc"',
    'for="[::1"',
    "for=192.0.2.1:port",
    "for=_hidden;by=;;,,",
    'for="' + '\\"' * 1000,
    "for=192.0.2.1," * 500,
]


class Stats:
    """Stands where posts are counted."""

    async def on_post(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str = "") -> None:
        assert token in ("", "here")
        reply(resp, OK)


def app(*tokens: str) -> App:
    networks = [ip_network("127.0.0.1")]
    return create_public_app(cast(StatsResource, Stats()), Accounts(Telemetry()), StatsPaths(tokens), networks)


def status(app: App, path: str, headers: dict[str, str]) -> int:
    return falcon.testing.TestClient(app).simulate_post(path, headers=headers).status_code


@pytest.mark.parametrize("path", ["/stats", "/stats/", "/stats//", "//stats", "///stats//", "/", "//"])
def test_no_slash_is_one_too_many(path: str) -> None:
    """Joined addresses have them, and a 404 costs a batch for good."""
    assert status(app(), path, {}) == 200


@pytest.mark.parametrize("path", ["/here/stats", "//here/stats", "/here//stats", "/here/stats//"])
def test_nor_is_one_around_a_token(path: str) -> None:
    """Which stays needed."""
    assert status(app("here"), path, {}) == 200
    assert status(app("here"), path.replace("here", ""), {}) == 404


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
@pytest.mark.parametrize("value", FORWARDED)
def test_no_claim_of_where_a_request_comes_from_is_an_error(name: str, value: str) -> None:
    """To a refusal, which the log tells with an address, nor to anything else."""
    assert status(app(), "/nothing", {name: value}) == 404
    assert status(app(), "/stats", {name: value}) == 200


@pytest.mark.parametrize(
    ("peer", "forwarded", "shown"),
    [
        ("127.0.0.1", [(b"x-forwarded-for", b"203.0.113.9:80")], "203.0.113.9"),
        ("192.0.2.7", [(b"x-forwarded-for", b"203.0.113.9:80")], "192.0.2.7"),
        ("", [], "unknown"),
    ],
)
def test_a_refusal_names_where_it_came_from(peer: str, forwarded: Headers, shown: str) -> None:
    """Of a client that had gone before it could be asked, nothing is known."""
    request = Request(b"POST", b"/nothing", forwarded, {}, b"", 0)

    with structlog.testing.capture_logs() as lines:
        code, *_ = asyncio.run(respond(cast(Any, app()), request, (peer, 0)))

    assert code == 404
    assert [line["newest_from"] for line in lines] == [shown]
