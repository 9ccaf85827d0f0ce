"""No log costs anybody but its reader anything, whether that reads or not."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from exporter.standarderror import LONGEST_QUEUE, StandardError

FOR_EVER: Final = 600.0


class Reader:
    """Stands for standard error, and reads when the test says so."""

    def __init__(self) -> None:
        self.has_one = threading.Event()
        self.reads = threading.Event()
        self.has_all = threading.Event()
        self.read: list[str] = []

    def write(self, text: str) -> None:
        self.has_one.set()
        assert self.reads.wait(FOR_EVER)
        self.read.append(text)
        if text == "last":
            self.has_all.set()

    def flush(self) -> None:
        pass


def test_who_does_not_read_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is counted, and told as soon as that can be read; the rest comes in its order."""
    reader, stream = Reader(), StandardError(patience=0)
    monkeypatch.setattr(sys, "stderr", reader)
    stream.write("first")
    assert reader.has_one.wait(FOR_EVER)
    for number in range(LONGEST_QUEUE + 7):
        stream.write(f"{number}" if number < LONGEST_QUEUE - 1 else "last")

    assert stream.take_lost() == 0, "it would be lost as well"
    reader.reads.set()
    assert reader.has_all.wait(FOR_EVER)

    assert reader.read == ["first", *map(str, range(LONGEST_QUEUE - 1)), "last"]
    assert [stream.take_lost(), stream.take_lost()] == [7, 0]
    stream.close()


@pytest.mark.parametrize("is_closed", [True, False])
def test_what_can_not_be_written_is_nobodys_error(
    is_closed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor is it waited for; and what can be again, is written when it is said."""
    stream, whole = StandardError(FOR_EVER), tmp_path / "whole"
    broken = open("/dev/full", "w")  # noqa: PTH123, SIM115 - closed before its end, or not
    if is_closed:
        broken.close()
    monkeypatch.setattr(sys, "stderr", broken)
    stream.write("lost\n")

    with whole.open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        stream.write("kept\n")
        assert whole.read_text() == "kept\n"
    with suppress(OSError):
        broken.close()
    stream.close()
