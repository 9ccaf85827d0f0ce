"""The public port as a Falcon application: `/stats`, `/`, or only `/<token>/stats`, and nothing else.

It is complete in itself, under any ASGI server; the listener is the one that it is served by.
"""

from typing import Any

import falcon
import falcon.asgi

from exporter.intake.accounts import Accounts
from exporter.intake.client_address import Networks, client_address
from exporter.intake.paths import StatsPaths
from exporter.intake.stats import StatsResource
from exporter.replies import with_async_error_forms
from exporter.slashes import OneSlash

App = falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]


def create_public_app(stats: StatsResource, accounts: Accounts, paths: StatsPaths, trusted: Networks) -> App:
    """Make it."""
    app: App = falcon.asgi.App(middleware=[OneSlash(), _Books(accounts, trusted)])
    for path in paths.routes:
        app.add_route(path, stats)
    return with_async_error_forms(app)


class _Books:
    """Falcon middleware: notes every answer."""

    def __init__(self, accounts: Accounts, trusted: Networks) -> None:
        self._accounts = accounts
        self._trusted = trusted

    async def process_response(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, *_: Any) -> None:
        noted = vars(resp.context)
        peer = (req.scope.get("client") or ("",))[0]  # Falcon's own looks at what clients claim, and fails at that
        self._accounts.note(
            resp.status_code,
            noted.get("refusal"),
            noted.get("rejected"),
            lambda: client_address(peer, req.get_header("X-Forwarded-For") or "", self._trusted),
        )
