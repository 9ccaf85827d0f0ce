"""The service's own log, on standard error: lines for people on a terminal, JSON elsewhere, and none at any rate."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from exporter.repeats import TICK_SECONDS, Repeats

Form = Literal["auto", "console", "json"]


class _Unfailing:
    """A stream on which writing never fails: a full disk must not turn a reply into an error."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def for_people(form: Form) -> bool:
    """Whether a person reads the log."""
    return form == "console" or (form == "auto" and sys.stderr.isatty())


@contextmanager
def written(level: str, form: Form) -> Iterator[None]:
    """Have structlog's lines, and those of libraries, written; at the end those as well that were only counted."""
    number = logging.getLevelNamesMapping()[level.upper()]
    repeats, handler = _configure(number, _renderers(for_people(form)))
    over = threading.Event()
    ticker = threading.Thread(target=_tick, args=(repeats, over), name="log-counts", daemon=True)
    ticker.start()
    logging.root.addHandler(handler)
    logging.root.setLevel(max(number, logging.WARNING))
    try:
        yield
    finally:
        logging.root.removeHandler(handler)
        over.set()
        ticker.join()
        repeats.tell_all()
        structlog.reset_defaults()


def _tick(repeats: Repeats, over: threading.Event) -> None:
    while not over.wait(TICK_SECONDS):
        repeats.tell()


def _renderers(console: bool) -> list[Processor]:
    if console:
        # Its own choice, where rich is installed, shows the values of all variables, secrets among them.
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _configure(number: int, renderers: list[Processor]) -> tuple[Repeats, logging.Handler]:
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    counts = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, _Unfailing())),
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(number),
    )

    def write(level: str, line: EventDict) -> None:
        getattr(counts, level)(**line)

    repeats = Repeats(write)
    structlog.configure(
        processors=[repeats, *shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing())),
    )
    handler = logging.StreamHandler(_Unfailing())
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[without_meta, *renderers])
    )
    handler.addFilter(repeats.filter)
    return repeats, handler
