"""The event log: every counted event gets a line that any reader takes, and the log is never in the way."""

import json
import os
import re
import threading
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from exporter.eventlog import file as eventlog
from exporter.eventlog.file import EventLog, lines
from exporter.eventlog.record import Record
from exporter.wire.events import Event, MalformedBodyError, decode
from exporter.wire.labels import Series, Version

AT = 1_753_000_000.25
SERIES = Series(Version("com.acme.notes", "ios", "1.0", False), "set")
REQUIRED = b'"app_id":"com.acme.notes","action":"set"'


def record(body: bytes) -> Record:
    """A post all of whose well-formed events were counted."""
    items = decode(body, 1000).items
    return Record(body, AT, [(index, SERIES) for index, item in enumerate(items) if isinstance(item, Event)])


def read(record: Record, omit: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Its lines, read as strictly as the strictest reader does."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    found = []
    for line in lines(record, omit):
        assert line.isascii()
        assert line.endswith("\n")
        assert line.count("\n") == 1
        found.append(json.loads(line, parse_constant=refuse))
    return found


def test_a_line_is_compact_json_of_arrival_series_and_event() -> None:
    """Byte by byte: people write queries against it."""
    body = b' {"app_id": "com.acme.notes", "action": "set", "custom": {"a": [1, 2.5, null, true]}} '

    assert lines(record(body), ()) == [
        '{"time":"2025-07-20T08:26:40.250+00:00",'
        '"series":{"app_id":"com.acme.notes","action":"set","platform":"ios","version":"1.0","test":false},'
        '"event":{"app_id":"com.acme.notes","action":"set","custom":{"a":[1,2.5,null,true]}}}\n'
    ]


def test_omitted_fields_are_nowhere_in_the_line() -> None:
    """Neither their names nor their values."""
    body = b"{" + REQUIRED + b',"custom_id":"jane@example.com","device_id":"d-1","kept":"yes"}'

    (line,) = lines(record(body), ("custom_id", "device_id"))

    assert "jane" not in line
    assert "d-1" not in line
    assert json.loads(line)["event"]["kept"] == "yes"


def test_only_counted_events_have_lines() -> None:
    """The second of three was refused; the others are told by their place in the body."""
    body = b"[{" + REQUIRED + b',"n":1},"bad",{' + REQUIRED + b',"n":3}]'

    assert [line["event"]["n"] for line in read(record(body))] == [1, 3]


@pytest.mark.parametrize("body", [b"{%b}", b"[{%b}]", b"[{%b}," + b"[" * 2000 + b"]" * 2000 + b"]"], ids=len)
def test_a_byte_order_mark_is_not_in_the_way(body: bytes) -> None:
    """It is not the event's, and an event that was counted has its line."""
    (line,) = read(record(BOM_UTF8 + body % REQUIRED))

    assert line["event"].items() <= {"app_id": "com.acme.notes", "action": "set"}.items()


ODD = {
    "a lone surrogate": (b'"\\ud800"', "\ud800"),
    "invalid UTF-8": (b'"a\xffb"', "a\ufffdb"),
    "a line separator": ('"a\u2028b"'.encode(), "a\u2028b"),
    "a forged line": (b'"\\n{\\"time\\":0}"', '\n{"time":0}'),
    "a number beyond every float": (b"1e400", "1e400"),
    "a negative one": (b"-1e400", "-1e400"),
    "a number of 5,000 digits": (b"9" * 5000, "9" * 5000),
    "a fraction of 5,000 digits": (b"0." + b"3" * 5000, 1 / 3),
    "an empty name": (b'{"":{"":""}}', {"": {"": ""}}),
}


@pytest.mark.parametrize("oddity", ODD)
def test_odd_values_are_kept_in_a_form_every_reader_takes(oddity: str) -> None:
    """What JSON readers choke on becomes text; what can't be written raw is escaped."""
    sent, kept = ODD[oddity]

    (line,) = read(record(b"{" + REQUIRED + b',"odd":' + sent + b"}"))

    assert line["event"]["odd"] == kept


def test_a_neighbour_that_is_too_deep_does_not_cost_the_others_their_lines() -> None:
    """The body as a whole is beyond every parser's recursion; the counted events are not."""
    deep = b"[" * 100_000 + b"]" * 100_000
    body = b"[{" + REQUIRED + b',"n":1},' + deep + b",{" + REQUIRED + b',"n":3}]'

    assert [line["event"]["n"] for line in read(record(body))] == [1, 3]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.text(min_size=1), JSON, max_size=5), min_size=1, max_size=5), st.booleans())
def test_what_was_sent_is_what_is_logged(extras: list[dict[str, Any]], escaped: bool) -> None:
    """All fields, with their values; integers of more than 20 digits as text."""
    events = [extra | {"app_id": "com.acme.notes", "action": "set"} for extra in extras]
    body = json.dumps(events, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    if not escaped:
        body.decode()  # text() makes no surrogates

    logged = [line["event"] for line in read(record(body))]

    assert logged == _numbers_as_logged(events)


def _numbers_as_logged(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers_as_logged(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_numbers_as_logged(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and len(str(value)) > 20:
        return str(value)
    return value


class Drops:
    """Counts the lines that were lost."""

    def __init__(self) -> None:
        self.lines = 0

    def __call__(self, number: int) -> None:
        self.lines += number


@pytest.fixture
def drops() -> Drops:
    return Drops()


Open = Callable[[Path], EventLog]


@pytest.fixture
def open_log(drops: Drops) -> Iterator[Open]:
    """Opens an event log, which ends with the test."""
    opened: list[EventLog] = []

    def open_(path: Path) -> EventLog:
        opened.append(EventLog(str(path), (), drops))
        return opened[-1]

    yield open_
    for log in opened:
        log.close()


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.005)


def numbered(number: int) -> Record:
    return record(b"{" + REQUIRED + b',"n":%d}' % number)


def numbers(path: Path) -> list[int]:
    """The field `n` of each event in a log, which the interpreter may find too deep to parse."""
    text = path.read_text() if path.exists() else ""
    return [int(number) for number in re.findall(r'^.*"n":(\d+).*}}$', text, re.MULTILINE)]


def test_lines_come_in_the_order_of_the_posts(open_log: Open, drops: Drops, tmp_path: Path) -> None:
    """And soon: a reader that follows the file sees them without an end."""
    log = open_log(tmp_path / "events.log")
    for number in range(500):
        log.offer(numbered(number))

    eventually(lambda: len(numbers(tmp_path / "events.log")) == 500, "all lines are there")
    assert numbers(tmp_path / "events.log") == list(range(500))
    assert drops.lines == 0


def test_an_existing_log_is_continued(open_log: Open, tmp_path: Path) -> None:
    """A restart overwrites nothing."""
    (tmp_path / "events.log").write_text('{"event":{"n":7}}\n')

    open_log(tmp_path / "events.log").offer(numbered(0))

    eventually(lambda: numbers(tmp_path / "events.log") == [7, 0], "the line is appended")


class Reader:
    """The other end of a pipe, from which nothing is read until somebody says so."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.text = b""
        self._thread = threading.Thread(target=self._read)

    def read(self) -> None:
        os.set_blocking(self._descriptor, True)
        self._thread.start()

    def _read(self) -> None:
        while part := os.read(self._descriptor, 2**20):
            self.text += part

    def close(self) -> None:
        """Wait for the writer's end."""
        if self._thread.ident:
            self._thread.join()
        os.close(self._descriptor)


LARGE = b"[{" + REQUIRED + b'},{"x":"' + b"x" * 2**20 + b'",' + REQUIRED + b"}]"
"""Two events; 15 such posts fit into the buffer."""


def test_what_does_not_fit_into_the_buffer_is_dropped_and_counted(drops: Drops, tmp_path: Path) -> None:
    """With a reader that stands still, the buffer takes its bytes and no more; every lost line is counted."""
    reader = Reader(tmp_path / "pipe")
    log = EventLog(str(tmp_path / "pipe"), (), drops)
    for _ in range(40):
        log.offer(record(LARGE))
    assert drops.lines == 2 * (40 - 15)

    reader.read()
    log.close()
    reader.close()

    lines = reader.text.splitlines()
    assert len(lines) == 30
    assert all(json.loads(line) for line in lines)


def test_a_reader_that_takes_nothing_more_does_not_hold_the_end(
    drops: Drops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--event-log -` into a program that hangs: the log says what it did not get."""
    monkeypatch.setattr(eventlog, "PATIENCE", 0.05)
    reader = Reader(tmp_path / "pipe")
    log = EventLog(str(tmp_path / "pipe"), (), drops)
    for _ in range(3):
        log.offer(record(LARGE))

    with structlog.testing.capture_logs() as said:
        log.close()

    assert [(line["event"], line["bytes"]) for line in said] == [("event_log_unfinished", 3 * len(LARGE))]
    reader.read()  # else its thread would stay
    reader.close()


def test_a_trouble_that_is_over_is_told(drops: Drops, tmp_path: Path) -> None:
    """Each line that is lost has one of the log, which bounds them; the first that is written ends it."""
    folder = tmp_path / "logs"
    folder.mkdir()
    with structlog.testing.capture_logs() as said:
        log = EventLog(str(folder / "events.log"), (), drops)
        folder.rename(tmp_path / "moved")
        log.reopen()
        for number in range(3):
            log.offer(numbered(number))
        eventually(lambda: drops.lines == 3, "three lines are lost")
        folder.mkdir()
        for number in range(3):
            log.offer(numbered(number))
        log.close()

    assert [line["event"] for line in said] == ["event_log_unwritable"] * 3 + ["event_log_back"]
    assert said[-1]["ends"] == "event_log_unwritable"


def test_after_a_flood_the_buffer_is_free_again(open_log: Open, drops: Drops, tmp_path: Path) -> None:
    """What was written no longer counts against the buffer: four times its size passes through it."""
    log = open_log(tmp_path / "events.log")
    posted = record(b'{"x":"' + b"x" * 2**20 + b'",' + REQUIRED + b"}")
    path = tmp_path / "events.log"
    for number in range(1, 65):
        log.offer(posted)
        if number % 8 == 0:
            size = number * len(lines(posted, ())[0])
            eventually(lambda size=size: path.stat().st_size == size, "all is written")  # type: ignore[misc]

    assert drops.lines == 0


def test_after_a_rotation_lines_go_to_a_new_file(open_log: Open, drops: Drops, tmp_path: Path) -> None:
    """No line falls between the two."""
    path, rotated = tmp_path / "events.log", tmp_path / "events.log.1"
    log = open_log(path)
    log.offer(numbered(1))
    eventually(lambda: numbers(path) == [1], "the first is written")

    path.rename(rotated)
    log.reopen()
    log.offer(numbered(2))

    eventually(lambda: numbers(path) == [2], "the second is in a new file")
    assert numbers(rotated) == [1]
    assert drops.lines == 0


def test_a_folder_that_is_gone_costs_lines_and_not_the_log(open_log: Open, drops: Drops, tmp_path: Path) -> None:
    """The rotation fails, its lines are counted as lost, and once the folder is back the log goes on by itself."""
    folder = tmp_path / "logs"
    folder.mkdir()
    log = open_log(folder / "events.log")
    log.offer(numbered(1))
    eventually(lambda: numbers(folder / "events.log") == [1], "the first is written")

    folder.rename(tmp_path / "moved")
    log.reopen()
    for number in range(5):
        log.offer(numbered(number))
    eventually(lambda: drops.lines == 5, "five lines are lost")
    folder.mkdir()
    log.offer(numbered(9))

    eventually(lambda: numbers(folder / "events.log") == [9], "the log goes on")
    assert drops.lines == 5


def test_a_disk_that_is_full_costs_lines_and_not_the_log(drops: Drops) -> None:
    """`/dev/full` takes nothing; each line is counted as lost, and the end is orderly."""
    log = EventLog("/dev/full", (), drops)
    for number in range(20):
        log.offer(numbered(number))
    log.close()

    assert drops.lines == 20


def test_no_depth_of_nesting_ends_the_log(open_log: Open, drops: Drops, tmp_path: Path) -> None:
    """Around the interpreter's limit a counted post may be too deep to log: its line says less, or counts as lost."""
    posted: list[Record] = []

    def count_all() -> None:
        for depth in range(900, 1010):
            body = b"{" + REQUIRED + b',"n":%d,"deep":' % depth + b"[" * depth + b"]" * depth + b"}"
            with suppress(MalformedBodyError):
                posted.append(record(body))

    thread = threading.Thread(target=count_all)  # one whose stack is as empty as that of the log
    thread.start()
    thread.join()
    log = open_log(tmp_path / "events.log")
    counted = [each for each in posted if each.counted]
    for each in counted:
        log.offer(each)
    log.offer(numbered(0))

    eventually(lambda: numbers(tmp_path / "events.log")[-1:] == [0], "the next post is written")
    assert len(counted) > 50
    assert len((tmp_path / "events.log").read_text().splitlines()) - 1 + drops.lines == len(counted)


def test_the_end_writes_what_waits(drops: Drops, tmp_path: Path) -> None:
    """All of it."""
    log = EventLog(str(tmp_path / "events.log"), (), drops)
    for number in range(2000):
        log.offer(numbered(number))
    log.close()

    assert numbers(tmp_path / "events.log") == list(range(2000))
