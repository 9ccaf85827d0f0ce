"""The start of the service, as whoever watches it sees it: what is set, where it listens, and what to do next."""

import os
import textwrap
from collections.abc import Callable
from typing import Final

import structlog
from pydantic import ValidationError

from exporter import __version__, logs, process
from exporter.addresses import Address, refuse_unknown_host
from exporter.commandline import UsageError, read, unknown_variables
from exporter.faults import FAILED, attempt, complain
from exporter.settings import LogSettings, Settings

_log = structlog.get_logger("start")


def start(words: list[str], more_help: str) -> int:
    """Serve as the words of a command line have it, until the end; returns the exit code."""
    process.take_signals()
    how = _how_to_log(words)
    with logs.written(how.log_level, how.log_format) as stream:
        complaint = complain if logs.for_people(how.log_format) else _log_fatal
        try:
            return attempt(lambda: _serve(words, more_help, stream.write), complaint)
        except Exception:
            _log.critical("internal_error", exc_info=True)
            return FAILED


def _how_to_log(words: list[str]) -> LogSettings:
    try:
        return read(LogSettings, "", words, strict=False)
    except (UsageError, ValidationError):  # what is wrong with it is said when all settings are read
        return LogSettings.model_construct(log_level="info", log_format="auto")


def _log_fatal(word: str, sentence: str) -> None:
    _log.critical(word, error=sentence)


def _serve(words: list[str], more_help: str, say: Callable[[str], object]) -> int:
    settings = read(Settings, "", words, more_help)
    if unknown := [*unknown_variables(Settings, os.environ)]:
        _log.warning("unknown_variables", variables=unknown)
    refuse_unknown_host("--listen", settings.listen)
    refuse_unknown_host("--metrics-listen", settings.metrics_listen)
    _log.info("starting", version=__version__, **settings.changed())
    _prepare_metrics()
    from exporter.service import serve

    def started(port: int, metrics_port: int) -> None:
        if logs.for_people(settings.log_format):
            say(f"{first_words(settings, port, metrics_port)}\n")
        _log.info("listening", port=port, metrics_port=metrics_port)

    return serve(settings, started)


def _prepare_metrics() -> None:
    """Settle what their library decides when it is imported, and by itself would decide otherwise."""
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):  # its numbers would be in files of others
        os.environ.pop(name, None)
    from prometheus_client import disable_created_metrics

    # A `_created` sample for each series doubles the scrape and helps no Prometheus without a feature flag.
    disable_created_metrics()  # type: ignore[no-untyped-call]


def first_words(settings: Settings, port: int, metrics_port: int) -> str:
    """What to do next; nothing in it is a secret."""
    device = _ALONE if settings.listen.loopback else _DEVICE
    return _NEXT.format(
        port=port,
        device=device.format(port=port, path=settings.stats_path),
        example=textwrap.indent(settings.example(port), " " * 6),
        private=Address(settings.metrics_listen.host, metrics_port).nearby,
        hold=settings.zero_hold,
    )


_DEVICE: Final = """\
  In capacitor.config, for a debug build on the same network:
      plugins: {{ CapacitorUpdater: {{ statsUrl: "http://<this machine>:{port}{path}" }} }}
  (A release build needs https: see README, "The first ten minutes".)"""

_ALONE: Final = """\
  Only this machine reaches it there: devices come through a proxy here (README, "Behind a proxy"), or directly with
      --listen 0.0.0.0:{port}"""

_NEXT: Final = """
capgo-exporter takes posts on port {port}.

{device}
  Try it:
{example}
  See it:
      http://{private}/          what has arrived
      http://{private}/metrics   for Prometheus, which must see a new series at 0 first, for {hold:g} s
"""
