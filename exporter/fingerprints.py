"""What makes two posted events the same one.

The protocol has no event id, and a client that did not read our reply sends its events again, possibly merged with
newer ones. The fields that tell events apart are the app, the device, the action, the raw version names (the files of
a failing manifest differ only behind the colon), the device's timestamp and the metadata (several crash records of
one millisecond differ only there). Events without a timestamp can't be told from a legitimate repeat: they have none.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from exporter.events import Event

SIZE: Final = 8
"""Bytes of a fingerprint: at 10 million remembered ones, a false match has odds of one in 1.8 million million."""

KEY_SIZE: Final = 16

_pack = msgspec.msgpack.Encoder().encode


class Fingerprint(NamedTuple):
    """`value` is a signed 64-bit integer, `timestamp` the event's, in milliseconds by the device's clock."""

    value: int
    timestamp: int


def fingerprints(events: Sequence[Event], key: bytes) -> list[Fingerprint | None]:
    """The fingerprint of each event of one body, in order; `None` for those that have no timestamp.

    Equal events of one body are different ones that happened in the same millisecond, so their ordinal takes part.
    """
    found: list[Fingerprint | None] = []
    ordinals: dict[int, int] = {}
    for event in events:
        if event.timestamp is None:
            found.append(None)
            continue
        value = _digest(event, 0, key)
        ordinal = ordinals.get(value, 0)
        ordinals[value] = ordinal + 1
        if ordinal:
            value = _digest(event, ordinal, key)
        found.append(Fingerprint(value, event.timestamp))
    return found


def _digest(event: Event, ordinal: int, key: bytes) -> int:
    device_id = event.device_id
    metadata = event.metadata
    identity = (
        event.app_id,
        # iOS spelt it in upper case until 6.1.6 and 7.0.2; an upgrade must not make a retry look new.
        device_id and device_id.lower(),
        event.action,
        event.version_name,
        event.old_version_name,
        event.timestamp,
        metadata and sorted(metadata.items()),
        ordinal,
    )
    try:
        packed = _pack(identity)  # length-prefixed, and `None` differs from ""
    except UnicodeEncodeError:
        packed = ascii(identity).encode()  # a lone surrogate somewhere in it
    return int.from_bytes(blake2b(packed, digest_size=SIZE, key=key).digest(), "little", signed=True)
