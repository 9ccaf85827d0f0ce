"""The service's own log, on standard error: lines for people on a terminal, JSON elsewhere, and none at any rate."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import Processor

from exporter.repeats import TICK_SECONDS, Repeats, Write
from exporter.standarderror import StandardError

Form = Literal["auto", "console", "json"]


def for_people(form: Form) -> bool:
    """Whether a person reads the log."""
    return form == "console" or (form == "auto" and sys.stderr.isatty())


@contextmanager
def written(level: str, form: Form) -> Iterator[StandardError]:
    """Have structlog's lines, and those of libraries, written, to what this gives for other words as well; at the end
    those as well that were only counted.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = StandardError()
    write = _counts(stream, number, _renderers(for_people(form)))
    repeats = Repeats(write)
    handler = _configure(stream, repeats, number, _renderers(for_people(form)))
    over = threading.Event()
    ticker = threading.Thread(target=_tick, args=(repeats, stream, write, over), name="log-counts", daemon=True)
    ticker.start()
    logging.root.addHandler(handler)
    logging.root.setLevel(max(number, logging.WARNING))
    try:
        yield stream
    finally:
        logging.root.removeHandler(handler)
        over.set()
        ticker.join()
        repeats.tell_all()
        stream.close()
        structlog.reset_defaults()


def _tick(repeats: Repeats, stream: StandardError, write: Write, over: threading.Event) -> None:
    while not over.wait(TICK_SECONDS):
        repeats.tell()
        if lost := stream.take_lost():
            write("warning", {"event": "log_lines_lost", "number": lost})


def _renderers(console: bool) -> list[Processor]:
    if console:
        # Its own choice, where rich is installed, shows the values of all variables, secrets among them.
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _shared() -> list[Processor]:
    return [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]


def _counts(stream: StandardError, number: int, renderers: list[Processor]) -> Write:
    """Writes lines that tell of several, which no count holds back."""
    counts = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, stream)),
        processors=[*_shared(), *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(number),
    )
    return lambda level, line: getattr(counts, level)(**line)


def _configure(stream: StandardError, repeats: Repeats, number: int, renderers: list[Processor]) -> logging.Handler:
    structlog.configure(
        processors=[repeats, *_shared(), *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, stream)),
    )
    handler = logging.StreamHandler(stream)
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(), processors=[without_meta, *renderers])
    )
    handler.addFilter(repeats.filter)
    return handler
