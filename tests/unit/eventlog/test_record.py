"""The way back from a post to its counted events."""

from exporter.eventlog.record import Record, counted_events
from exporter.wire.labels import Series, Version

SERIES = Series(Version("com.acme.notes", "ios", "1.0", False), "set")


def test_a_byte_order_mark_is_no_part_of_the_events() -> None:
    """Some libraries write one."""
    record = Record(b'\xef\xbb\xbf[{"n":1},{"n":2}]', 0.0, [(1, SERIES)])

    assert list(counted_events(record)) == [(SERIES, {"n": 2})]
