"""What can come at any rate is written now and then: the first at once, then how many, and none is left untold."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from exporter.repeats import EVERY_SECONDS, EVERYTHING, Repeats

Line = dict[str, Any]


class Log:
    """A log in memory, with the test's own time."""

    def __init__(self) -> None:
        self.now = 50.0
        self.lines: list[Line] = []
        self.repeats = Repeats(lambda level, line: self.lines.append({**line, "level": level}), lambda: self.now)
        self._log = structlog.wrap_logger(None, processors=[self.repeats, self._write])

    def _write(self, _logger: object, level: str, line: Any) -> Any:
        self.lines.append({**line, "level": level})
        raise structlog.DropEvent

    def __call__(self, event: str, level: str = "error", **fields: Any) -> None:
        getattr(self._log, level)(event, **fields)

    def wait(self, seconds: float) -> None:
        """Time passes, and the timer looks each second."""
        for _ in range(int(seconds)):
            self.now += 1
            self.repeats.tell()

    @property
    def told(self) -> list[tuple[str, int]]:
        """The events of the lines, and for how many each stands."""
        return [(line["event"], line.get("number", 1)) for line in self.lines]


@pytest.fixture
def log() -> Log:
    return Log()


def test_the_first_is_written_at_once(log: Log) -> None:
    """As it is."""
    log("event_log_unwritable", error="No space left on device")

    assert log.lines == [{"event": "event_log_unwritable", "error": "No space left on device", "level": "error"}]


def test_of_fifty_all_are_told_though_none_follows(log: Log) -> None:
    """By the timer: nobody has to come for the rest to be known."""
    for _ in range(50):
        log("storage_unavailable", error="database or disk is full")

    log.wait(EVERY_SECONDS)

    assert log.told == [("storage_unavailable", 1), ("storage_unavailable", 49)]
    assert log.lines[1]["error"] == "database or disk is full"


def test_the_end_tells_the_rest(log: Log) -> None:
    """A stop does not wait for the timer."""
    for _ in range(50):
        log("storage_unavailable")
    log.repeats.tell_all()

    assert log.told == [("storage_unavailable", 1), ("storage_unavailable", 49)]


def test_the_last_line_comes_last(log: Log) -> None:
    """What was counted of every kind is told before it, and not once more at the end."""
    for event in ("refused", "storage_unavailable", "refused", "storage_unavailable", "refused"):
        log(event)
    log("stopped", ends=EVERYTHING)
    log.repeats.tell_all()

    assert log.told[2:] == [("refused", 2), ("storage_unavailable", 1), ("stopped", 1)]
    assert log.lines[-1] == {"event": "stopped", "level": "error"}


@pytest.mark.parametrize("a_second", [1, 7, 1000])
def test_a_flood_is_a_line_every_ten_seconds_that_leaves_none_out(log: Log, a_second: int) -> None:
    """However fast it comes."""
    for _ in range(60):
        for _ in range(a_second):
            log("storage_unavailable")
        log.wait(1)
    log.repeats.tell_all()

    assert len(log.lines) <= 60 / EVERY_SECONDS + 2
    assert sum(number for _, number in log.told) == 60 * a_second


def test_after_a_silence_the_next_is_a_first_one_again(log: Log) -> None:
    """An incident tomorrow is told as quickly as today's."""
    log("storage_unavailable")
    log.wait(2 * EVERY_SECONDS)
    log("storage_unavailable")

    assert log.told == [("storage_unavailable", 1)] * 2


def test_kinds_do_not_hide_each_other(log: Log) -> None:
    """Another event, another reason, another exception: each has a first line of its own."""
    for _ in range(20):
        log("refused", reason="not_found")
    log("refused", reason="overloaded")
    log("event_log_unwritable")
    log("internal_error", exc_info=KeyError("a"))
    log("internal_error", exc_info=ValueError("b"))

    assert [line.get("reason") or line["event"] for line in log.lines] == [
        "not_found",
        "overloaded",
        "event_log_unwritable",
        "internal_error",
        "internal_error",
    ]


def test_a_line_may_stand_for_several(log: Log) -> None:
    """Refusals of a batch come together."""
    for _ in range(3):
        log("refused", reason="missing_app_id", number=200)
    log.repeats.tell_all()

    assert log.told == [("refused", 200), ("refused", 400)]


def test_the_end_of_a_trouble_tells_first_how_much_of_it_there_was(log: Log) -> None:
    """At once, and in this order."""
    for _ in range(3116):
        log("storage_unavailable")
    log("storage_back", "info", ends="storage_unavailable")

    assert log.told == [("storage_unavailable", 1), ("storage_unavailable", 3115), ("storage_back", 1)]
    assert "ends" not in log.lines[-1]


def test_a_trouble_that_comes_and_goes_is_no_way_around_the_bound(log: Log) -> None:
    """A disk on which every second write fits; the last line says how things are."""
    for _ in range(1000):
        log("storage_unavailable")
        log("storage_back", "info", ends="storage_unavailable")
    log.wait(EVERY_SECONDS)

    assert log.told == [
        ("storage_unavailable", 1),
        ("storage_back", 1),
        ("storage_unavailable", 999),
        ("storage_back", 999),
    ]


def test_a_traceback_is_not_kept_for_a_count(log: Log) -> None:
    """It would keep alive whatever its frames hold: a stranger's post, for one."""
    for _ in range(2):
        log("internal_error", exc_info=ValueError("x"))
    log.repeats.tell_all()

    assert ["exc_info" in line for line in log.lines] == [True, False]


def library_log(log: Log, name: str) -> Callable[[str, object], None]:
    """What a library does that logs with the standard library."""
    logger = logging.Logger(name)
    handler = logging.Handler()
    handler.emit = lambda record: log.lines.append({"event": record.getMessage()})  # type: ignore[method-assign]
    handler.addFilter(log.repeats.filter)
    logger.addHandler(handler)
    return lambda text, value: logger.warning(text, value)


def test_libraries_are_held_to_it_too(log: Log) -> None:
    """Told apart by the place in their code, for their texts may hold whatever a client sent."""
    warn = library_log(log, "waitress")
    for number in range(8568):
        warn("server accepted connection %d beyond its limit", number)
    log.repeats.tell_all()

    assert log.told == [
        ("server accepted connection 0 beyond its limit", 1),
        ("server accepted connection 8567 beyond its limit", 8567),
    ]
    assert log.lines[1]["logger"] == "waitress"


def test_distinct_texts_leave_nothing_behind(log: Log) -> None:
    """A minute later no kind is remembered."""
    for reason in range(100):
        log("refused", reason=str(reason))
    log.wait(60)

    assert log.repeats._told == {}  # noqa: SLF001 - memory is what this is about


def test_none_is_lost_between_threads(log: Log) -> None:
    """Eight write while a ninth tells."""
    over = threading.Event()

    def tell() -> None:
        while not over.is_set():
            log.now += 0.5
            log.repeats.tell()

    def flood() -> None:
        for _ in range(2000):
            log("storage_unavailable")

    threads = [threading.Thread(target=flood) for _ in range(8)]
    teller = threading.Thread(target=tell)
    for thread in (teller, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    teller.join()
    log.repeats.tell_all()

    assert sum(number for _, number in log.told) == 16_000
