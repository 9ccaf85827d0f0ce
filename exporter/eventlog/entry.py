"""What an event becomes in a log store: one sentence to read, and attributes to ask for.

Only what says where an event belongs is a label there (app, production or test); all that a stranger can choose is an
attribute, under a name of ours and of bounded length: stores refuse a whole batch for one entry that is too large, or
has an empty name, and their query languages break on names such as `__error__` or `level`.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from exporter.eventlog.severity import Severity, severity
from exporter.wire.labels import Series

VALUE_BYTES: Final = 1024
STACK_BYTES: Final = 2048
REASON_BYTES: Final = 256
BODY_BYTES: Final = 2048
ATTRIBUTE_BYTES: Final = 32 * 1024
"""Names and values of one entry together. Loki takes 64 KiB."""
METADATA_KEYS: Final = 30
KEY_LENGTH: Final = 64

_FIELDS: Final = {
    "version_os": "version_os",
    "version_build": "version_build",
    "plugin_version": "plugin_version",
    "install_source": "install_source",
    "defaultChannel": "channel",
    "old_version_name": "old_version_name",
    "custom_id": "custom_id",
}
"""Fields of the wire contract that are attributes, and their names there."""

_REASONS: Final = ("message", "exit_description", "exit_reason")
"""What in `metadata` says why, the most telling first."""

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_]")


class Entry(NamedTuple):
    """One event as a log store gets it; every text can be encoded in UTF-8."""

    app_id: str
    test: bool
    severity: Severity
    body: str
    attributes: Mapping[str, str]


def entry(series: Series, event: Mapping[str, Any], omit: Collection[str]) -> Entry:
    """An event, as it was sent, that was counted under `series`; fields in `omit` leave no trace."""
    app_id, platform, version, test = series.version
    given = {field: value for field, value in event.items() if field not in omit}
    metadata = dict(_metadata(given))
    file = _cut(_text(given.get("version_name")).partition(":")[2], VALUE_BYTES)
    reason = _reason(metadata, _text(given.get("message")), file)
    attributes = {"action": series.action, "version": version, "platform": platform}
    attributes |= _fields(given) | {"file": file, "device_time": _device_time(given), "reason": reason}
    return Entry(
        app_id,
        test,
        severity(series.action),
        _sentence(_text(given.get("action")) or series.action, attributes),
        dict(_within(ATTRIBUTE_BYTES, {**attributes, **{f"metadata_{key}": text for key, text in metadata.items()}})),
    )


def _fields(given: Mapping[str, Any]) -> dict[str, str]:
    # iOS spelt it in upper case until 6.1.6 and 7.0.2: one device, one name.
    device = _cut(_text(given.get("device_id")).lower(), VALUE_BYTES)
    return {"device_id": device} | {
        name: _cut(_text(given.get(field)), VALUE_BYTES) for field, name in _FIELDS.items() if field in given
    }


def _metadata(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = given.get("metadata")
    if isinstance(found, dict):
        for key in list(found)[:METADATA_KEYS]:
            limit = STACK_BYTES if key == "stack" else VALUE_BYTES
            yield _NOT_IN_NAMES.sub("_", key[:KEY_LENGTH]), _cut(_plain(found[key]), limit)


def _plain(value: object) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return _text(value)


def _text(value: object) -> str:
    """A text, as far as it can be encoded; anything else counts as absent."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _cut(text: str, limit: int) -> str:
    """At most so many bytes of UTF-8, and no part of a character."""
    return text[:limit] if text.isascii() else text.encode()[:limit].decode("utf-8", "ignore")


def _reason(metadata: Mapping[str, str], message: str, file: str) -> str:
    """Why, in one line: equal ones are counted together."""
    found = next(filter(None, (*(metadata.get(key) for key in _REASONS), message, file)), "")
    return _cut(_line(found), REASON_BYTES)


def _line(text: str) -> str:
    """Without line ends, terminal codes and runs of blanks, so that nobody forges a second line."""
    printable = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())


def _device_time(given: Mapping[str, Any]) -> str:
    """RFC 3339, by the device's clock; empty where it is missing or beyond the year 9999."""
    timestamp = given.get("timestamp")
    if type(timestamp) is not int or timestamp < 0:
        return ""
    try:
        return datetime.fromtimestamp(timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return ""


def _sentence(action: str, attributes: Mapping[str, str]) -> str:
    """The line that people read: it can be searched for the device and for its words."""
    system = attributes.get("version_os")
    device, reason = attributes["device_id"], attributes["reason"]
    text = f"{_cut(action, KEY_LENGTH)} {attributes['version']} on {attributes['platform']}"
    text += f" {system}" * bool(system) + f", device {device}" * bool(device) + f": {reason}" * bool(reason)
    return _cut(_line(text), BODY_BYTES)


def _within(limit: int, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Those that say something, as long as they fit."""
    for name, value in attributes.items():
        limit -= len(name) + len(value.encode())
        if value and limit >= 0:
            yield name, value
