"""The protocol's bytes, read by a receiver that knows nothing of us."""

import gzip

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from exporter.eventlog.entry import Entry
from exporter.eventlog.otlp import BYTES, EVENTS, Batch, rejected
from exporter.eventlog.severity import Severity
from tests.support.receiver import PATH, Line, read

HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}


def received(batch: Batch) -> list[Line]:
    return list(read(PATH, HEADERS, gzip.compress(batch.encoded())))


def numbered(number: int, app_id: str = "com.acme.notes", test: bool = False) -> Entry:
    return Entry(app_id, test, Severity.WARN, f"line {number}", {"action": "reset", "device_id": "d-1"})


def test_entries_arrive_as_they_are_each_under_its_app_and_environment() -> None:
    """Labels are three, the rest are attributes of the record."""
    batch = Batch()
    assert batch.add(7, numbered(1))
    assert batch.add(8, numbered(2, "com.acme.shop"))
    assert batch.add(9, numbered(3, test=True))
    assert batch.add(10, numbered(4))

    attributes = (("action", "reset"), ("device_id", "d-1"))
    assert received(batch) == [
        Line("com.acme.notes", "production", 7, 13, "line 1", attributes),
        Line("com.acme.notes", "production", 10, 13, "line 4", attributes),
        Line("com.acme.shop", "production", 8, 13, "line 2", attributes),
        Line("com.acme.notes", "test", 9, 13, "line 3", attributes),
    ]


def test_a_batch_takes_500_events() -> None:
    """And no more."""
    batch = Batch()
    assert sum(batch.add(number, numbered(number)) for number in range(1, 1000)) == EVENTS
    assert len(received(batch)) == EVENTS


def test_a_batch_takes_a_mebibyte() -> None:
    """Loki answers larger ones with 503 for ever; each record with an app of its own is the most that can be around."""
    batch, number = Batch(), 1
    large = {f"metadata_{number}": "x" * 1024 for number in range(30)}
    while batch.add(number, numbered(number, f"com.{'a' * 120}{number:04}")._replace(attributes=large)):
        number += 1

    assert BYTES * 0.9 < len(batch.encoded()) <= BYTES
    assert len(received(batch)) == batch.events == number - 1


@pytest.mark.parametrize(
    ("reply", "lost"),
    [
        (ExportLogsServiceResponse().SerializeToString(), 0),
        (
            ExportLogsServiceResponse(
                partial_success=ExportLogsPartialSuccess(rejected_log_records=3, error_message="x")
            ).SerializeToString(),
            3,
        ),
        (b"", 0),
        (b"{}", 0),
        (b"ok", 0),
        (b"\xff" * 4096, 0),
    ],
)
def test_a_reply_may_say_that_some_were_not_taken(reply: bytes, lost: int) -> None:
    """Or hold anything at all: stores answer with nothing, with JSON, with a page."""
    assert rejected(reply) == lost
