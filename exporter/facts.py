"""What people at the private port may read of how the exporter is set: no secret."""

from typing import Final
from urllib.parse import urlsplit

from exporter import __version__
from exporter.metrics.page import Facts
from exporter.settings import Settings

_APPS_TOLD: Final = 50


def facts(settings: Settings, port: int) -> Facts:
    """What the landing page tells of the settings, and of where the public port, `port`, is."""
    told = {
        "--listen": f"posts go to {settings.stats_path} on port {port}",
        "--path-token": _tokens(len(settings.path_token)),
        "--apps": _apps(settings),
        "--zero-hold": _hold(settings.zero_hold),
        "--data-dir": str(settings.data_dir),
        "--durability": settings.durability,
        "--event-log": settings.event_log or "off",
        "--event-store": _event_store(settings),
        "--grafana-url": settings.grafana_url or "not set: with it, the dashboards are linked here",
    }
    return Facts(__version__, settings.example(port), told, settings.grafana_url)


def _tokens(number: int) -> str:
    if not number:
        return "none: whoever knows the address may post"
    return "one is needed" if number == 1 else f"one of {number} is needed"


def _hold(seconds: float) -> str:
    if not seconds:
        return "none: /metrics shows true values at once"
    return f"{seconds:g} s, and two scrapes, until a new version moves from 0 on /metrics"


def _apps(settings: Settings) -> str:
    apps = sorted(settings.apps)
    if not apps:
        return f"any; at most {settings.max_apps} have series of their own"
    more = len(apps) - _APPS_TOLD
    return ", ".join(apps[:_APPS_TOLD]) + (f" and {more} more" if more > 0 else "")


def _event_store(settings: Settings) -> str:
    if not settings.event_store:
        return "off"
    return f"{settings.event_store_actions} to {urlsplit(settings.event_store).netloc}"
