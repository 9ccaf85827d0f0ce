"""A reader of the event log sees whole lines, whatever becomes of the disk."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.eventlog import output
from exporter.eventlog.output import LinesLostError, Output


class Disk:
    """Takes so many bytes more, and parts of a write as the last ones."""

    def __init__(self) -> None:
        self.room = 2**62
        self.once_full: Callable[[], object] = lambda: None
        self._write = os.write

    def write(self, descriptor: int, data: bytes) -> int:
        fits = min(len(data), self.room)
        if not fits:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= fits
        size = self._write(descriptor, data[:fits])
        if not self.room:
            self.once_full()
        return size


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    found = Disk()
    with monkeypatch.context() as patched:
        patched.setattr(output.os, "write", found.write)  # type: ignore[attr-defined]  # the module's own
        yield found


def line(number: int, size: int) -> str:
    return f'{{"n":{number},"x":"{"x" * size}"}}\n'


@given(st.lists(st.tuples(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.none() | st.integers(0, 200))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_disk_that_fills_leaves_whole_lines(
    disk: Disk, tmp_path: Path, posts: list[tuple[list[int], int | None]]
) -> None:
    """Those that were written, in their order; all others are counted as lost, and none is counted twice."""
    path = tmp_path / "events.log"
    path.unlink(missing_ok=True)
    log, number, offered, lost = Output(str(path)), 0, list[str](), 0
    for sizes, room in posts:
        disk.room = 2**62 if room is None else room
        lines = [line(number + index, size) for index, size in enumerate(sizes)]
        number += len(lines)
        try:
            log.write(lines)
        except LinesLostError as error:
            lines, lost = lines[: len(lines) - error.number], lost + error.number
        offered += lines
    log.close()

    assert path.read_text() == "".join(offered)
    assert len(offered) + lost == number


@pytest.mark.parametrize("torn", ['{"time":"2026', "x"])
def test_a_log_that_ends_within_a_line_is_continued_on_the_next(tmp_path: Path, torn: str) -> None:
    """As a power cut leaves it. Nothing of it is taken away: it may be somebody's file, named by mistake."""
    path = tmp_path / "events.log"
    path.write_text("whole\n" + torn)

    log = Output(str(path))
    log.write([line(1, 1), line(2, 1)])
    log.close()

    assert path.read_text() == "whole\n" + torn + "\n" + line(1, 1) + line(2, 1)


@pytest.mark.parametrize("content", ["", "whole\n", "\n"])
def test_a_log_that_ends_with_a_line_is_just_continued(tmp_path: Path, content: str) -> None:
    """No empty line comes between."""
    path = tmp_path / "events.log"
    path.write_text(content)

    log = Output(str(path))
    log.write([line(1, 1)])
    log.close()

    assert path.read_text() == content + line(1, 1)


def test_what_another_writes_in_the_meantime_is_not_cut_off(disk: Disk, tmp_path: Path) -> None:
    """Two exporters that were given one file: a torn line is ended instead."""
    path = tmp_path / "events.log"
    log = Output(str(path))
    log.write([line(1, 1)])
    disk.once_full = lambda: os.system(f"echo of another >>{path}")  # noqa: S605 - our own path
    disk.room = 5
    with pytest.raises(LinesLostError) as caught:
        log.write([line(2, 1)])
    disk.room = 2**62
    log.write([line(3, 1)])
    log.close()

    assert caught.value.number == 1
    assert path.read_text() == line(1, 1) + line(2, 1)[:5] + "of another\n" + "\n" + line(3, 1)


def test_what_a_pipe_has_taken_of_a_line_is_ended(disk: Disk, tmp_path: Path) -> None:
    """It can't be taken back; the next line stands by itself."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log = Output(str(path))
    disk.room = 5
    with pytest.raises(LinesLostError):
        log.write([line(1, 1)])
    disk.room = 2**62
    log.write([line(2, 1)])
    log.close()

    assert os.read(reader, 1000).decode() == line(1, 1)[:5] + "\n" + line(2, 1)
    os.close(reader)


def test_standard_output_may_be_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str], disk: Disk) -> None:
    """`> events.log`, at whose end the shell does not keep the writer: after a cut it goes on where the file ends."""
    log = Output(output.STDOUT)
    log.write([line(1, 1)])
    disk.room = 5
    with pytest.raises(LinesLostError):
        log.write([line(2, 1)])
    disk.room = 2**62
    log.write([line(3, 1)])
    log.close()

    assert capfd.readouterr().out == line(1, 1) + line(3, 1)


def test_standard_output_that_does_not_block_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shares it may have made it so: a full pipe is then no error."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    monkeypatch.setattr(output, "_STDOUT", writer)
    log = Output(output.STDOUT)
    taken: list[bytes] = []

    def read() -> None:
        os.set_blocking(reader, True)
        while part := os.read(reader, 2**16):
            taken.append(part)

    thread = threading.Thread(target=read)
    timer = threading.Timer(0.2, thread.start)
    timer.start()
    log.write([line(1, 2**20)])
    os.close(writer)
    timer.join()
    thread.join()

    assert b"".join(taken).decode() == line(1, 2**20)
    os.close(reader)
