"""`/` of the private port: what this is, where to look, and whether posts arrive."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Final

import falcon

from exporter.replies import reply
from exporter.wire.labels import Version

_LANDING_ROWS: Final = 200


class LandingResource:
    """A page for people."""

    def __init__(
        self, counted: Callable[[], Mapping[Version, int]], version: str, stats_port: int, stats_path: str
    ) -> None:
        """`stats_path` as people may read it: a placeholder where it holds a secret."""
        self._counted = counted
        self._version = version
        self._stats_port = stats_port
        self._stats_path = stats_path

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show it."""
        page = _PAGE.format(
            version=escape(self._version),
            port=self._stats_port,
            path=escape(self._stats_path),
            table=_table(self._counted()),
        )
        reply(resp, page.encode(), content_type="text/html; charset=utf-8")


def _table(counted: Mapping[Version, int]) -> str:
    if not counted:
        return "<p>No event has been counted yet.</p>"
    rows = sorted(counted.items())
    cells = "".join(
        f"<tr><td>{escape(app_id)}</td><td>{escape(platform)}</td><td>{escape(version)}</td>"
        f"<td>{'test' if test else 'production'}</td><td>{events}</td></tr>"
        for (app_id, platform, version, test), events in rows[:_LANDING_ROWS]
    )
    more = f"<p>… and {len(rows) - _LANDING_ROWS} more.</p>" if len(rows) > _LANDING_ROWS else ""
    head = "<tr><th>App</th><th>Platform</th><th>Version</th><th>Devices</th><th>Events</th></tr>"
    return f"<table>{head}{cells}</table>{more}"


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>capgo-exporter</title>
<style>
body {{ font-family: sans-serif; margin: 2rem; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #ccc; padding: 0.3rem 0.8rem; text-align: left; }}
td:last-child {{ text-align: right; }}
</style>
</head>
<body>
<h1>capgo-exporter</h1>
<p>Version {version}. Counts the update events of Capacitor apps for Prometheus.</p>
<ul>
<li><a href="/metrics">Metrics</a></li>
<li><a href="/healthz">Health</a></li>
<li><a href="/readyz">Readiness</a></li>
</ul>
<p>Devices post to <code>{path}</code> on port {port}. Events counted so far, including those that /metrics holds back
until Prometheus has seen their series at 0:</p>
{table}
</body>
</html>
"""
