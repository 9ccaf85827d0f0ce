"""The start of the service, as whoever watches it sees it: what is set, where it listens, and what to do next."""

import sys
from typing import Final

import structlog
from prometheus_client import disable_created_metrics

from exporter import __version__, logs
from exporter.addresses import Address, refuse_unknown_host
from exporter.service import serve
from exporter.settings import Settings

_log = structlog.get_logger("start")


def start(settings: Settings) -> int:
    """Serve, and return the exit code. Raises `LedgerError` or `OSError` as `serve` does."""
    # A `_created` sample for each series doubles the scrape and helps no Prometheus without a feature flag.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    refuse_unknown_host("--listen", settings.listen)
    refuse_unknown_host("--metrics-listen", settings.metrics_listen)
    _log.info("starting", version=__version__, **settings.changed())

    def started(port: int, metrics_port: int) -> None:
        if logs.for_people(settings.log_format):
            print(first_words(settings, port, metrics_port), file=sys.stderr)  # noqa: T201 - for who sits there
        _log.info("listening", port=port, metrics_port=metrics_port)

    return serve(settings, started)


def first_words(settings: Settings, port: int, metrics_port: int) -> str:
    """What to do next; nothing in it is a secret."""
    return _NEXT.format(
        port=port,
        path=settings.stats_path,
        app=min(settings.apps, default="com.example.app"),
        public=Address(settings.listen.host, port).nearby,
        private=Address(settings.metrics_listen.host, metrics_port).nearby,
        hold=settings.zero_hold,
    )


_NEXT: Final = """
capgo-exporter takes posts on port {port}.

  In capacitor.config, for a debug build on the same network:
      plugins: {{ CapacitorUpdater: {{ statsUrl: "http://<this machine>:{port}{path}" }} }}
  (A release build needs https: see README, "A real app".)
  Try it:
      curl -d '{{"app_id":"{app}","action":"set","platform":"android","version_name":"1.0.0"}}' \\
          'http://{public}{path}'
  See it:
      http://{private}/          what has arrived
      http://{private}/metrics   for Prometheus, which must see a new series at 0 first, for {hold:g} s
"""
