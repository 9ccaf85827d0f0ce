"""What waits is bounded, in bytes and in events, and what does not fit is told."""

from exporter.eventlog.buffer import Buffer
from exporter.eventlog.record import Record
from exporter.wire.labels import Series, Version

SERIES = Series(Version("com.acme.notes", "ios", "1.0", False), "set")


def record(size: int, events: int) -> Record:
    return Record(b"x" * size, 0.0, [(index, SERIES) for index in range(events)])


def test_records_fit_until_their_bytes_or_their_events_are_too_many() -> None:
    """A small one may still fit where a large one does not; what is taken makes room."""
    dropped: list[int] = []
    buffer: Buffer[str] = Buffer(dropped.append, max_bytes=100, max_events=10)

    for size, events in ((60, 3), (41, 1), (40, 6), (0, 2), (0, 1)):
        buffer.offer(record(size, events))

    assert dropped == [1, 2]
    assert buffer.bytes == 100
    assert buffer.take(0) == record(60, 3)
    buffer.offer(record(60, 3))
    assert dropped == [1, 2, 3], "what was taken is kept until it is released"
    buffer.release(record(60, 3))
    buffer.offer(record(60, 3))
    assert dropped == [1, 2, 3]
    assert [buffer.take(0) for _ in range(4)] == [record(40, 6), record(0, 1), record(60, 3), None]


def test_an_order_always_fits_and_keeps_its_place() -> None:
    """It is carried out behind what came before it."""
    buffer: Buffer[str] = Buffer(lambda _: None, max_bytes=10, max_events=10)
    buffer.offer(record(10, 1))
    buffer.order("end")

    assert [buffer.take(), buffer.take(), buffer.take(0)] == [record(10, 1), "end", None]
