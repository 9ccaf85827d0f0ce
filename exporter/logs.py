"""The service's own log, on standard error: lines for people on a terminal, JSON elsewhere."""

import logging
import sys
from contextlib import suppress
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import Processor


class _Unfailing:
    """A stream on which writing never fails: a full disk must not turn a reply into an error."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def configure(level: str, form: Literal["auto", "console", "json"]) -> bool:
    """Set up structlog and what libraries log; returns whether a person reads it."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if console:
        renderers = [structlog.dev.ConsoleRenderer()]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing())),
    )
    handler = logging.StreamHandler(_Unfailing())
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[without_meta, *renderers])
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    return console
