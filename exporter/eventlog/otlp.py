"""Entries in OpenTelemetry's protocol for logs (OTLP 1.x, binary protobuf, the official messages).

The resource is what Loki indexes without any configuration of its own: `service.namespace`, `service.name` (the app)
and `deployment.environment.name`. Everything else is an attribute of its record. There is no scope, as Loki would add
its name to every line, and no observed time, for the same reason.
"""

from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from exporter.eventlog.entry import Entry
from exporter.eventlog.severity import Severity

CONTENT_TYPE: Final = "application/x-protobuf"
NAMESPACE: Final = "capgo"

EVENTS: Final = 500
BYTES: Final = 2**20
"""Of a batch. Loki answers one of more than 4 MiB with 503 for ever."""

_SEVERITIES: Final = {
    Severity.INFO: SeverityNumber.SEVERITY_NUMBER_INFO,
    Severity.WARN: SeverityNumber.SEVERITY_NUMBER_WARN,
    Severity.ERROR: SeverityNumber.SEVERITY_NUMBER_ERROR,
}

_FRAMING_BYTES: Final = 512
"""What a record costs beside itself, at the most: its length, and a resource of its own with an app id of 128."""


class Batch:
    """A request that is being filled, with at most `EVENTS` events and `BYTES` bytes."""

    def __init__(self) -> None:
        self.events = 0
        self._bytes = 0
        self._request = ExportLogsServiceRequest()
        self._scopes: dict[tuple[str, bool], ScopeLogs] = {}

    def add(self, time: int, entry: Entry) -> bool:
        """Take an entry, with its time in nanoseconds since the epoch; False if it no longer fits."""
        record = _record(time, entry)
        size = record.ByteSize() + _FRAMING_BYTES
        if self.events == EVENTS or self._bytes + size > BYTES:
            return False
        self._scope(entry.app_id, entry.test).log_records.append(record)
        self.events += 1
        self._bytes += size
        return True

    def encoded(self) -> bytes:
        """The request's bytes."""
        return self._request.SerializeToString()

    def _scope(self, app_id: str, test: bool) -> ScopeLogs:
        scope = self._scopes.get((app_id, test))
        if scope is None:
            logs = self._request.resource_logs.add(resource=_resource(app_id, test))
            scope = self._scopes[app_id, test] = logs.scope_logs.add()
        return scope


def rejected(reply: bytes) -> int:
    """How many records a successful reply says were not taken; 0 for a reply of any other kind."""
    try:
        return ExportLogsServiceResponse.FromString(reply).partial_success.rejected_log_records
    except DecodeError:
        return 0


def _resource(app_id: str, test: bool) -> Resource:
    environment = "test" if test else "production"
    names = {"service.namespace": NAMESPACE, "service.name": app_id, "deployment.environment.name": environment}
    return Resource(attributes=[_attribute(*item) for item in names.items()])


def _record(time: int, entry: Entry) -> LogRecord:
    return LogRecord(
        time_unix_nano=time,
        severity_number=_SEVERITIES[entry.severity],
        severity_text=entry.severity.name,
        body=AnyValue(string_value=entry.body),
        attributes=[_attribute(*item) for item in entry.attributes.items()],
    )


def _attribute(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=value))
