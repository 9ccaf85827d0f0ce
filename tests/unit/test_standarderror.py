"""No log costs anybody but its reader anything, whether that reads or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from exporter.standarderror import LONGEST_QUEUE, StandardError

FOR_EVER: Final = 600.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of one that is full."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b".")
    os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def read_until(reading: int, last: bytes) -> bytes:
    data = b""
    while not data.endswith(last):
        data += os.read(reading, 65536)
    return data


def test_who_does_not_read_keeps_nobody_waiting(pipe: tuple[int, int]) -> None:
    """What does not fit is counted, and told as soon as that can be read; the rest comes in its order."""
    reading, writing = pipe
    stream = StandardError(0, writing)
    texts = [f"{number}\n" for number in range(LONGEST_QUEUE + 8)]
    for text in texts:
        stream.write(text)

    lost = stream.take_lost()
    assert lost == 0, "it would be lost as well"
    kept = read_until(reading, f"{LONGEST_QUEUE - 1}\n".encode()).lstrip(b".").decode().splitlines(keepends=True)
    stream.write("last\n")
    kept += read_until(reading, b"last\n").decode().splitlines(keepends=True)

    assert kept[:-1] == texts[: len(kept) - 1]
    assert len(kept) - 1 + stream.take_lost() == len(texts)
    assert stream.take_lost() == 0
    stream.close()


def test_a_text_longer_than_there_is_room_for_is_written_whole(pipe: tuple[int, int]) -> None:
    """A traceback, say, of which a pipe takes a part; letters that can't be encoded as well."""
    reading, writing = pipe
    stream = StandardError(0, writing)
    stream.write("é\udc80" + "x" * 300_000 + "last")

    assert read_until(reading, b"last").lstrip(b".") == b"\xc3\xa9\\udc80" + b"x" * 300_000 + b"last"
    stream.close()


@pytest.mark.parametrize("is_closed", [True, False])
def test_what_can_not_be_written_is_nobodys_error(is_closed: bool, tmp_path: Path) -> None:
    """Nor is it waited for; and what can be again, is written when it is said."""
    descriptor = os.open("/dev/full", os.O_RDONLY if is_closed else os.O_WRONLY)
    stream, whole = StandardError(FOR_EVER, descriptor), tmp_path / "whole"
    stream.write("lost\n")

    with whole.open("w") as file:
        os.dup2(file.fileno(), descriptor)
        stream.write("kept\n")
    assert whole.read_text() == "kept\n"
    stream.close()
    os.close(descriptor)
