"""Where the event log's lines go: a file or standard output, which gets whole lines or none.

A line that a full disk has cut would swallow the next one, and readers stop there. So what a failed write has left of
a line is cut off again; where that can't be, as in a pipe, the next write begins with an end of line.
"""

import fcntl
import os
import select
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

STDOUT: Final = "-"
_STDOUT: Final = 1


class LinesLostError(OSError):
    """Some lines could not be written; `number` is how many, the message says why."""

    def __init__(self, number: int, error: OSError) -> None:
        super().__init__(str(error))
        self.number = number


class Output:
    """An open path, or standard output; one thread writes."""

    def __init__(self, target: str) -> None:
        """Raises `OSError` if the target can't be written."""
        self._target = target
        self._descriptor: int | None = None
        self._is_torn = False
        self.written = 0
        """Bytes so far: as long as it grows, somebody takes them."""
        self._open()

    def _open(self) -> int:
        if self._target == STDOUT:
            self._descriptor = _standard_output()
        else:
            self._descriptor = os.open(self._target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            self._is_torn = _ends_within_a_line(Path(self._target))
        return self._descriptor

    def write(self, lines: Sequence[str]) -> None:
        """Append lines, each with its end. Raises `LinesLostError`."""
        data = "".join(lines).encode("ascii")
        written = whole = 0
        try:
            descriptor, before = self._begin()
            try:
                while written < len(data):
                    written += self._put(descriptor, data[written:])
            finally:
                whole = data.rfind(b"\n", 0, written) + 1
                if whole < written:
                    self._is_torn = not _cut(descriptor, before + written, before + whole)
        except OSError as error:
            raise LinesLostError(len(lines) - data.count(b"\n", 0, whole), error) from error

    def _begin(self) -> tuple[int, int]:
        """The descriptor at the beginning of a line, and the size of its file there."""
        descriptor = self._open() if self._descriptor is None else self._descriptor
        if self._is_torn:
            self._put(descriptor, b"\n")
            self._is_torn = False
        return descriptor, os.fstat(descriptor).st_size

    def _put(self, descriptor: int, data: bytes) -> int:
        while True:
            try:
                size = os.write(descriptor, data)
            except BlockingIOError:  # whoever shares our standard output may have made it so
                _wait_for_room(descriptor)
            else:
                self.written += size
                return size

    def reopen(self) -> None:
        """Open the path anew; if that fails, the next write tries again."""
        if self._target != STDOUT:
            self.close()
            with suppress(OSError):
                self._open()

    def close(self) -> None:
        """Let go of it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None and descriptor != _STDOUT:
            with suppress(OSError):
                os.close(descriptor)


def _standard_output() -> int:
    if fcntl.fcntl(_STDOUT, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:  # what stands there for one that was closed
        raise OSError("standard output is closed")
    return _STDOUT


def _wait_for_room(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()


def _ends_within_a_line(path: Path) -> bool:
    """Whether a file ends so, as one does whose writer lost its power."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return bool(file.seek(0, os.SEEK_END)) and file.seek(-1, os.SEEK_END) >= 0 and file.read() != b"\n"
    except OSError:  # it may be ours to write and not to read
        return False


def _cut(descriptor: int, size: int, shorter: int) -> bool:
    """Shorten a file, if nobody else has written to it in the meantime; whether that was done."""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or os.fstat(descriptor).st_size != size:
            return False
        os.ftruncate(descriptor, shorter)
        os.lseek(descriptor, 0, os.SEEK_END)  # standard output may be a file that was not opened to append
    except OSError:
        return False
    return True
